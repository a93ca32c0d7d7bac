"""Layer 3: properties against the schemas that are exported from CUE."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from vela_realtime.documents.application import show_path
from vela_realtime.documents.fix import key_edit, value_edit
from vela_realtime.findings import Finding, Severity
from vela_realtime.findings.suggest import nearest
from vela_realtime.kubevela.catalog import KUBEVELA
from vela_realtime.kubevela.uses import OPTIONAL
from vela_realtime.schema import validation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.kubevela.catalog import Found
    from vela_realtime.kubevela.uses import Use
    from vela_realtime.schema.openapi import Schema
    from vela_realtime.schema.store import Store
    from vela_realtime.schema.validation import Fault

RULES = {
    "unknown": "unknown-property",
    "ignored": "ignored-property",
    "missing": "missing-property",
    "type": "wrong-type",
    "value": "wrong-value",
    "name": "wrong-value",
}

# What YAML 1.1 reads as a boolean, and what some of its readers, Kubernetes' among them, read so as well.
_BOOLEANS = {"on", "off", "yes", "no", "y", "n", "true", "false"}


def check(
    document: Document, uses: Sequence[Use], definitions: Mapping[tuple[str, str], Found], schemas: Store
) -> Iterator[Finding]:
    """Yield what is wrong with the properties of everything that an Application uses."""
    types = {}
    for use in uses:
        found = definitions.get((use.kind, use.name))
        schema = schemas.of(found) if found is not None else None
        ours = (
            schemas.optional(use.name).get("properties", {}) if found is not None and found.source == KUBEVELA else {}
        )
        item = _at(document.data, use.route[:-1])
        if use.kind == "component" and use.route[1] == "components":
            types[item["name"]] = schema
        given = item.get("properties")
        if schema is None or (given is None and any(nearest(str(key), ("properties",)) for key in item)):
            continue  # a misspelt "properties" is reported as that
        route = (*use.route[:-1], "properties")
        late = {str(entry.get("parameterKey")) for entry in _dicts(item.get("inputs"))}
        for fault in validation.check(schema, {} if given is None else given):
            if fault.sort == "missing" and _dotted(fault.route) in late:
                continue  # an input brings it while the Application is deployed
            if fault.sort == "ignored" and fault.route[0] in ours and not fault.meant:
                fault = replace(
                    fault, hint=f"for this library's {use.name}, annotate the Application with {OPTIONAL}: {use.name}"
                )
            yield _finding(document, route, fault, present=given is not None)
    yield from _overrides(document, uses, types)
    yield from booleans(document)


def _overrides(document: Document, uses: Sequence[Use], types: Mapping[str, Schema | None]) -> Iterator[Finding]:
    """Check what an override policy puts over the properties of a component: they need not be complete."""
    for use in uses:
        if (use.kind, use.name) != ("policy", "override"):
            continue
        policy = _at(document.data, use.route[:-1])
        components = (
            policy.get("properties", {}).get("components") if isinstance(policy.get("properties"), dict) else []
        )
        for index, item in enumerate(_dicts(components)):
            schema = types.get(str(item.get("name")))
            given = item.get("properties")
            if schema is None or not isinstance(given, dict):
                continue
            route = (*use.route[:-1], "properties", "components", index, "properties")
            for fault in validation.check(schema, given, partial=True):
                yield _finding(document, route, fault, present=True)


def _finding(document: Document, base: Route, fault: Fault, *, present: bool) -> Finding:
    route = (*base, *fault.route)
    rule, hint, edit = RULES[fault.sort], fault.hint, None
    at_value = fault.sort in {"type", "value"}
    if fault.sort in {"unknown", "ignored"} and fault.meant:
        edit = key_edit(document, route, fault.meant)
    elif at_value and fault.meant:
        edit = value_edit(document, route, fault.meant)
        if fault.sort == "type" and edit is not None:
            edit = None  # the quotes would have to go: not the tool's to decide
    if fault.sort == "type" and _is_text(fault) and (word := document.plain_word(route)):
        hint = f'write it in quotes: "{word}"'
        if word.lower() in _BOOLEANS:
            rule, hint = "yaml-word", f"YAML reads {word} as true or false. {hint[0].upper()}{hint[1:]}"
    if fault.sort == "missing":
        route = route[:-1] if present or len(fault.route) > 1 else base[:-1]
        line_of = _place_of_missing(document, route, base)
        found = document.finding(line_of, rule, fault.message, hint=hint)
    else:
        found = document.finding(route, rule, fault.message, hint=hint, at_value=at_value, edit=edit)
    return replace(found, severity=Severity.WARNING) if fault.sort == "ignored" else found


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
    """Report words that Kubernetes' YAML reader takes for booleans, where a text was meant or PyYAML reads one.

    Keys are never meant as booleans. Of values, ``y`` and ``n`` are a boolean there and a text for other readers;
    the others are left to whoever knows the type that is wanted.
    """
    for route, node, is_key in _scalars(document.node, ()):
        word = str(node.value)
        if getattr(node, "style", None) not in {None, ""} or word.lower() not in _BOOLEANS:
            continue
        if is_key or word.lower() in {"y", "n"}:
            what = "key" if is_key else "value"
            reads = "true" if word.lower() in {"on", "yes", "y", "true"} else "false"
            message = f"the {what} {word} is {reads} for Kubernetes, no text"
            hint = f'write it in quotes: "{word}"'
            line, column = node.start_mark.line + 1, node.start_mark.column + 1
            finding = Finding(document.file, line, column, "yaml-word", message, path=show_path(route), hint=hint)
            yield finding


def _scalars(node: Any, route: Route) -> Iterator[tuple[Route, Any, bool]]:
    """Yield every scalar of a document, and whether it is a key."""
    if isinstance(node, yaml.ScalarNode):
        yield route, node, False
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*route, str(key.value))
            if isinstance(key, yaml.ScalarNode):
                yield here, key, True
            yield from _scalars(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _scalars(item, (*route, index))


def _at(value: Any, route: Route) -> Any:
    for step in route:
        value = value[step]
    return value


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _dotted(route: Route) -> str:
    return ".".join(str(step) for step in route)
