"""Dashboards as the rendered objects hold them: what each panel and each alert asks, of which data source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vela_realtime import library
from vela_realtime.library import fixtures

LIBRARY = library.find()
NAME = "analytics-dashboard"


@dataclass(frozen=True)
class Question:
    """A query of a panel or an alert. ``columns`` are those that the panel draws."""

    board: str
    title: str
    source: str
    sql: str
    alert: bool = False
    columns: tuple[str, ...] = ()


def render(properties: dict[str, Any], definition: str = NAME, **context: Any) -> dict[str, Any]:
    """Return the objects that a component of these properties has."""
    case = fixtures.Case(definition, "rendered", Path(__file__), 0, properties, **context)
    result = fixtures.render_package(LIBRARY, definition, case, "component")
    assert not result.problems, [(problem.path, problem.message) for problem in result.problems]
    return result.objects


def questions(objects: dict[str, Any]) -> list[Question]:
    """Return every question of the product that these objects run."""
    if "outputs.metabase-setup-config" in objects:
        return _of_metabase(objects["outputs.metabase-setup-config"]["data"])
    return _of_grafana(objects)


def _of_metabase(setup: dict[str, str]) -> list[Question]:
    found = []
    for line in setup["plan"].splitlines():
        action, *words = line.split()
        if action in {"card", "alert"}:
            key, source = words
            card = json.loads(setup[f"{key}.json"])
            settings = card["visualization_settings"]
            columns = {*settings["graph.dimensions"], *settings["graph.metrics"]}
            columns |= {settings["scalar.field"]} - {""}
            sql = card["dataset_query"]["native"]["query"]
            board = key.rsplit(".", 1)[0] if action == "card" else key
            found.append(Question(board, card["name"], source, sql, action == "alert", tuple(sorted(columns))))
    return found


def grafana_dashboards(objects: dict[str, Any]) -> list[Any]:
    """Return the dashboards that Grafana reads."""
    files = objects.get("outputs.grafana-dashboards", {}).get("data", {})
    return [json.loads(text) for name, text in files.items() if name.endswith(".json")]


def grafana_file(objects: dict[str, Any], name: str) -> Any:
    """Return a provisioning file of Grafana's, ``None`` where there is none."""
    text = objects["outputs.grafana-config"]["data"].get(f"provisioning.{name}")
    return json.loads(text) if text is not None else None


def _of_grafana(objects: dict[str, Any]) -> list[Question]:
    found = []
    for board in grafana_dashboards(objects):
        for panel in board["panels"]:
            columns = (panel["options"]["xField"],) if "xField" in panel["options"] else ()
            if panel["type"] == "timeseries":
                columns = ("time",)
            for target in panel["targets"]:
                uid = target["datasource"]["uid"]
                found.append(Question(board["uid"], panel["title"], uid, target["rawSql"], columns=columns))
    for group in (grafana_file(objects, "alerting.alerting.json") or {}).get("groups", []):
        for rule in group["rules"]:
            query = rule["data"][0]
            title = rule["title"].rsplit(" (", 1)[0]
            found.append(Question(rule["uid"], title, query["datasourceUid"], query["model"]["rawSql"], alert=True))
    return found
