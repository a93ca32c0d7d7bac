"""Dashboards and alerts of an analytics-dashboard: templates that there are not, channels that lead nowhere.

The definition says the same, in the same words; but only once everything else is right and it is rendered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vela_realtime.check.links.landscape import DASHBOARD
from vela_realtime.documents.fix import value_edit
from vela_realtime.findings.suggest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape, Part
    from vela_realtime.check.links.neighbours import Neighbours
    from vela_realtime.findings import Finding

RULE = "property-rule"

TEMPLATES = ("standard-overview", "streaming-metrics", "iot-sensors", "temperature-alerts")
"""The dashboards that come with the library: ``_templates`` of its analytics-dashboard."""

_OWN = re.compile(r"configMap/[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_DESTINATIONS = ("webhook", "webhookSecret", "slackToken", "slackTokenSecret")


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:  # noqa: ARG001 - every layer is called alike
    """Yield dashboards of unknown templates and data sources, and channels of alerts without anybody to tell."""
    for part in landscape.of_type(DASHBOARD):
        for index, item in enumerate(part.items("dashboards")):
            if isinstance(item, dict):
                yield from _dashboard(landscape, part, index, item)
        if part.get("alerts", "enabled") is not False:
            for index, item in enumerate(part.items("alerts", "channels")):
                if isinstance(item, dict):
                    yield from _channel(landscape, part, index, item)


def _dashboard(landscape: Landscape, part: Part, index: int, item: dict[str, Any]) -> Iterator[Finding]:
    template, source = item.get("template"), item.get("dataSource")
    if isinstance(template, str) and template not in TEMPLATES and not _OWN.fullmatch(template):
        meant = nearest(template, TEMPLATES)
        route = part.at("dashboards", index, "template")
        among = f"use {', '.join(TEMPLATES)}, or configMap/NAME for dashboards of your own"
        message = f"dashboards: there is no template {template}: {among}"
        edit = value_edit(landscape.document, route, meant) if meant else None
        hint = f"did you mean {meant}?" if meant else ""
        yield landscape.document.finding(route, RULE, message, hint=hint, at_value=True, edit=edit)
    names = [entry.get("name") for entry in part.items("dataSources") if isinstance(entry, dict)]
    if isinstance(source, str) and names and source not in names:
        meant = nearest(source, [name for name in names if isinstance(name, str)])
        route = part.at("dashboards", index, "dataSource")
        message = f"dashboards: {item.get('name')} names the data source {source}, which is not one of dataSources"
        edit = value_edit(landscape.document, route, meant) if meant else None
        hint = f"did you mean {meant}?" if meant else ""
        yield landscape.document.finding(route, RULE, message, hint=hint, at_value=True, edit=edit)


def _channel(landscape: Landscape, part: Part, index: int, item: dict[str, Any]) -> Iterator[Finding]:
    config = item.get("config")
    given = config if isinstance(config, dict) else {}
    message = ""
    if item.get("type") == "email" and not given.get("recipients"):
        message = "alerts: an email channel needs config.recipients"
    elif item.get("type") == "slack" and not any(key in given for key in _DESTINATIONS):
        message = "alerts: a slack channel needs config.webhook, webhookSecret, slackToken or slackTokenSecret"
    if message and part.at("alerts", "channels", index) not in landscape.broken:
        yield landscape.document.finding((*part.at("alerts", "channels", index), "config"), RULE, message)
