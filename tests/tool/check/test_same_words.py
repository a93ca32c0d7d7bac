"""What is said without rendering, the definition says as well, in the same words: people learn one of the two."""

from __future__ import annotations

import pytest

from tests.support import checking
from vela_realtime.check import render
from vela_realtime.documents import application
from vela_realtime.kubevela import uses
from vela_realtime.schema.store import template_of

RULE = "property-rule: "
CASES = [case for case in checking.cases() if not case.rendered and any(RULE in line for line in case.expected)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_definition_has_the_same_words(case: checking.Case) -> None:
    catalog, _ = checking.parts()
    said = [line.split(RULE, 1)[1].split(" | ")[0] for line in case.expected if RULE in line]
    (document,), _ = application.parse(str(case.path), case.path.read_text())
    definitions = uses.resolve(document, catalog).definitions
    found = []
    for component in document.data["spec"]["components"]:
        template = template_of(definitions["component", component["type"]])
        assert template is not None
        context = {"name": component["name"], "namespace": "default", "appName": "a", "components": []}
        parameter = {key: value for key, value in component["properties"].items() if key != "iots"}
        found += render.broken_rules(template, context, parameter)
    assert set(said) <= set(found)


def test_there_are_such_cases() -> None:
    assert len(CASES) >= 4
