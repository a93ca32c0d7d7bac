"""Secrets that properties name: somebody has to make them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vela_realtime.check.links.landscape import BROKER, DASHBOARD, PLATFORM, PROCESSOR, SERVICE, TRAIT
from vela_realtime.check.links.made import secrets as made
from vela_realtime.documents.fix import value_edit
from vela_realtime.findings import Finding, Severity
from vela_realtime.findings.suggest import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape, Part
    from vela_realtime.check.links.neighbours import Neighbours
    from vela_realtime.documents.application import Route

OURS = {PLATFORM, BROKER, PROCESSOR, DASHBOARD, SERVICE, TRAIT}

_BY_NAME = re.compile(r"(?:\w*[sS]ecretRef|credentialsSecret|secretName|caSecret)")
_BY_OBJECT = re.compile(r"(?:\w+Secret|bindPassword|secretKeyRef)")
_TABLES = {"existingSecrets", "secrets"}


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:
    """Yield references to Secrets that neither this Application nor what stands beside it makes."""
    own, there = set(made(landscape)), neighbours.secrets(landscape.namespace)
    for part in (*landscape.components, *landscape.traits):
        if part.type not in OURS:
            continue
        for route, name in _references(part):
            if name in there or landscape.is_external("secret", name):
                continue
            meant = nearest(name, own) or nearest(name, there)
            if not meant and landscape.incomplete:
                continue
            hint = f"did you mean {meant}?" if meant else _how(name)
            edit = value_edit(landscape.document, route, meant) if meant else None
            yield landscape.document.finding(
                route,
                "unknown-secret",
                f"nothing here makes the Secret {shown(name)}",
                hint=hint,
                at_value=True,
                severity=Severity.WARNING,
                edit=edit,
            )


def _how(name: str) -> str:
    return f"where it comes from elsewhere, annotate the Application with vela-realtime.dev/external: secret/{name}"


def _references(part: Part) -> Iterator[tuple[Route, str]]:
    """Yield the Secrets that a part's properties name, by the form that such properties have everywhere."""
    for route, name in _walk(part.properties, part.at()):
        top = route[len(part.at()) :]
        if top[:1] == ("snowflakeConfig",) and part.get("snowflakeConfig", "enabled") is not True:
            continue
        yield route, name


def _walk(value: Any, route: Route) -> Iterator[tuple[Route, str]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*route, index))
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        here, name = (*route, key), str(key)
        if isinstance(inner, str) and _BY_NAME.fullmatch(name):
            yield here, inner
        elif isinstance(inner, dict) and _BY_OBJECT.fullmatch(name) and isinstance(inner.get("name"), str):
            if inner.get("optional") is not True:
                yield (*here, "name"), inner["name"]
        elif isinstance(inner, dict) and name in _TABLES:
            for part, secret in inner.items():
                if isinstance(secret, str):
                    yield (*here, part), secret
        else:
            yield from _walk(inner, here)
