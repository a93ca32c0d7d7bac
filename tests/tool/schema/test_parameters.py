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


def test_what_stands_outside_of_an_if_is_asked_for_and_what_it_has_once_has_its_type() -> None:
    schema = parameters.of_template(GUARDED)
    given = {"path": 7, "mounts": [{"path": "/a"}]}
    assert [fault.message for fault in validation.check(schema, given)] == [
        "path must be a text, not 7",
        "mounts[0].name is missing",
    ]
