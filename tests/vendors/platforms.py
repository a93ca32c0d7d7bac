"""The two Applications that are proven, and what is used to prove them."""

from __future__ import annotations

from typing import Any

import yaml

from tests.cluster.checks import application
from tests.pods.images.names import ROOT

SMALLEST = ROOT / "examples/simple-setup.yaml"
"""Four lines, all else as shipped, but for what makes it fit on a machine of four cores."""

_PARTS = ("kafka", "connect", "postgres", "lenses-hq", "lenses-agent", "metabase")
_LITTLE_CPU = {"cpu": "50m"}

TOPIC = "telemetry"
FIELDS = {"deviceId": "string", "temperature": "number"}


def smallest() -> dict[str, Any]:
    """Return the platform ``orders``: PostgreSQL, Metabase, Karapace."""
    found: dict[str, Any] = yaml.safe_load(SMALLEST.read_text())
    properties = found["spec"]["components"][0]["properties"]
    properties |= {"size": "small", "partResources": dict.fromkeys(_PARTS, _LITTLE_CPU)}
    return found


def everything(*, processor: bool = True) -> dict[str, Any]:
    """Return the platform ``plant`` with what the smallest leaves out, two dashboards and maybe a stream processor.

    Left out is what needs something that the cluster may not have: an account of Snowflake, a load balancer,
    cert-manager, a mail server.
    """
    source = {
        "name": "plant",
        "type": "kafka",
        "secretRef": "plant-kafka-secret",
        "topics": [{"name": TOPIC, "fields": FIELDS}],
    }
    boards = [{"name": "sensors", "template": "iot-sensors"}]
    components = [
        _component(
            "plant",
            "realtime-platform",
            database="mysql",
            visualization="grafana",
            kafkaConfig={"topics": [{"name": TOPIC, "partitions": 3, "retention": "1h"}, "hot"]},
            mqttConfig={
                "users": [{"username": "sensor", "topics": ["sensors/#"]}],
                "bridge": {"topics": {"sensors/#": TOPIC}, "keyField": "deviceId"},
            },
            schemaRegistryConfig={"flavour": "confluent"},
            scaling={"minReplicas": 1, "maxReplicas": 2},
            metrics={"jmx": True},
            partResources=dict.fromkeys((*_PARTS[:-1], "mysql", "grafana"), _LITTLE_CPU),
        ),
        *(
            _component(
                kind, "analytics-dashboard", dashboardType=kind, dataSources=[source], dashboards=boards, alerts={}
            )
            for kind in ("metabase", "grafana")
        ),
    ]
    if processor:
        sql = "INSERT INTO hot SELECT STREAM * FROM telemetry WHERE _value.temperature > 80"
        topics = {"input": [TOPIC], "output": ["hot"]}
        queries = [{"name": "hot", "sql": sql}]
        components.append(_component("analytics", "stream-processor", queries=queries, topics=topics))
    return application("everything", *components)


def _component(name: str, kind: str, **properties: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "properties": {"name": name, "size": "small", **properties}}
