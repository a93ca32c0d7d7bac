"""What policies and the workflow say of components by name: what rules select, what is copied, what is passed on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vela_realtime.documents.fix import value_edit
from vela_realtime.findings import Finding, Severity
from vela_realtime.findings.suggest import nearest, shown
from vela_realtime.kubevela.catalog import KUBEVELA
from vela_realtime.kubevela.offline import REPLICA_KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.kubevela.uses import Resolved

SELECTING = {"apply-once", "garbage-collect", "read-only", "resource-update", "shared-resource", "take-over"}
"""The policies with rules that select objects: ``ResourcePolicyRuleSelector`` in ``apis/core.oam.dev/v1alpha1``."""

_SELECTORS = ("componentNames", "componentTypes", "oamTypes", "traitTypes", "resourceTypes", "resourceNames")
_OAM_TYPES = ("TRAIT", "WORKLOAD")
_NAME = re.compile(r"[A-Za-z_][\w-]*")


def check(document: Document, resolved: Resolved) -> Iterator[Finding]:
    """Yield what selects nothing, is replicated into one name, or waits for what nobody gives."""
    spec = document.data["spec"]
    for index, policy in enumerate(spec.get("policies") or []):
        route: Route = ("spec", "policies", index, "properties")
        properties = policy.get("properties") or {}
        if policy["type"] in SELECTING:
            yield from _rules(document, route, properties)
        elif policy["type"] == "replication":
            yield from _replication(document, route, properties, resolved)
    yield from _inputs(document, resolved)


def _rules(document: Document, route: Route, properties: dict[str, Any]) -> Iterator[Finding]:
    components = document.data["spec"]["components"]
    traits = [trait["type"] for item in components for trait in item.get("traits") or []]
    known = {
        "componentNames": [item["name"] for item in components],
        "componentTypes": [item["type"].partition("@")[0] for item in components],
        "traitTypes": [name.partition("@")[0] for name in traits],
        "oamTypes": list(_OAM_TYPES),
    }
    for number, rule in enumerate(_dicts(properties.get("rules"))):
        here = (*route, "rules", number)
        selector = rule.get("selector")
        given = selector if isinstance(selector, dict) else {}
        if not any(given.get(key) for key in _SELECTORS) and isinstance(selector, (dict, type(None))):
            message = "the rule selects nothing, so it does nothing"
            hint = f"selector takes {', '.join(_SELECTORS)}"
            yield document.finding(here, "ignored-property", message, hint=hint, severity=Severity.WARNING)
        for key, names in known.items():
            for place, name in enumerate(_texts(given.get(key))):
                yield from _selected(document, (*here, "selector", key, place), key, name, names)


def _selected(document: Document, route: Route, key: str, name: str, names: Collection[str]) -> Iterator[Finding]:
    """Report what is no name of this Application's, and is near to one; else it may be what was there before."""
    if name in names:
        return
    meant = nearest(name, names)
    if key == "oamTypes" and not meant:
        message = f"objects are of no type {shown(name)}: there are {' and '.join(_OAM_TYPES)}"
        yield document.finding(route, "unknown-name", message, at_value=True)
    elif meant:
        what = {"componentNames": "component", "oamTypes": "type of objects"}.get(key, f"{key[:-5]} of the type")
        edit = value_edit(document, route, meant)
        message, hint = f"there is no {what} {shown(name)}", f"did you mean {meant}?"
        yield document.finding(route, "unknown-name", message, hint=hint, at_value=True, edit=edit)


def _replication(document: Document, route: Route, properties: dict[str, Any], resolved: Resolved) -> Iterator[Finding]:
    """Report copies whose objects would have one name: KubeVela tells them apart by ``context.replicaKey``."""
    components = document.data["spec"]["components"]
    names = [item["name"] for item in components]
    keys = _texts(properties.get("keys"))
    for place, key in enumerate(keys):
        if key in keys[:place]:
            message = f"the key {shown(key)} is given twice: the copies would be one and the same"
            yield document.finding((*route, "keys", place), "name-collision", message, at_value=True)
    if not properties.get("selector") and not any(nearest(str(name), ("selector",)) for name in properties):
        message = "no component is selected, so KubeVela's step fails"
        yield document.finding(route, "missing-property", message, hint="selector has the names of components")
    for place, name in enumerate(_texts(properties.get("selector"))):
        here = (*route, "selector", place)
        if name not in names:
            meant = nearest(name, names)
            hint = f"did you mean {meant}?" if meant else ""
            edit = value_edit(document, here, meant) if meant else None
            message = f"there is no component {shown(name)}"
            yield document.finding(here, "unknown-name", message, hint=hint, at_value=True, edit=edit)
            continue
        kind = components[names.index(name)]["type"].partition("@")[0]
        found = resolved.definitions.get(("component", kind))
        # None of KubeVela's own looks at the key; their texts are not at hand everywhere.
        if len(set(keys)) > 1 and found is not None and not REPLICA_KEY.search(found.text):
            message = f"the {len(set(keys))} copies of {name} would have objects of the same names"
            hint = f"{kind} does not name them by context.replicaKey: write a component for each instead"
            yield document.finding(here, "name-collision", message, hint=hint, at_value=True)


def _inputs(document: Document, resolved: Resolved) -> Iterator[Finding]:
    """Report inputs of what no component and no step puts out; a step of one's own may do it in another way."""
    own = [use for use in resolved.uses if use.kind == "workflow-step"]
    if any((found := resolved.of(use)) is None or found.source != KUBEVELA for use in own):
        return
    places = list(_places(document))
    there = {name for _, item in places for entry in _dicts(item.get("outputs")) if (name := entry.get("name"))}
    for route, item in places:
        for number, entry in enumerate(_dicts(item.get("inputs"))):
            source = entry.get("from")
            first = str(source).partition(".")[0]
            # What is no plain name is looked up among the parameters, as an expression.
            if not isinstance(source, str) or source in there or first in {*there, "context", "parameter"}:
                continue
            if not _NAME.fullmatch(first):
                continue
            meant = nearest(source, there)
            here = (*route, "inputs", number, "from")
            hint = f"did you mean {meant}?" if meant else ""
            edit = value_edit(document, here, meant) if meant else None
            message = f"nothing here has the output {shown(source)}"
            yield document.finding(here, "unknown-name", message, hint=hint, at_value=True, edit=edit)


def _places(document: Document) -> Iterator[tuple[Route, dict[str, Any]]]:
    """Yield what may have inputs and outputs: components, steps, and steps inside of a group."""
    spec = document.data["spec"]
    for index, item in enumerate(spec["components"]):
        yield ("spec", "components", index), item
    for index, step in enumerate((spec.get("workflow") or {}).get("steps") or []):
        route: Route = ("spec", "workflow", "steps", index)
        yield route, step
        for number, inner in enumerate(_dicts(step.get("subSteps"))):
            yield (*route, "subSteps", number), inner


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else []
