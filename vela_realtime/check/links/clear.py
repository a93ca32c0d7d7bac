"""Secrets that stand in the properties themselves: who may read the Application may read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vela_realtime.check.links.landscape import BROKER, DASHBOARD, PLATFORM, PROCESSOR
from vela_realtime.check.objects.secrets import is_literal, password_of
from vela_realtime.documents.application import show_path
from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape
    from vela_realtime.check.links.neighbours import Neighbours
    from vela_realtime.documents.application import Route

_EACH = "*"
_GENERATED = "name a Secret in passwordSecret, or leave it out: one is generated"

# The properties that are secrets, by the type of the component, each with what takes its place.
_PROPERTIES: dict[str, dict[Route, str]] = {
    PLATFORM: {
        ("lensesConfig", "licenseKey"): "name a Secret in licenseSecret",
        ("mqttConfig", "users", _EACH, "password"): _GENERATED,
    },
    BROKER: {("authentication", "users", _EACH, "password"): _GENERATED},
    PROCESSOR: {("lenses", "licenseKey"): "name a Secret in licenseSecret"},
    DASHBOARD: {
        ("dataSources", _EACH, "connectionString"): "name a Secret in secretRef",
        ("alerts", "channels", _EACH, "config", "webhook"): "name a Secret in webhookSecret",
        ("alerts", "channels", _EACH, "config", "slackToken"): "name a Secret in slackTokenSecret",
    },
}


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:  # noqa: ARG001 - every layer is called alike
    """Yield secrets in clear, at the property."""
    for part in landscape.components:
        for pattern, hint in _PROPERTIES.get(part.type, {}).items():
            for route, value in _values(part.properties, pattern):
                if not is_literal(password_of(value) if pattern[-1] == "connectionString" else value):
                    continue
                yield landscape.document.finding(
                    part.at(*route),
                    "secret-in-clear",
                    f"{show_path(route)} has a secret in clear",
                    hint=hint,
                    severity=Severity.WARNING,
                )


def _values(value: Any, pattern: Route, route: Route = ()) -> Iterator[tuple[Route, str]]:
    """Yield the texts at the end of a way, in which ``*`` is each entry of a list."""
    if not pattern:
        if isinstance(value, str):
            yield route, value
    elif pattern[0] == _EACH:
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _values(item, pattern[1:], (*route, index))
    elif isinstance(value, dict) and pattern[0] in value:
        yield from _values(value[pattern[0]], pattern[1:], (*route, pattern[0]))
