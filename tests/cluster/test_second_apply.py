"""What a parameter no longer asks for is gone from what the pods see, on a KubeVela that runs.

Each Application is changed in place, and then made anew from the changed text: its pods must be given the same. The
credentials Job runs nowhere here; what it does is played, see ``tests.support.second_apply``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.checks import application
from tests.hermetic.state import ClusterError
from tests.support import checking
from tests.support.second_apply import Live, seen, with_credentials
from vela_realtime.check import previous

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hermetic import Cluster

KINDS = "deployments,statefulsets,jobs,cronjobs,configmaps,secrets"

USER = {"username": "device", "password": "leaked"}
WEBHOOK = {"type": "slack", "config": {"webhook": "https://hooks.slack.com/services/T/B/leaked"}}
SOURCES = [{"name": name, "type": "kafka", "connectionString": "kafka:9092"} for name in ("one", "two")]

FOREIGN = {
    "bootstrapServers": "kafka.example.com:9093",
    "securityProtocol": "SASL_SSL",
    "sasl": {"secretRef": "kafka-user"},
    "tls": {"caSecret": "kafka-ca"},
}

CHANGES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "java's metrics": ("iot-broker", {"connector": {}, "metrics": {"jmx": True}}, {"connector": {}}),
    "admin and admin": ("realtime-platform", {"lensesConfig": {"defaultCredentials": True}}, {}),
    "a password that leaked": (
        "iot-broker",
        {"authentication": {"users": [USER]}},
        {"authentication": {"users": [{"username": "device"}]}},
    ),
    "the bridge": ("realtime-platform", {}, {"mqttConfig": {"bridge": {"enabled": False}}}),
    "the dashboard": ("realtime-platform", {}, {"visualization": "none"}),
    "a dashboard": ("realtime-platform", {"visualization": "none"}, {}),
    "somebody else's kafka": ("realtime-platform", {"kafkaConfig": {"external": FOREIGN}}, {}),
    "brokers of its own": ("realtime-platform", {}, {"kafkaConfig": {"external": FOREIGN}}),
    "a kafka source": ("analytics-dashboard", {"dataSources": SOURCES}, {"dataSources": SOURCES[:1]}),
    "dashboards": (
        "analytics-dashboard",
        {
            "dashboardType": "grafana",
            "dataSources": SOURCES[:1],
            "dashboards": [{"name": name, "template": "standard-overview"} for name in ("first", "second")],
        },
        {
            "dashboardType": "grafana",
            "dataSources": SOURCES[:1],
            "dashboards": [{"name": "first", "template": "standard-overview"}],
        },
    ),
    "alerts": (
        "analytics-dashboard",
        {"dataSources": SOURCES[:1], "alerts": {"enabled": True, "channels": [WEBHOOK]}},
        {"dataSources": SOURCES[:1]},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_second_apply_is_as_good_as_the_first(cluster: Cluster, namespace: str, change: str) -> None:
    kind, before, after = CHANGES[change]

    def app(properties: dict[str, Any]) -> dict[str, Any]:
        return application("demo", {"name": "demo", "type": kind, "properties": {"name": "demo", **properties}})

    def live() -> Live:
        found = cluster.items(KINDS, namespace, "app.oam.dev/name=demo")
        return {(item["kind"], item["metadata"]["name"]): item for item in found}

    def given() -> dict[str, Any]:
        cluster.until(lambda: _applied(cluster, namespace), explain=lambda: cluster.explain("demo", namespace))
        return seen(with_credentials(live()))

    cluster.apply(app(before), namespace=namespace)
    first = given()
    cluster.apply(app(after), namespace=namespace)
    changed = given()
    assert changed != first
    cluster.delete("application", "demo", namespace)
    cluster.until(lambda: not live())
    cluster.apply(app(after), namespace=namespace)
    assert changed == given()


def _applied(cluster: Cluster, namespace: str) -> bool:
    """Whether KubeVela is through with the Application as it is, and what it no longer renders is gone."""
    found = cluster.get("application", "demo", namespace)
    status, generation = found.get("status", {}), found.get("metadata", {}).get("generation")
    return bool(status.get("status") == "running" and status.get("observedGeneration") == generation)


IMMUTABLE = "immutable field cannot be changed"


def test_what_must_not_change_is_refused_and_can_be_forced(cluster: Cluster, namespace: str) -> None:
    if cluster.vela_version.startswith("1.10"):
        pytest.skip("KubeVela 1.10 does not know immutable parameters")

    def app(size: str, **metadata: Any) -> dict[str, Any]:
        properties = {"name": "demo", "persistence": {"size": size}}
        return application("demo", {"name": "demo", "type": "iot-broker", "properties": properties}, **metadata)

    cluster.apply(app("1Gi"), namespace=namespace)
    cluster.running("demo", namespace)
    with pytest.raises(ClusterError, match=rf"persistence\.size.*{IMMUTABLE}"):
        cluster.apply(app("2Gi"), namespace=namespace)
    cluster.apply(app("2Gi", annotations={"app.oam.dev/force-param-mutations": "true"}), namespace=namespace)


PLATFORM = {"name": "demo", "database": "postgres", "storage": {"kafka": "20Gi", "retain": True}}

SECOND: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": (PLATFORM, PLATFORM),
    "what may change": (PLATFORM, {**PLATFORM, "storage": {"kafka": "20Gi", "retain": False}}),
    "a size and a database": (PLATFORM, {**PLATFORM, "database": "mysql", "storage": {"kafka": "40Gi"}}),
    "one that is taken out": (PLATFORM, {"name": "demo", "storage": PLATFORM["storage"]}),
    "all that is above them taken out": (PLATFORM, {"name": "demo", "database": "postgres"}),
    "one that was not said": ({"name": "demo"}, {"name": "demo", "database": "postgres"}),
}


def test_check_tells_what_kubevela_refuses(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """``check --previous`` and the webhook say the same of two Applications, parameter by parameter."""
    if cluster.vela_version.startswith("1.10"):
        pytest.skip("KubeVela 1.10 does not know immutable parameters")
    for number, (before, after) in enumerate(SECOND.values()):
        said = []
        for place, properties in (("before", before), ("after", after)):
            component = {"name": "demo", "type": "realtime-platform", "properties": properties}
            app = application(f"held-{number}", component)
            # Nothing of it is deployed: its one step waits for somebody.
            app["spec"]["workflow"] = {"steps": [{"name": "wait", "type": "suspend"}]}
            (tmp_path / f"{place}.yaml").write_text(json.dumps(app))
            try:
                cluster.apply(app, namespace=namespace)
            except ClusterError as error:
                said = re.findall(r"properties\[([^]]+)\]\W+immutable field cannot be", str(error))
        old = previous.read(str(tmp_path / "before.yaml"), [])
        found = checking.check_files(tmp_path / "after.yaml", previous=old).findings
        told = [item.path.partition(".properties.")[2] for item in found if item.rule == "immutable-parameter"]
        assert sorted(set(told)) == sorted(set(said)), (before, after, said)


def test_what_the_application_left_open_can_still_be_said(cluster: Cluster, namespace: str) -> None:
    """KubeVela knows no defaults here: the docs tell people to write down what must not change."""
    properties: dict[str, Any] = {"name": "demo"}
    component = {"name": "demo", "type": "iot-broker", "properties": properties}
    cluster.apply(application("demo", component), namespace=namespace)
    cluster.running("demo", namespace)
    properties["persistence"] = {"size": "5Gi"}
    cluster.apply(application("demo", component), namespace=namespace)
    cluster.running("demo", namespace)
