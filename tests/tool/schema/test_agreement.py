"""JSON Schema, our own checker, CUE and vela accept and refuse the same parameter sets."""

from __future__ import annotations

import json
import re
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT
from tests.support import parameter_sets
from vela_realtime import cue, library, schema
from vela_realtime.documents import application, dump
from vela_realtime.kubevela import catalog, dryrun
from vela_realtime.library import definition
from vela_realtime.library.bundle import Sources
from vela_realtime.schema import template, validation

if TYPE_CHECKING:
    from pathlib import Path

SETS = 320
"""For each definition; there are seven."""

VELA_SETS = 12
"""Refused ones for each definition: every one takes a process of its own."""

LIBRARY = library.find(ROOT)
DEFINITIONS = definition.load(LIBRARY)


def sets(item: definition.Definition) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a definition's schema, and parameter sets for it."""
    data = json.loads((LIBRARY.definitions / schema.FOLDER / f"{item.name}.json").read_text())
    random = Random(item.name)  # noqa: S311 - repeatable, not secret
    drawn = (parameter_sets.draw(data, random) for _ in range(2 * SETS))
    return data, [value for value in drawn if isinstance(value, dict)][:SETS]


def parameters_of(item: definition.Definition) -> template.Template:
    """Return what the definition's source says of its parameters."""
    found = template.read(Sources(LIBRARY).bundle(item.folder).text)
    assert found is not None
    return found


def by_cue(item: definition.Definition, wanted: list[dict[str, Any]], folder: Path) -> list[bool]:
    """Let ``cue`` say of every set whether it is one."""
    refused = refused_by_cue(item, dict(enumerate(wanted)), folder, "-c=false")
    # What is missing shows only where nothing else is wrong.
    rest = {number: value for number, value in enumerate(wanted) if number not in refused}
    refused |= refused_by_cue(item, rest, folder, "-c")
    return [number not in refused for number in range(len(wanted))]


def refused_by_cue(
    item: definition.Definition, wanted: dict[int, dict[str, Any]], folder: Path, option: str
) -> set[int]:
    """Return the numbers of the sets that ``cue vet`` names."""
    parts = parameters_of(item)
    root = " & ".join("#parameter" if name == "parameter" else name for name in parts.roots)
    lines = [parts.text, f"#Root: {root}", "cases: [string]: #Root"]
    lines += [f"cases: c{number}: {json.dumps(value)}" for number, value in wanted.items()]
    file = folder / "cases.cue"
    file.write_text("\n".join(lines))
    done = cue.run(["vet", option, "-E", file], folder=folder)
    lines = [line for line in done.stderr.splitlines() if line.strip() and not re.match(r"\s+\S+:[\d,]+:[\d,]+$", line)]
    numbers = [re.match(r"\s*cases\.c(\d+)\b", line) for line in lines]
    assert [line for line, number in zip(lines, numbers, strict=True) if number is None] == []
    return {int(number[1]) for number in numbers if number is not None}


@pytest.mark.parametrize("item", DEFINITIONS, ids=lambda item: item.name)
def test_agreement(item: definition.Definition, tmp_path: Path) -> None:
    import jsonschema

    data, wanted = sets(item)
    validator = jsonschema.Draft7Validator(for_python(data))
    of_cue = by_cue(item, wanted, tmp_path)
    of_schema = [validator.is_valid(value) for value in wanted]
    of_checker = [validation.fits(data, value) for value in wanted]
    assert len(wanted) == SETS
    assert SETS // 10 < sum(of_cue) < SETS * 9 // 10, "one sort of sets is hardly there"
    both = zip(wanted, of_cue, of_schema, of_checker, strict=True)
    assert [(value, *verdicts) for value, *verdicts in both if len(set(verdicts)) > 1] == []


def for_python(data: Any) -> Any:
    """Return a schema whose patterns mean for Python what they mean for JSON Schema.

    There $ is the end of the text; in Python it is also the line end before it.
    """
    if isinstance(data, dict):
        return {
            key: f"{value[:-1]}\\Z" if key == "pattern" and value.endswith("$") else for_python(value)
            for key, value in data.items()
        }
    return [for_python(item) for item in data] if isinstance(data, list) else data


def test_there_are_enough_sets() -> None:
    assert len(DEFINITIONS) * SETS >= 2000


@pytest.mark.parametrize("item", DEFINITIONS, ids=lambda item: item.name)
def test_vela_agrees(item: definition.Definition) -> None:
    data, wanted = sets(item)
    accepted = [value for value in wanted if validation.fits(data, value)]
    refused = [value for value in wanted if not validation.fits(data, value)][:VELA_SETS]
    assert rendered(item, accepted) == []
    assert [value for value in refused if not rendered(item, [value])] == []


def rendered(item: definition.Definition, wanted: list[dict[str, Any]]) -> list[str]:
    """Render an Application that has a component for each set, and return what ``vela`` says is wrong.

    The definition has the parameters and the bounds of the real one, and nothing else: rules between parameters
    would refuse what each of them allows.
    """
    parts = parameters_of(item)
    imports = [line for line in parts.text.split("\n") if line.startswith("import ")]
    body = "\n".join(line for line in parts.text.split("\n") if not line.startswith("import "))
    roots = ["#parameter" if name == "parameter" else name for name in parts.roots]
    text = "\n".join(
        [
            *imports,
            'import "encoding/json"',
            '"under-test": {type: "component", attributes: workload: type: "autodetects.core.oam.dev"}',
            "template: {",
            body,
            f"parameter: {roots[0]}",
            *(f"strict{number}: {name} & parameter" for number, name in enumerate(roots[1:])),
            'output: {apiVersion: "v1", kind: "ConfigMap", data: all: json.Marshal(parameter)}',
            "}",
        ]
    )
    found = catalog.Found("component", "under-test", "", text, ".cue", "the test")
    components = [
        {"name": f"c{number}", "type": "under-test", "properties": value} for number, value in enumerate(wanted)
    ]
    app = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "app"},
        "spec": {"components": components},
    }
    (document,), faults = application.parse("app.yaml", dump.dump(app))
    assert faults == []
    return [finding.message for finding in dryrun.render(document, catalog.Catalog([found])).findings]
