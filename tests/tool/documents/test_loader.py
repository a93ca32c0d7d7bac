"""YAML is read as Kubernetes reads it: each value beside what ``sigs.k8s.io/yaml`` makes of it (seen with v1.6.0)."""

from __future__ import annotations

from typing import Any

import pytest

from vela_realtime.documents import loader


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # Numbers
        ("1e3", 1000),
        ("1E-3", 0.001),
        ("08", 8),
        ("0o755", 493),
        ("0755", 493),
        ("0x1F", 31),
        ("-0b11", -3),
        ("1_000", 1000),
        (".5", 0.5),
        ("5.", 5),
        ("18446744073709551615", 18446744073709551615),
        # Texts that other readers of YAML 1.1 take for something else
        ("12:30:45", "12:30:45"),
        ("=", "="),
        ("<<", "<<"),
        ("2001-12-14", "2001-12-14"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("!!timestamp 2001-12-14", "2001-12-14"),
        ("1e999", "1e999"),
        ("_1", "_1"),
        ("yEs", "yEs"),
        ("nULL", "nULL"),
        ("1Gi", "1Gi"),
        ("'08'", "08"),
        ("!!str 08", "08"),
        ("!!binary aGVsbG8=", "hello"),
        # Booleans and nothing
        ("y", True),
        ("N", False),
        ("on", True),
        ("Off", False),
        ("~", None),
        ("Null", None),
        ("", None),
    ],
)
def test_a_value(text: str, value: Any) -> None:
    found = loader.load(f"a: {text}")["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "key"), [("8080", "8080"), ("0x10", "16"), ("1.5", "1.5"), ("2001-12-14", "2001-12-14")]
)
def test_a_key_is_a_text(text: str, key: str) -> None:
    assert loader.load(f"{text}: a") == {key: "a"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: .inf", ".inf is no number that JSON has"),
        ("a: !!int x", "x is not what its tag says"),
        ("a: !!bool 1", "1 is not what its tag says"),
        ("~: a", "a key is empty"),
    ],
)
def test_what_json_does_not_have_is_an_error(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=f"^{says}$"):
        loader.load(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{<<: *x, a: 1}", {"a": 1, "b": 3}),
        ("{a: 1, <<: *x}", {"a": 2, "b": 3}),
        ("{<<: [{a: 9}, *x]}", {"a": 9, "b": 3}),
    ],
)
def test_of_a_merge_the_later_wins(text: str, value: dict[str, int]) -> None:
    assert loader.load(f"x: &x {{a: 2, b: 3}}\nz: {text}")["z"] == value
