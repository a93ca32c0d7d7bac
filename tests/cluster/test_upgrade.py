"""A new version of a definition comes to a cluster in which Applications use the one before."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import yaml

from tests.cluster.checks import LIBRARY, application, revisions, synced

if TYPE_CHECKING:
    from tests.hermetic import Cluster

NEW_IMAGE = "eclipse-mosquitto:2.1.2-alpine"
OLD_IMAGE = "eclipse-mosquitto:2.0.22"


def _definitions() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return iot-broker as it might have been, and as it is."""
    new: dict[str, Any] = yaml.safe_load((LIBRARY.definitions / "iot-broker.yaml").read_text())
    old = copy.deepcopy(new)
    old["spec"]["version"] = "0.9.0"
    template = old["spec"]["schematic"]["cue"]["template"]
    assert template.count('tag: "2.1.2-alpine"') == 1
    old["spec"]["schematic"]["cue"]["template"] = template.replace('tag: "2.1.2-alpine"', 'tag: "2.0.22"')
    return old, new


def _broker(name: str, kind: str, port: int) -> dict[str, Any]:
    properties = {"name": name, "mqttPort": port}
    return application(name, {"name": "broker", "type": kind, "properties": properties})


def test_applications_take_the_new_version_when_they_change(cluster: Cluster, namespace: str) -> None:
    old, new = _definitions()

    def image(name: str) -> str:
        pod = cluster.get("statefulset", f"{name}-iot-mqtt", namespace)["spec"]["template"]["spec"]
        return str(next(item["image"] for item in pod["containers"] if "mosquitto" in item["image"]))

    cluster.apply(old, namespace=namespace)
    synced(cluster, "componentdefinition", "iot-broker", namespace)
    cluster.apply(_broker("follows", "iot-broker", 1883), namespace=namespace)
    cluster.apply(_broker("stays", "iot-broker@v0.9.0", 1883), namespace=namespace)
    for name in ("follows", "stays"):
        cluster.running(name, namespace)
        assert image(name) == OLD_IMAGE

    cluster.apply(new, namespace=namespace)
    cluster.until(lambda: revisions(cluster, "iot-broker", namespace) == ["iot-broker-v0.9.0", "iot-broker-v1.0.0"])
    for name in ("follows", "stays"):
        assert cluster.phase(name, namespace) == "running"
        assert image(name) == OLD_IMAGE

    cluster.apply(_broker("follows", "iot-broker", 11883), namespace=namespace)
    cluster.apply(_broker("stays", "iot-broker@v0.9.0", 11883), namespace=namespace)
    cluster.until(lambda: image("follows") == NEW_IMAGE, explain=lambda: cluster.explain("follows", namespace))
    for name in ("follows", "stays"):
        cluster.running(name, namespace)
    assert image("stays") == OLD_IMAGE
