"""Layer 3: properties against the schemas that are exported from CUE."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from vela_realtime.check import form
from vela_realtime.check.objects.secrets import masked
from vela_realtime.documents.application import show_path
from vela_realtime.documents.fix import key_edit, renamed, value_edit
from vela_realtime.documents.loader import BOOLEANS
from vela_realtime.findings import Finding, Severity
from vela_realtime.findings.suggest import nearest, shown
from vela_realtime.kubevela.catalog import KUBEVELA
from vela_realtime.kubevela.uses import OPTIONAL
from vela_realtime.schema import validation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.kubevela.catalog import Found
    from vela_realtime.kubevela.uses import Use
    from vela_realtime.schema.openapi import Schema
    from vela_realtime.schema.store import Store
    from vela_realtime.schema.validation import Fault

UNTOLD = "not-checked"
"""What nobody knows the parameters of."""

RULES = {
    "unknown": "unknown-property",
    "ignored": "ignored-property",
    "deprecated": "deprecated-property",
    "missing": "missing-property",
    "type": "wrong-type",
    "value": "wrong-value",
    "name": "wrong-value",
}


def check(
    document: Document, uses: Sequence[Use], definitions: Mapping[tuple[str, str], Found], schemas: Store
) -> Iterator[Finding]:
    """Yield what is wrong with the properties of everything that an Application uses."""

    def schema_of(kind: str, name: str) -> Schema | None:
        found = definitions.get((kind, name.partition("@")[0]))
        return schemas.of(found) if found is not None else None

    for use in uses:
        if "properties" in use.route:
            continue  # what an override policy names
        schema = schema_of(use.kind, use.name)
        item = _at(document.data, use.route[:-1])
        given = item.get("properties")
        if given is None and any(nearest(str(key), ("properties",)) for key in item):
            continue  # a misspelt "properties" is reported as that
        if schema is None:
            if given and (found := definitions.get((use.kind, use.name))) is not None:
                why, hint = schemas.why_not(found)
                message = f"its properties are not looked at: {why}"
                yield document.finding(use.route, UNTOLD, message, hint, severity=Severity.NOTE, at_value=True)
            continue
        route = (*use.route[:-1], "properties")
        kubevelas = definitions[use.kind, use.name].source == KUBEVELA
        ours = schemas.optional(use.name) if kubevelas else {}
        late = {str(entry.get("parameterKey")) for entry in _dicts(item.get("inputs"))}
        patches = _patches(document, item) if use.kind == "component" else []
        whole = not late and not any(patches)  # else what an ``if`` asks for is known when all has come together
        faults = list(validation.check(schema, {} if given is None else given, whole=whole))
        if use.kind == "policy" and given is None and not faults and use.name != "debug":
            # pkg/appfile/parser.go of KubeVela, parsePolicies.
            message = "properties are missing: KubeVela takes no policy without"
            yield document.finding(use.route, RULES["missing"], message, hint="properties: {}")
        for fault in _together(faults, ours, use.name):
            if fault.sort in {"missing", "value"} and (
                any(_brings(key, fault.route) for key in late) or any(_has(patch, fault.route) for patch in patches)
            ):
                continue  # an input brings it while the Application is deployed, or an override policy
            if fault.sort in {"unknown", "ignored"} and len(fault.route) == 1 and not fault.meant:
                fault = _too_deep(fault, use)
            yield _finding(document, route, fault, present=given is not None)
    if document.kind == "Application":
        yield from _overrides(document, schema_of)
    yield from booleans(document)


def _together(faults: list[Fault], ours: Schema, name: str) -> Iterator[Fault]:
    """Yield faults, those of an Application that means this library's definition of a name as one."""
    meant = [fault for fault in faults if fault.sort == "ignored" and _knows(ours, fault.route) and not fault.meant]
    if not meant:
        yield from faults
        return
    names = list(dict.fromkeys(".".join(map(str, fault.route)) for fault in meant))
    several = f"there are no {', '.join(names[:-1])} and {names[-1]}: they are ignored" if len(names) > 1 else ""
    how = f"annotate the Application with {OPTIONAL}: {name}"
    for fault in faults:
        if fault is meant[0]:
            yield replace(fault, message=several or fault.message, hint=f"for this library's {name}, {how}")
        elif fault.sort == "missing" and len(fault.route) == 1 and fault.route[0] not in ours.get("required", ()):
            yield replace(fault, hint=f"this library's {name} does without: {how}")
        elif fault not in meant:
            yield fault


