"""Values against schemas: patterns mean what CUE and Kubernetes mean by them."""

from __future__ import annotations

import pytest

from vela_realtime.schema import validation


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        (r"^\p{L}+$", "größe", "a1"),
        (r"^[[:alpha:]]+$", "abc", ":"),
        (r"^[^[:space:]]+$", "a-b", "a b"),
        (r"^a$", "a", "a\n"),
        (r"^\pN\z", "1", "a"),
        (r"(?i)^yes$", "YES", "no"),
    ],
)
def test_a_pattern(pattern: str, fits: str, does_not: str) -> None:
    schema = {"type": "string", "pattern": pattern}
    assert list(validation.check(schema, fits, ("p",))) == []
    assert [fault.sort for fault in validation.check(schema, does_not, ("p",))] == ["value"]


def test_what_is_no_pattern_refuses_nothing() -> None:
    assert list(validation.check({"type": "string", "pattern": "("}, "x")) == []
