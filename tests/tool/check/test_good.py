"""What is right is left alone: every example, and every valid fixture of the definitions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import ROOT
from tests.support import checking
from vela_realtime import library, schema
from vela_realtime.library import definition, fixtures
from vela_realtime.schema import application

if TYPE_CHECKING:
    from pathlib import Path

    from vela_realtime.findings import Finding

LIBRARY = library.find(ROOT)
DEFINITIONS = definition.load(LIBRARY)
EVERYTHING_ELSEWHERE = frozenset({"platform/*", "secret/*", "topic/*"})

DELIBERATE = {
    "default-image": "cases that show which image a service gets where none is given",
    "hidden-variable": "cases that show that a service's own variable wins",
    "one-copy": "cases of brokers and controllers, which are about their number alone",
    "secret-in-clear": "cases of properties that take a secret in clear, the guide's own among them",
    "sql-form": "cases of a processor's settings, whose query is the shortest that renders",
    "sql-topics": "cases of a query's text or name, which leave out topics",
}
"""Warnings that valid fixtures earn on purpose: they show one parameter each, and are no whole Applications."""


def shown(findings: list[Finding]) -> list[str]:
    return [f"{finding.file}: {checking.shown(finding)}" for finding in findings]


@pytest.mark.parametrize("path", checking.EXAMPLES, ids=lambda path: path.stem)
def test_example(path: Path) -> None:
    assert shown(checking.check_files(path, render=True).findings) == []


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def test_examples_together() -> None:
    assert shown(checking.check_files(LIBRARY.examples).findings) == []


@pytest.mark.parametrize("item", DEFINITIONS, ids=lambda item: item.name)
def test_valid_fixtures(item: definition.Definition, tmp_path: Path) -> None:
    valid = [case for case in fixtures.load(LIBRARY, item.name) if case.valid]
    for case in valid:
        (tmp_path / f"{case.name}.yaml").write_text(fixtures.application_text(case, item.type))
    result = checking.check_files(tmp_path, external=EVERYTHING_ELSEWHERE, optional="webservice")
    assert result.applications == len(valid) > 0
    assert shown([finding for finding in result.findings if finding.rule not in DELIBERATE]) == []
    assert not [finding for finding in result.findings if finding.severity.value == "error"]


def test_deliberate_warnings_are_still_there(tmp_path: Path) -> None:
    for item in DEFINITIONS:
        for case in fixtures.load(LIBRARY, item.name):
            if case.valid:
                (tmp_path / f"{item.name}-{case.name}.yaml").write_text(fixtures.application_text(case, item.type))
    result = checking.check_files(tmp_path, external=EVERYTHING_ELSEWHERE, optional="webservice")
    found = {finding.rule for finding in result.findings}
    assert found == set(DELIBERATE)


@pytest.mark.parametrize("path", checking.EXAMPLES, ids=lambda path: path.stem)
def test_the_schema_of_applications_takes_every_example(path: Path) -> None:
    validator = jsonschema_of(json.loads((LIBRARY.definitions / schema.FOLDER / "application.json").read_text()))
    for document in documents(path):
        if document.get("apiVersion", "").startswith("core.oam.dev/"):
            assert [error.message for error in validator.iter_errors(document)] == []


def jsonschema_of(data: dict[str, Any]) -> Any:
    import jsonschema

    jsonschema.Draft7Validator.check_schema(data)
    return jsonschema.Draft7Validator(data)


def test_the_schema_of_applications_tells_types_apart() -> None:
    validator = jsonschema_of(json.loads((LIBRARY.definitions / schema.FOLDER / "application.json").read_text()))

    def faults(kind: str, properties: dict[str, Any]) -> list[str]:
        component = {"name": "part", "type": kind, "properties": properties}
        data = {"apiVersion": "core.oam.dev/v1beta1", "kind": "Application", "metadata": {"name": "app"}}
        return [error.message for error in validator.iter_errors({**data, "spec": {"components": [component]}})]

    assert faults("iot-broker", {"name": "a", "mqttPort": 1884}) == []
    assert faults("iot-broker@v1.0.0", {"name": "a", "mqttPort": 80}) == ["80 is less than the minimum of 1024"]
    assert faults("stream-processor", {"name": "a", "mqttPort": 1884}) == [
        "Additional properties are not allowed ('mqttPort' was unexpected)"
    ]
    assert faults("somebodys-own", {"anything": "goes"}) == []
    assert set(application.FIELDS) == {"components", "traits", "policies", "steps"}


def test_a_modeline_leads_to_the_schema() -> None:
    lines = [
        (path, line)
        for path in checking.EXAMPLES
        for line in path.read_text().splitlines()
        if line.startswith("# yaml-language-server: ")
    ]
    assert lines
    for path, line in lines:
        match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", line)
        assert match is not None
        target = (path.parent / match[1]).resolve()
        assert target == LIBRARY.definitions / schema.FOLDER / "application.json"
        assert target.is_file()


def test_an_answer_to_a_rule_that_was_not_looked_at_stays(tmp_path: Path) -> None:
    comment = "  # vela-realtime: ignore[image-tag] it is built on this machine"
    text = (LIBRARY.examples / "iot-broker.yaml").read_text()
    text = re.sub(r"^(\s+type: iot-broker)$", rf"\1{comment}", text, count=1, flags=re.MULTILINE)
    assert comment in text
    assert [finding.message for finding in checking.check_text(tmp_path, text)] == []
    found = checking.check_text(tmp_path, text, render=True)
    assert [finding.message for finding in found] == ["there is no image-tag here to ignore"]
