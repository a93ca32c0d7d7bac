"""What definitions make of examples and fixtures, by ``cue``, many at once and each once."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vela_realtime import cache
from vela_realtime.library import fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vela_realtime.diff.snapshot import Definition, Key, Snapshot
    from vela_realtime.documents.application import Document
    from vela_realtime.library import Library
    from vela_realtime.library.fixtures import Case


@dataclass(frozen=True)
class Rendering:
    """The objects that a definition makes of a case, by their keys in its template, or why it makes none."""

    objects: Mapping[str, Any]
    problem: str = ""


def all_cases(snapshots: Sequence[Snapshot], keys: set[Key]) -> list[tuple[Key, Case]]:
    """Return the cases of some definitions in all of some versions, each parameter set once."""
    found: dict[str, tuple[Key, Case]] = {}
    for snapshot in snapshots:
        of_examples = (pair for document in snapshot.examples for pair in of_application(document, keys))
        of_fixtures = (
            ((kind, case.definition), case)
            for case in snapshot.fixtures
            for kind in ("component", "trait")
            if (kind, case.definition) in keys
        )
        for key, case in (*of_fixtures, *of_examples):
            content = json.dumps([key, fixtures.package_input(case, key[0])], sort_keys=True)
            found.setdefault(content, (key, case))
    return list(found.values())


def of_application(document: Document, keys: set[Key]) -> Iterator[tuple[Key, Case]]:
    """Yield a case for each component and each trait of an Application that is of one of some definitions."""
    components = document.data["spec"]["components"]
    for component in components:
        siblings = [other for other in components if other is not component]
        name, traits = component["name"], component.get("traits") or []
        common = {
            "file": document.file,
            "line": document.first_line,
            "component": name,
            "application": document.name,
            "namespace": document.data["metadata"].get("namespace") or "default",
            "siblings": siblings,
        }
        if (key := ("component", _plain(component["type"]))) in keys:
            properties = component.get("properties") or {}
            yield key, fixtures.Case(key[1], f"{document.name}/{name}", properties=properties, traits=traits, **common)
        for trait in traits:
            if (key := ("trait", _plain(trait["type"]))) not in keys:
                continue
            workload = {part: component[part] for part in ("type", "properties") if part in component}
            case = fixtures.Case(key[1], f"{document.name}/{name}", properties=trait.get("properties") or {}, **common)
            yield key, replace(case, workload=workload, traits=[other for other in traits if other is not trait])


def render(library: Library, definition: Definition, case: Case, *, use_cache: bool = True) -> Rendering:
    """Render a case by a definition's template.

    Raises:
        ToolError: there is no ``cue``.
    """
    from vela_realtime import toolchain

    given = json.dumps(fixtures.package_input(case, definition.type))
    key = cache.key(toolchain.cue(), definition.template, given, code=__name__)

    def produce() -> str:
        result = fixtures.render_template(library, definition.template, case, definition.type)
        problem = "; ".join(problem.text for problem in result.problems[:3])
        return json.dumps({"objects": result.objects, "problem": problem})

    return Rendering(**json.loads(cache.cached("diffs", key, produce, enabled=use_cache)))


def _plain(type_name: str) -> str:
    return type_name.partition("@")[0]