def _knows(schema: Schema, route: Route) -> bool:
    """Tell whether a schema has a property by name, all the way down to it."""
    for step in route:
        schema = schema.get("items", {}) if isinstance(step, int) else schema.get("properties", {}).get(step)
        if schema is None:
            return False
    return True


_BESIDE = {
    "component": ("dependsOn", "externalRevision", "inputs", "outputs", "replicaKey", "traits"),
    "trait": (),
    "policy": (),
    "workflow-step": ("dependsOn", "if", "inputs", "outputs", "subSteps", "timeout"),
}
"""What stands beside ``properties``, by the kind of what has them; what may well be a property too is left out."""


def _too_deep(fault: Fault, use: Use) -> Fault:
    """Say of what is indented one level too deep where it belongs."""
    name = str(fault.route[0])
    if name == "properties":
        return replace(fault, hint="properties stands in properties: take one of them away")
    if name not in _BESIDE[use.kind]:
        return fault
    return replace(fault, hint=f"{name} stands beside properties, not in it: indent it less")


def _override_items(document: Document) -> Iterator[tuple[Route, dict[str, Any]]]:
    """Yield what the override policies put over components, each with the way to it."""
    for number, policy in enumerate(document.data["spec"].get("policies", ())):
        if policy["type"] == "override":
            items = policy.get("properties", {}).get("components")
            for index, item in enumerate(items if isinstance(items, list) else ()):
                if isinstance(item, dict):
                    yield ("spec", "policies", number, "properties", "components", index), item


def _matches(item: dict[str, Any], component: dict[str, Any]) -> bool:
    """Tell whether an override is for a component: pkg/policy/envbinding of KubeVela, PatchComponents."""
    name, kind = item.get("name") or "", item.get("type") or ""
    if not name:
        return not kind or kind == component["type"]
    pattern = validation.compiled(str(name).replace("*", ".*"))
    return pattern is not None and pattern.search(component["name"]) is not None


def _patches(document: Document, component: dict[str, Any]) -> list[Any]:
    """Return what override policies put over a component; what the workflow deploys without, brings nothing."""
    spec = document.data["spec"]
    used = set(form.deployed(document))
    return [
        item.get("properties")
        for route, item in _override_items(document)
        if _matches(item, component) and (not used or spec["policies"][route[2]].get("name") in used)
    ]


def _has(value: Any, route: Route) -> bool:
    for step in route:
        if not isinstance(value, dict) or step not in value:
            return False
        value = value[step]
    return True


def _overrides(document: Document, schema_of: Callable[[str, str], Schema | None]) -> Iterator[Finding]:
    """Check what override policies put over components and their traits: it need not be complete."""
    components = document.data["spec"]["components"]
    for route, item in _override_items(document):
        name, kind = item.get("name") or "", item.get("type") or ""
        if not isinstance(name, str) or not isinstance(kind, str):
            continue  # reported with the policy's own properties
        matched = [component for component in components if _matches(item, component)]
        if name and not matched and not kind:
            names = [component["name"] for component in components]
            meant = nearest(name, names)
            message = f"there is no component {shown(name)}, and without a type none is added"
            hint = f"did you mean {meant}?" if meant else ""
            edit = value_edit(document, (*route, "name"), meant) if meant else None
            yield document.finding((*route, "name"), "unknown-name", message, hint=hint, at_value=True, edit=edit)
            continue
        added = bool(name and kind) and not any(component["type"] == kind for component in matched)
        types = [kind] if added else list(dict.fromkeys(component["type"] for component in matched))
        given = item.get("properties")
        found: list[Finding] = []
        for one in types:
            schema = schema_of("component", one)
            if schema is not None and (added or isinstance(given, dict)):
                faults = validation.check(schema, {} if given is None else given, partial=not added)
                here = (*route, "properties")
                found += [_finding(document, here, fault, present=given is not None) for fault in faults]
        for number, trait in enumerate(_dicts(item.get("traits"))):
            schema = schema_of("trait", str(trait.get("type")))
            if schema is None or trait.get("disable") is True:
                continue
            there = [one for component in matched for one in component.get("traits", ())]
            partial = not added and any(one["type"] == trait.get("type") for one in there)
            patch = trait.get("properties")
            here = (*route, "traits", number, "properties")
            faults = validation.check(schema, {} if patch is None else patch, partial=partial)
            found += [_finding(document, here, fault, present=patch is not None) for fault in faults]
        yield from dict.fromkeys(found)


