"""Layer 5: the real ``vela dry-run``, and its words about the properties that they are about."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime import cue
from vela_realtime.check import properties
from vela_realtime.cue.syntax import CueSyntaxError
from vela_realtime.errors import RealtimeError
from vela_realtime.findings import Severity
from vela_realtime.findings.suggest import did_you_mean
from vela_realtime.kubevela import uses
from vela_realtime.schema import template as templates
from vela_realtime.schema.store import template_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.findings import Finding
    from vela_realtime.kubevela.catalog import Catalog, Found
    from vela_realtime.kubevela.dryrun import Outcome
    from vela_realtime.schema.store import Store

RULE = "property-rule"
"""A rule between properties, which a definition states in its own words."""


def told(
    outcome: Outcome, catalog: Catalog, schemas: Store, beside: Sequence[Found], elsewhere: AbstractSet[str]
) -> list[Finding]:
    """Return why an Application does not render, in the words that ``check`` has for it.

    Raises:
        InputError: a definition's file cannot be read.
    """
    document = outcome.document
    resolved = uses.resolve(document, catalog, beside, elsewhere)
    faults = properties.check(document, resolved.uses, resolved.definitions, schemas)
    found = [*resolved.findings, *(item for item in faults if item.severity is Severity.ERROR)]
    return found or explain(outcome, resolved.definitions)


def explain(outcome: Outcome, definitions: Mapping[tuple[str, str], Found]) -> list[Finding]:
    """Return why an Application does not render.

    ``vela`` stops at the first component that fails; so the templates of all of them are evaluated once more, by
    ``cue``, which names every rule that is broken.
    """
    document = outcome.document
    found = list(_broken_rules(document, definitions))
    known = {(item.message, item.path.rpartition(".properties")[0]) for item in found}
    for finding in outcome.findings:
        base = _route_of(document, finding.path)
        if finding.rule == "dry-run" and base[-1:] == ("properties",):
            if (finding.message, finding.path.rpartition(".properties")[0]) in known or any(
                item.message == finding.message for item in found
            ):
                continue
            found.append(_rule(document, base, finding.message))
        elif not found or finding.rule != "dry-run":
            found.append(finding)
    return list(dict.fromkeys(found))


def _broken_rules(document: Document, definitions: Mapping[tuple[str, str], Found]) -> Iterator[Finding]:
    components = document.data["spec"]["components"]
    for index, component in enumerate(components):
        definition = definitions.get(("component", component["type"].partition("@")[0]))
        template = template_of(definition) if definition is not None else None
        if template is None:
            continue
        try:
            messages = broken_rules(template, _context(document, component), component.get("properties") or {})
        except (CueSyntaxError, RealtimeError):
            continue
        base = ("spec", "components", index, "properties")
        for message in messages:
            yield _rule(document, base, message)


def broken_rules(template: str, context: dict[str, Any], parameter: dict[str, Any]) -> list[str]:
    """Return the texts of all rules that a parameter set breaks.

    Raises:
        CueSyntaxError: the template is not CUE.
        ToolError: there is no ``cue``.
    """
    # Labels without quotes: the template could not refer to others.
    fields = {"context": context, "parameter": parameter}
    values = "".join(f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in fields.items())
    text = f"{templates.body(template)}\n{values}"
    done = cue.run(["vet", "-c=false", "-E", "cue:", "-"], folder=Path.cwd(), stdin=text)
    return list(dict.fromkeys(problem.rule for problem in cue.problems(done.stderr, Path.cwd()) if problem.rule))


def _context(document: Document, component: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": component["name"],
        "namespace": document.data["metadata"].get("namespace") or "default",
        "appName": document.name,
        "appRevision": "",
        "appRevisionNum": 0,
        "revision": "",
        "components": document.data["spec"]["components"],
    }


_WORD = re.compile(r"[A-Za-z0-9][\w-]*(?:\.[A-Za-z][\w-]*)*")


def _rule(document: Document, base: Route, message: str) -> Finding:
    """Report a broken rule at the property that its words name first, as far as the Application has it."""
    best: Route = base
    words = _WORD.findall(message)
    for number, word in enumerate(words):
        steps = tuple(word.split("."))
        route = base
        for step in steps:
            node = document.value_node((*route, step))
            if node is None:
                break
            route = (*route, step)
        if len(route) > len(base):
            best = _value_below(document, route, words[number + 1 :]) or route
            break
    listed = _LISTED.search(message)
    if not listed:
        return document.finding(best, RULE, message)
    below = (*best, listed[1])
    where = below if document.value_node(below) is not None else best
    return document.finding(where, RULE, message, did_you_mean([listed[1]], listed[2].split(", ")))


_LISTED = re.compile(r"has no [a-z]+ (\S+); there are (.+)")


def _value_below(document: Document, route: Route, words: list[str]) -> Route | None:
    """Return the last place below a list that has one of the words as its value: "users has gateway twice"."""
    value: Any = document.data
    for step in route:
        value = value[step]
    if not isinstance(value, list):
        return None
    places = [(*route, index, key) for index, item in enumerate(value) if isinstance(item, dict) for key in item]
    for word in words:
        found = [place for place in places if value[place[-2]][place[-1]] == word]
        if found:
            return found[-1]
    return None


def _route_of(document: Document, path: str) -> Route:
    """Read a path as ``show_path`` writes it, as far as the document has it."""
    route: list[str | int] = []
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        route.append(int(index) if index else name)
        if document.value_node(tuple(route)) is None:
            route.pop()
            break
    return tuple(route)
