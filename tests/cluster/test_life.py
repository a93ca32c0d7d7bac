"""What happens to an Application's objects later: they are restored, changed in place, and collected."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.checks import LIBRARY, Built, accepted, application, built, names
from vela_realtime import process, toolchain
from vela_realtime.library import fixtures

if TYPE_CHECKING:
    from tests.hermetic import Cluster
    from vela_realtime.library.fixtures import Case

RESTORED = 90
"""Seconds that KubeVela may take to see that something is missing: it looks every 20."""

KINDS = "deployments,statefulsets,jobs,services,configmaps,secrets,serviceaccounts,networkpolicies,poddisruptionbudgets"


def _broker(**properties: Any) -> dict[str, Any]:
    component = {"name": "broker", "type": "iot-broker", "properties": {"name": "devices", **properties}}
    return application("devices", component)


def test_kubevela_restores_objects_and_keeps_the_keys_of_jobs(cluster: Cluster, namespace: str) -> None:
    cluster.apply(_broker(), namespace=namespace)
    cluster.running("devices", namespace)
    password = base64.b64encode(b"made by the credentials Job").decode()
    cluster.kubectl(
        *("patch", "secret", "devices-iot-mqtt-secret", f"--namespace={namespace}", "--type=merge"),
        *("--patch", f'{{"data": {{"MQTT_PASSWORD": "{password}"}}}}'),
    )

    def data() -> dict[str, Any]:
        found: dict[str, Any] = cluster.get("secret", "devices-iot-mqtt-secret", namespace)["data"]
        return found

    # What is missing comes back.
    configs = cluster.items("configmaps", namespace)
    (config,) = [item for item in configs if "mosquitto.conf" in item.get("data", {})]
    name = config["metadata"]["name"]
    cluster.delete("configmap", name, namespace)
    restored = cluster.until(lambda: cluster.get("configmap", name, namespace))
    assert restored["data"] == config["data"]
    assert data()["MQTT_PASSWORD"] == password

    # A change of the Application renders the Secret again.
    cluster.apply(_broker(mqttPort=11883), namespace=namespace)
    cluster.until(lambda: data()["MQTT_PORT"] == base64.b64encode(b"11883").decode())
    cluster.running("devices", namespace)
    assert data()["MQTT_PASSWORD"] == password


def test_deletion_collects_everything_but_volumes(cluster: Cluster, namespace: str) -> None:
    before = names(cluster.items(KINDS, namespace))
    cluster.apply(_broker(connector={}), namespace=namespace)
    cluster.running("devices", namespace)
    volumes = names(cluster.items("persistentvolumeclaims", namespace))
    assert len(volumes) == 2
    cluster.delete("application", "devices", namespace)
    cluster.until(
        lambda: names(cluster.items(KINDS, namespace)) == before,
        explain=lambda: f"still there: {set(names(cluster.items(KINDS, namespace))) - set(before)}",
    )
    assert names(cluster.items("persistentvolumeclaims", namespace)) == volumes


def test_more_brokers_do_not_become_controllers(cluster: Cluster, namespace: str) -> None:
    """Two with empty volumes would outvote the one that has the data."""

    def platform(brokers: int, **kafka: int) -> dict[str, Any]:
        properties = {"name": "demo", "scaling": {"minReplicas": brokers}, "kafkaConfig": kafka}
        return application("demo", {"name": "demo", "type": "realtime-platform", "properties": properties})

    def brokers() -> int:
        found: int = cluster.get("statefulset", "demo-kafka", namespace).get("spec", {}).get("replicas", 0)
        return found

    cluster.apply(platform(1), namespace=namespace)
    cluster.until(lambda: brokers() == 1)
    cluster.apply(platform(3), namespace=namespace)
    cluster.until(lambda: "updates to statefulset spec" in cluster.explain("demo", namespace))
    assert brokers() == 1
    cluster.apply(platform(3, controllers=1), namespace=namespace)
    cluster.until(lambda: brokers() == 3)


def test_what_a_parameter_no_longer_asks_for_goes(cluster: Cluster, namespace: str) -> None:
    cluster.apply(_broker(connector={}), namespace=namespace)
    cluster.running("devices", namespace)
    assert cluster.get("statefulset", "devices-kafka", namespace)
    cluster.apply(_broker(), namespace=namespace)
    cluster.until(lambda: not cluster.get("statefulset", "devices-kafka", namespace))
    cluster.running("devices", namespace)


@pytest.mark.parametrize("definition", [item for item in built() if item.owns_its_pods], ids=lambda item: item.name)
def test_parameters_change_in_place(cluster: Cluster, held: str, definition: Built) -> None:
    """From one set of parameters to any other, nothing is patched that Kubernetes lets nobody patch.

    The exception is a StatefulSet's claim template.
    """
    source = toolchain.kubevela_source(cluster.vela_version)

    def workloads(case: Case) -> list[dict[str, Any]]:
        outcome = fixtures.render_vela(case, "component", definition.yaml, source, cluster.vela_version)
        assert outcome.ok, f"{case.name}: {outcome.findings[0].message}"
        ours = [item.object for item in outcome.objects if item.component == case.component]
        return [item for item in ours if item["kind"] in _WITH_FIXED_FIELDS]

    valid = [case for case in fixtures.load(LIBRARY, definition.name) if case.valid]
    for case in valid:
        case.properties["name"] = "same"
    rendered = process.in_parallel(workloads, valid)
    first = max(rendered, key=len)
    cluster.apply(*({**item, "metadata": {**item["metadata"], "namespace": held}} for item in first))
    claims = {_identity(item): item["spec"].get("volumeClaimTemplates") for item in first}
    changes = [
        (case.name, item)
        for case, objects in zip(valid, rendered, strict=True)
        for item in objects
        if item["spec"].get("volumeClaimTemplates") == claims.get(_identity(item))
    ]
    accepted(cluster, changes, held)


def _identity(item: dict[str, Any]) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


_WITH_FIXED_FIELDS = {"Deployment", "StatefulSet", "DaemonSet", "Job", "Service", "PersistentVolumeClaim"}
