"""Parameters that must not change where there is data: what KubeVela refuses, told before it is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vela_realtime import cache
from vela_realtime.check.objects.secrets import masked
from vela_realtime.findings import Severity
from vela_realtime.findings.suggest import shown
from vela_realtime.kubernetes.differences import said
from vela_realtime.kubernetes.objects import dicts, table
from vela_realtime.kubevela import immutable
from vela_realtime.schema.store import template_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.findings import Finding
    from vela_realtime.kubevela.catalog import Found
    from vela_realtime.schema.openapi import Schema
    from vela_realtime.schema.store import Store

RULE = "immutable-parameter"

LET_THROUGH = f'the annotation {immutable.FORCE}: "true" lets it through, once'

_NAME = "all objects are called after it. Make a second Application, move the data, delete the first"
_SIZE = "grow the claims first, as docs/volumes.md shows"
_STORED = "delete the StatefulSet; what the broker or the processors kept is lost"
WAYS = {
    "name": _NAME,
    "database": "the other server starts empty. Dump the databases, change it, restore them",
    "kafkaConfig.controllers": "more controllers with empty volumes could outvote the ones that know the data."
    " Make a second cluster, and mirror the topics",
    "storage.kafka": _SIZE,
    "storage.database": _SIZE,
    "storage.state": _SIZE,
    "mqttConfig.persistenceSize": _SIZE,
    "persistence.size": _SIZE,
    "storage.class": "a claim never changes its class. Make a second Application, move the data, delete the first",
    "persistence.enabled": _STORED,
    "processing.stateBackend": _STORED,
}
"""How a parameter of the library's definitions is changed all the same, as ``docs/changes.md`` has it."""


def is_let_through(document: Document) -> bool:
    """Tell whether an Application says that nothing of it is to be refused."""
    return bool(table(document.data, "metadata", "annotations").get(immutable.FORCE) == "true")


def check(
    document: Document,
    before: Document,
    definitions: Mapping[tuple[str, str], Found],
    schemas: Store,
    *,
    use_cache: bool = True,
) -> Iterator[Finding]:
    """Yield the immutable parameters that an Application changes, and the annotation that was left in it.

    A parameter that was left to its default and gets another value is one of them: KubeVela does not see that.
    """
    if is_let_through(document):
        if is_let_through(before):
            message = f"{immutable.FORCE} was here before: nothing that must not change is refused any more"
            hint = "it is for one change: take it out after that"
            route: Route = ("metadata", "annotations", immutable.FORCE)
            yield document.finding(route, RULE, message, hint, severity=Severity.WARNING)
        return
    for kind, route, old_route in _pairs(document.data, before.data):
        new, old = _at(document.data, route), _at(before.data, old_route)
        found = definitions.get((kind, _type(new)))
        if found is None or _type(new) != _type(old) or new.get("properties") == old.get("properties"):
            continue
        paths = immutable_of(found, use_cache=use_cache)
        for change in immutable.changes(paths, old.get("properties"), new.get("properties")):
            steps = ("properties", *change.path.split("."))
            message, hint = _told(change, schemas.of(found))
            if message:
                way = hint or (WAYS.get(change.path, "") if found.library else "")
                hint = f"{way}; then {LET_THROUGH}" if way and not hint else way or LET_THROUGH
                places = ((document.data, (*route, *steps)), (before.data, (*old_route, *steps)))
                if any(masked(message, data, place) != message for data, place in places):
                    message = message.partition(": ")[0]  # it is a secret
                yield document.finding((*route, *steps), RULE, message, hint, at_value=change.is_given)


def immutable_of(found: Found, *, use_cache: bool = True) -> frozenset[str]:
    """Return the dotted paths of a definition's immutable parameters."""
    if immutable.MARKER not in found.text:
        return frozenset()

    def produce() -> str:
        return json.dumps(sorted(immutable.of_template(template_of(found) or "", found.name)))

    # Reading a large definition takes a second.
    key = cache.key(found.suffix, found.text, code=__name__)
    return frozenset(json.loads(cache.cached("immutable", key, produce, enabled=use_cache)))


def _told(change: immutable.Change, schema: Schema | None) -> tuple[str, str]:
    """Return what to say of a change, and how to take it back where that is all; nothing where it is none."""
    default = _default(schema, change.path)
    if not change.is_given:
        message = f"{change.path} must not be taken out: it was {shown(change.before)}"
        is_same = default is not None and default == change.before
        return message, "KubeVela compares what is written, not defaults: write it again" if is_same else ""
    if change.was_given:
        if isinstance(change.after, (dict, list)):
            return f"{change.path} must not change: {said(change.before, change.after)}", ""
        return f"{change.path} must not change: it was {shown(change.before)}, and is {shown(change.after)}", ""
    if default is None or default == change.after:
        return "", ""
    message = (
        f"{change.path} must not change: it was left to its default {shown(default)}, and is {shown(change.after)}"
    )
    return f"{message}, which KubeVela does not see", ""


def _default(schema: Schema | None, path: str) -> Any:
    """Return a parameter's default, None where there is none."""
    value: Any = schema
    for step in path.split("."):
        value = table(value, "properties", step)
    return value.get("default")


def _pairs(new: dict[str, Any], old: dict[str, Any]) -> Iterator[tuple[str, Route, Route]]:
    """Yield what KubeVela holds against each other: the kind, and the ways to what is now and to what was.

    Components, policies and steps by their names, a component's traits by their place.
    """
    for kind, inside in (("component", "components"), ("policy", "policies"), ("workflow-step", "workflow.steps")):
        path = ("spec", *inside.split("."))
        before = {item.get("name"): index for index, item in enumerate(_list(old, path))}
        for index, item in enumerate(_list(new, path)):
            if (number := before.get(item.get("name"))) is None:
                continue
            yield kind, (*path, index), (*path, number)
            if kind == "component":
                traits = zip(dicts(item.get("traits")), dicts(_list(old, path)[number].get("traits")), strict=False)
                for place, _ in enumerate(traits):
                    yield "trait", (*path, index, "traits", place), (*path, number, "traits", place)


def _list(data: dict[str, Any], path: tuple[str, ...]) -> list[dict[str, Any]]:
    return dicts(table(data, *path[:-1]).get(path[-1]))


def _at(value: Any, route: Route) -> dict[str, Any]:
    for step in route:
        value = value[step]
    return dict(value)


def _type(item: dict[str, Any]) -> str:
    return str(item.get("type")).partition("@")[0]
