"""The schema of a template's parameters: what has to be given, and of which type."""

from __future__ import annotations

from typing import Any

import pytest

from vela_realtime.schema import parameters, validation

GUARDED = """\
parameter: {
	mode: *"files" | string
	if mode == "files" {
		path: string
		size: string
	}
	if mode == "blocks" {
		device: string
		size:   int
	}
	mounts: [...{
		name: string
		if mode == "blocks" {device: string}
		if mode == "files" {path: string}
	}]
}
"""


@pytest.mark.parametrize(
    "given",
    [
        {"path": "/data", "size": "5Gi", "mounts": [{"name": "a", "path": "/a"}]},
        {"mode": "blocks", "device": "/dev/b", "size": 5, "mounts": [{"name": "a", "device": "/dev/a"}]},
    ],
    ids=["as the default has it", "otherwise"],
)
def test_what_an_if_asks_for_is_not_asked_for_always(given: dict[str, Any]) -> None:
    schema = parameters.of_template(GUARDED)
    assert [fault.message for fault in validation.check(schema, given)] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"path": 7, "mounts": [{"path": "/a"}]},
            ["path must be a text, not 7", "mounts[0].name is missing", "size is missing"],
        ),
        (
            {"mode": "blocks", "size": "5", "mounts": [{"name": "a"}]},
            ['size must be a whole number, not "5"', "mounts[0].device is missing", "device is missing"],
        ),
        # What an if before it does not ask for is nobody's business.
        ({"mode": "blocks", "device": "/dev/b", "size": 5, "path": 7}, []),
        ({"mode": "none", "mounts": [{"name": "a"}]}, []),
        ({"mode": 7}, ["mode must be a text, not 7"]),
    ],
)  # fmt: skip
def test_what_an_if_asks_for_is_asked_for_where_it_holds(given: dict[str, Any], said: list[str]) -> None:
    schema = parameters.of_template(GUARDED)
    assert [fault.message for fault in validation.check(schema, given)] == said


CONDITIONS = {
    "a value": ('kind: string, if kind == "a" {x: int}', {"kind": "a"}, {"kind": "b"}),
    "another value": ('kind: string, if kind != "a" {x: int}', {"kind": "b"}, {"kind": "a"}),
    "a value, turned around": ('kind: string, if !(kind == "a") {x: int}', {"kind": "b"}, {"kind": "a"}),
    "the default": ('kind: *"a" | string, if kind == "a" {x: int}', {}, {"kind": "b"}),
    "not the default": ('kind: *"a" | string, if kind != "a" {x: int}', {"kind": "b"}, {}),
    "a number": ("kind: *1 | int, if kind == 2 {x: int}", {"kind": 2}, {"kind": 1}),
    "true": ("on: *true | bool, if on {x: int}", {}, {"on": False}),
    "false": ("on: *true | bool, if !on {x: int}", {"on": False}, {}),
    "what is given": ("kind?: string, if kind != _|_ {x: int}", {"kind": "a"}, {}),
    "what is not given": ("kind?: string, if kind == _|_ {x: int}", {}, {"kind": "a"}),
    "both": ('a: *"a" | string, b: string, if a == "a" && b == "b" {x: int}', {"b": "b"}, {"a": "b", "b": "b"}),
    "either": ('a: *"a" | string, b: string, if a == "b" || b == "b" {x: int}', {"b": "b"}, {"b": "a"}),
    "one after the other": ('a: *"a" | string, b: string, if a == "a" if b == "b" {x: int}', {"b": "b"}, {"b": "a"}),
    "one in the other": ('a: *"a" | string, b: string, if a == "a" {if b == "b" {x: int}}', {"b": "b"}, {"b": "a"}),
    "by the way to it": ('kind: string, if parameter.kind == "a" {x: int}', {"kind": "a"}, {"kind": "b"}),
    "by its name": ('kind: string, if parameter["kind"] == "a" {x: int}', {"kind": "a"}, {"kind": "b"}),
}


@pytest.mark.parametrize(("text", "asked", "not_asked"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition(text: str, asked: dict[str, Any], not_asked: dict[str, Any]) -> None:
    schema = parameters.of_template(f"parameter: {{{text}}}\n")
    assert [fault.message for fault in validation.check(schema, asked)] == ["x is missing"]
    assert list(validation.check(schema, not_asked)) == []


@pytest.mark.parametrize(
    "text",
    [
        'kind: string, if len(kind) > 3 {x: int}',
        'kind: string, if kind =~ "^a" {x: int}',
        'kind: string, if kind == context.name {x: int}',
        'kind: string, a: {on: *true | bool, if on if kind == "abcd" {x: int}}',
        'kind: string, for k in [kind] {x: int}',
        'kind: string, if kind == "abcd" {x: *1 | int, y?: int}',
        'kind: string, if kind == "abcd" {_x: int}',
    ],
)  # fmt: skip
def test_what_cannot_be_decided_asks_for_nothing(text: str) -> None:
    schema = parameters.of_template(f"parameter: {{{text}}}\n")
    assert [fault.message for fault in validation.check(schema, {"kind": "abcd"})] == []


def test_a_plain_field_that_parameters_are_made_of_is_told_too() -> None:
    text = """\
login: {user: string, key?: string}
parameter: #Key | #Password
#Key: {login, type: "key", file: string}
#Password: {login, type: "password", text: string}
"""
    schema = parameters.of_template(text)
    assert [fault.message for fault in validation.check(schema, {"type": "key"})] == [
        "user is missing",
        "file is missing",
    ]
    assert [fault.message for fault in validation.check(schema, {"type": "non", "user": "a"})] == [
        'type must be one of "key", "password", not "non"'
    ]
    assert [fault.message for fault in validation.check(schema, {"user": "a"})] == [
        "properties must have user and file, or user and text"
    ]
