"""Writing YAML: every parser reads the same, and people can read it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vela_realtime.documents import dump


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": 1, "b": None, "c": True, "d": 1.5}, "a: 1\nb: null\nc: true\nd: 1.5\n"),
        ({"b": "x", "a": "y-z"}, "b: x\na: y-z\n"),
        ({"image": "y", "n": "no", "on": "off"}, 'image: "y"\n"n": "no"\n"on": "off"\n'),
        ({"a": "1", "b": "1e3", "c": "", "d": "~"}, 'a: "1"\nb: "1e3"\nc: ""\nd: "~"\n'),
        ({"a": "b: c", "d": "#e", "f": "- g"}, 'a: "b: c"\nd: "#e"\nf: "- g"\n'),
        ({"a": [], "b": {}, "c": [1, {"d": 2, "e": 3}]}, "a: []\nb: {}\nc:\n- 1\n- d: 2\n  e: 3\n"),
        ({"a": [[1, 2], [3]]}, "a:\n- - 1\n  - 2\n- - 3\n"),
        ({"a": "one\ntwo\n"}, "a: |\n  one\n  two\n"),
        ({"a": "one\ntwo"}, "a: |-\n  one\n  two\n"),
        ({"a": "one\n\n"}, "a: |+\n  one\n\n"),
        ({"a": "\tone\n  two\n"}, "a: |\n  \tone\n    two\n"),
        ({"a": "  one\ntwo\n"}, "a: |2\n    one\n  two\n"),
        ({"a": "bell\x07\n"}, 'a: "bell\\u0007\\n"\n'),
        ([{"a": {"b": ["x\ny\n"]}}], "- a:\n    b:\n    - |\n      x\n      y\n"),
        ({"a": 1e16}, "a: 1.0e+16\n"),
        ({"ä": "größe"}, '"ä": "größe"\n'),
    ],
)
def test_text(value: Any, text: str) -> None:
    assert dump.dump(value) == text
    assert yaml.safe_load(text) == value


TEXT = st.text(alphabet=st.sampled_from(list("ab \n\t\r:#-'\"\\|y~{[&*!%@`1.é\x00\x07\x85\u2028\ufeff")), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_it_reads_back_as_it_was(value: Any) -> None:
    assert yaml.safe_load(dump.dump(value)) == value


def test_a_stream() -> None:
    assert dump.dump_all([{"a": 1}, {"b": 2}]) == "---\na: 1\n---\nb: 2\n"
    assert dump.dump_all([]) == ""