def _finding(document: Document, base: Route, fault: Fault, *, present: bool) -> Finding:
    route = (*base, *fault.route)
    message = masked(fault.message, document.data, route)
    secret = message != fault.message
    rule, hint, edit = RULES[fault.sort], "" if secret else fault.hint, None
    at_value = fault.sort in {"type", "value"}
    if fault.sort in {"unknown", "ignored"} and fault.meant:
        edit = key_edit(document, route, fault.meant)
    elif fault.sort == "deprecated" and fault.meant:
        edit = renamed(document, route, fault.meant)
    elif at_value and fault.meant:
        edit = value_edit(document, route, fault.meant)
        if fault.sort == "type" and edit is not None:
            edit = None  # the quotes would have to go: not the tool's to decide
    if fault.sort == "type" and _is_text(fault) and (word := document.plain_word(route)):
        hint = "write it in quotes" if secret else f'write it in quotes: "{word}"'
        if word in BOOLEANS:
            rule, hint = "yaml-word", f"YAML reads {word} as true or false. {hint[0].upper()}{hint[1:]}"
    if fault.sort == "missing":
        route = route[:-1] if present or len(fault.route) > 1 else base[:-1]
        line_of = _place_of_missing(document, route, base)
        found = document.finding(line_of, rule, message, hint=hint)
    else:
        found = document.finding(route, rule, message, hint=hint, at_value=at_value, edit=edit)
    return replace(found, severity=Severity.WARNING) if fault.sort in {"ignored", "deprecated"} else found


def _place_of_missing(document: Document, route: Route, base: Route) -> Route:
    """Show where a missing property belongs: the object's key, the list item's first, else what has the properties."""
    if len(route) > len(base) and isinstance(route[-1], int):
        node = document.value_node(route)
        keys = [key.value for key, _ in getattr(node, "value", ())] if node is not None else []
        return (*route, keys[0]) if keys else route
    if route == base[:-1]:
        return (*route, "type")
    return route


def _is_text(fault: Fault) -> bool:
    return "must be a text" in fault.message or 'must be one of "' in fault.message


def booleans(document: Document) -> Iterator[Finding]:
    """Report keys that Kubernetes' YAML reader takes for booleans: they are never meant as such.

    Of values, whoever knows the type that is wanted says so.
    """
    for route, node in _keys(document.node, ()):
        word = str(node.value)
        if getattr(node, "style", None) in {None, ""} and word in BOOLEANS:
            message = f"the key {word} is {str(BOOLEANS[word]).lower()} for Kubernetes, no text"
            hint = f'write it in quotes: "{word}"'
            line, column = node.start_mark.line + 1, node.start_mark.column + 1
            yield Finding(document.file, line, column, "yaml-word", message, path=show_path(route), hint=hint)


def _keys(node: Any, route: Route) -> Iterator[tuple[Route, Any]]:
    """Yield every key of a document."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*route, str(key.value))
            if isinstance(key, yaml.ScalarNode):
                yield here, key
            yield from _keys(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _keys(item, (*route, index))


def _at(value: Any, route: Route) -> Any:
    for step in route:
        value = value[step]
    return value


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _brings(key: str, route: Route) -> bool:
    """Tell whether what an input is written to is at a place, or below it."""
    steps = tuple(step for step in re.split(r"[.\[\]]+", key) if step)
    return steps[: len(route)] == tuple(str(step) for step in route)
