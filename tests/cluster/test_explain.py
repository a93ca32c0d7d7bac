"""``explain`` of an Application on a real KubeVela that lacks something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from tests.cluster.checks import application
from vela_realtime.cli import cli

if TYPE_CHECKING:
    from click.testing import Result

    from tests.hermetic import Cluster


def explain(cluster: Cluster, namespace: str, name: str) -> Result:
    options = ["--namespace", namespace, "--kubeconfig", str(cluster.kubeconfig)]
    return CliRunner().invoke(cli, ["explain", name, *options])


def test_what_is_missing_is_told_with_its_reason(cluster: Cluster, namespace: str) -> None:
    properties = {"name": "devices", "storage": {"class": "nowhere"}}
    cluster.apply(
        application("devices", {"name": "broker", "type": "iot-broker", "properties": properties}), namespace=namespace
    )

    def told() -> str:
        said = explain(cluster, namespace, "devices")
        assert said.exit_code in {0, 1}, said.exception
        # First what others wait for: the password, then the broker itself.
        return (
            said.output if "there is no storage class" in said.output and said.output.startswith("mqtt 0/1\n") else ""
        )

    lines = cluster.until(told).splitlines()
    assert lines[0] == "mqtt 0/1"
    assert lines[1].startswith("  means: mqtt, the MQTT broker Mosquitto: ")
    assert f"  next:  kubectl -n {namespace} get pods -l app.kubernetes.io/part-of=devices" in lines
    assert [pod["metadata"]["name"] for pod in cluster.items("pods", namespace, "app.kubernetes.io/part-of=devices")]
    assert "  means: there is no storage class of this name" in lines


def test_what_runs_lacks_nothing(cluster: Cluster, namespace: str) -> None:
    properties = {"name": "devices"}
    cluster.apply(
        application("devices", {"name": "broker", "type": "iot-broker", "properties": properties}), namespace=namespace
    )
    cluster.running("devices", namespace)
    said = cluster.until(lambda: found if (found := explain(cluster, namespace, "devices")).exit_code == 0 else None)
    assert said.output == "devices is running, and nothing that is known is missing\n"


def test_an_application_that_is_not_there_is_told(cluster: Cluster, namespace: str) -> None:
    assert "not found" in str(explain(cluster, namespace, "nobody").exception)
