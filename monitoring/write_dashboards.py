"""Grafana dashboards of a whole platform, written out from a list of questions in PromQL.

``.venv/bin/python monitoring/write_dashboards.py`` writes dashboards/ from dashboards.yaml.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from vela_realtime.files import write_text

# The pods, volumes and Jobs of one platform: "core" must not show what "core-test" has.
_STATEFUL = "kafka|postgres|mysql|mqtt|lenses-agent"
_STATELESS = "bridge|connect|schema-registry|lenses-hq|metabase|grafana|kafka-exporter"
SELECTORS = {
    "$here": (f'namespace="$namespace", pod=~"$platform-(({_STATEFUL})-[0-9]+|({_STATELESS})-[a-z0-9]+-[a-z0-9]+)"'),
    "$volumes": f'namespace="$namespace", persistentvolumeclaim=~"data-$platform-({_STATEFUL})-[0-9]+"',
    "$jobs": (
        'namespace="$namespace", job_name=~"$platform-(credentials|kafka-topics|connectors|lenses-environment'
        '|(postgres|mysql)-databases|metabase-setup)-[a-z0-9]+"'
    ),
    # Without those that measure latency.
    "$groups": 'group_id!~"kminion-end-to-end.*"',
    "$topics": 'topic_name!~"_.*"',
}
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_TYPES = {"number": "stat", "line": "timeseries", "table": "table"}
_SIZES = {"number": (4, 4), "line": (12, 8), "table": (12, 8)}


def dashboards(described: dict[str, Any]) -> dict[str, str]:
    """Return the files of the dashboards that ``monitoring/dashboards.yaml`` describes, by name."""
    return {f"{uid}.json": json.dumps(_dashboard(uid, it), indent=1) + "\n" for uid, it in described.items()}


def promql(expression: str) -> str:
    """Return an expression with the selectors of the platform in it."""
    for name, selector in SELECTORS.items():
        expression = expression.replace(name, selector)
    return expression


def _dashboard(uid: str, described: dict[str, Any]) -> dict[str, Any]:
    return {
        "uid": uid,
        "title": described["title"],
        "description": described["description"],
        "tags": ["vela-realtime"],
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": 41,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "links": [],
        "templating": {"list": _variables(described.get("variables", {}))},
        "panels": _panels(described["rows"]),
    }


def _variables(more: dict[str, str]) -> list[dict[str, Any]]:
    platform = 'label_values(kminion_exporter_up{namespace="$namespace"}, pod)'
    return [
        {"name": "datasource", "type": "datasource", "label": "Prometheus", "query": "prometheus"},
        _variable("namespace", "label_values(kminion_exporter_up, namespace)"),
        {**_variable("platform", platform), "regex": "/^(.+)-kafka-exporter-[a-z0-9]+-[a-z0-9]+$/"},
        *({**_variable(name, query), "multi": True, "includeAll": True} for name, query in more.items()),
    ]


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "label": name.capitalize(),
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        # Also when the time that is shown changes.
        "refresh": 2,
        "sort": 1,
    }


def _panels(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        place = {"x": 0, "y": top, "w": 24, "h": 1}
        panels.append({"id": len(panels) + 1, "type": "row", "title": row["title"], "gridPos": place})
        top += 1
        left = height = 0
        for described in row["panels"]:
            width, high = _SIZES[described.get("show", "line")]
            width = described.get("width", width)
            if left + width > 24:
                left, top, height = 0, top + height, 0
            place = {"x": left, "y": top, "w": width, "h": high}
            panels.append({"id": len(panels) + 1, **_panel(described, place)})
            left, height = left + width, max(height, high)
        top += height
    return panels


def _panel(described: dict[str, Any], place: dict[str, int]) -> dict[str, Any]:
    show = described.get("show", "line")
    limit = described.get("threshold")
    steps = [{"color": "green", "value": None}] + ([{"color": "red", "value": limit}] if limit is not None else [])
    return {
        "type": _TYPES[show],
        "title": described["title"],
        "description": described.get("description", ""),
        "gridPos": place,
        "datasource": _SOURCE,
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _SOURCE,
                "editorMode": "code",
                "expr": promql(expression),
                "legendFormat": legend,
                # A line needs all points; of the others the newest is enough.
                "range": show == "line",
                "instant": show != "line",
                "format": "table" if show == "table" else "time_series",
            }
            for number, (legend, expression) in enumerate(described["queries"].items())
        ],
        "fieldConfig": {
            "defaults": {
                "unit": described.get("unit", "short"),
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "line" if limit is not None else "off"}}
                if show == "line"
                else {},
            },
            "overrides": [],
        },
        "options": _OPTIONS[show],
    }


_OPTIONS: dict[str, dict[str, Any]] = {
    "number": {
        "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""},
        "colorMode": "value",
        "graphMode": "none",
    },
    "line": {
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "table": {"showHeader": True},
}


if __name__ == "__main__":
    here = Path(__file__).parent
    for name, text in dashboards(yaml.safe_load((here / "dashboards.yaml").read_text())).items():
        write_text(here / "dashboards" / name, text)
