"""The checks of the other tests can fail: each is shown something that is wrong in the way that it is there to find."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.checks import accepted, application, refused_pods, synced
from tests.hermetic.state import ClusterError

if TYPE_CHECKING:
    from tests.hermetic import Cluster

POD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "main",
            "image": "example.com/app:1",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}
"""A pod that is restricted."""


def _deployment(**pod: Any) -> dict[str, Any]:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {**copy.deepcopy(POD), **pod}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def _job(command: str) -> dict[str, Any]:
    (container,) = copy.deepcopy(POD)["containers"]
    pod = {**POD, "restartPolicy": "Never", "containers": [{**container, "command": [command]}]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": {"template": {"spec": pod}}}


def _definition(template: str, name: str = "trial") -> dict[str, Any]:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "ComponentDefinition",
        "metadata": {"name": name},
        "spec": {"workload": {"type": "autodetects.core.oam.dev"}, "schematic": {"cue": {"template": template}}},
    }


CONFIG_MAP = 'output: {apiVersion: "v1", kind: "ConfigMap", metadata: name: context.name}'


def test_a_bounded_integer_with_a_default_is_not_synced(cluster: Cluster, namespace: str) -> None:
    cluster.apply(_definition(f"parameter: port: *1883 | int & >0\n{CONFIG_MAP}"), namespace=namespace)
    with pytest.raises(ClusterError, match=r"trial is not synced: .*unsupported op for number &"):
        synced(cluster, "componentdefinition", "trial", namespace)


def test_an_undefined_reference_is_refused(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(ClusterError, match='reference "nosuch" not found'):
        cluster.apply(_definition(f"parameter: {{}}\n{CONFIG_MAP}\noutput: data: a: nosuch"), namespace=namespace)


def test_an_open_parameter_takes_a_misspelt_property_and_a_closed_one_does_not(
    cluster: Cluster, namespace: str
) -> None:
    cluster.apply(_definition(f"parameter: {{topic?: string}}\n{CONFIG_MAP}", "open"), namespace=namespace)
    closed = f"#Parameter: {{topic?: string}}\nparameter: #Parameter\n{CONFIG_MAP}"
    cluster.apply(_definition(closed, "closed"), namespace=namespace)
    misspelt = {"name": "one", "properties": {"topik": "x"}}
    cluster.create(application("app", {**misspelt, "type": "open"}), namespace=namespace, dry_run=True)
    with pytest.raises(ClusterError, match=r"parameter\.topik: field not allowed"):
        cluster.create(application("app", {**misspelt, "type": "closed"}), namespace=namespace, dry_run=True)


def test_a_restricted_pod_is_accepted(cluster: Cluster, namespace: str) -> None:
    accepted(cluster, [("good", _deployment()), ("other", _job("true"))], namespace)


def test_a_pod_without_seccomp_profile_is_named(cluster: Cluster, namespace: str) -> None:
    bad = _deployment(securityContext={"runAsNonRoot": True, "runAsUser": 1000})
    with pytest.raises(ClusterError, match=r"Deployment web of bad: .*would violate PodSecurity.*seccompProfile"):
        accepted(cluster, [("good", _deployment()), ("bad", bad), ("other", _job("true"))], namespace)


def test_an_unknown_field_is_named(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(ClusterError, match=r"Deployment web of bad: .*unknown field.*\bnodeSelektor\b"):
        accepted(cluster, [("bad", _deployment(nodeSelektor={"a": "b"}))], namespace)


def test_a_pod_that_a_controller_may_not_create_is_reported(cluster: Cluster, namespace: str) -> None:
    cluster.create(_deployment(securityContext={}), namespace=namespace)
    (message, *_) = cluster.until(lambda: refused_pods(cluster, namespace))
    assert "violates PodSecurity" in message


def test_a_job_that_changes_under_one_name_is_found(cluster: Cluster, held: str) -> None:
    accepted(cluster, [("before", _job("true")), ("after", _job("false"))], held)
    cluster.apply(_job("true"), namespace=held)
    with pytest.raises(ClusterError, match=r"Job once of after: (?s:.*)field is immutable"):
        accepted(cluster, [("before", _job("true")), ("after", _job("false"))], held)


def test_a_stateful_set_whose_fixed_field_changes_is_found(cluster: Cluster, held: str) -> None:
    def with_service(name: str) -> dict[str, Any]:
        found = {**_deployment(), "kind": "StatefulSet"}
        found["spec"]["serviceName"] = name
        return found

    cluster.apply(with_service("one"), namespace=held)
    accepted(cluster, [("before", with_service("one"))], held)
    with pytest.raises(ClusterError, match=r"StatefulSet web of after: (?s:.*)updates to statefulset spec"):
        accepted(cluster, [("after", with_service("other"))], held)


def test_an_application_with_such_a_job_does_not_get_through(cluster: Cluster, held: str) -> None:
    template = f"parameter: command: string\noutput: {json.dumps(_job('COMMAND'))}"  # JSON is CUE
    cluster.apply(_definition(template.replace('"COMMAND"', "parameter.command")), namespace=held)
    component = {"name": "one", "type": "trial", "properties": {"command": "true"}}
    cluster.apply(application("app", component), namespace=held)
    cluster.running("app", held)
    component["properties"] = {"command": "false"}
    cluster.apply(application("app", component), namespace=held)
    with pytest.raises(ClusterError, match="field is immutable"):
        cluster.until(lambda: False, 6, lambda: cluster.explain("app", held))


def test_a_failing_pod_keeps_an_application_from_becoming_healthy(cluster: Cluster, held: str) -> None:
    broker = {"name": "broker", "type": "iot-broker", "properties": {"name": "devices"}}
    cluster.apply(application("devices", broker), namespace=held)
    cluster.until(lambda: cluster.items("pods", held), explain=lambda: cluster.explain("devices", held))
    cluster.then(held, "fail")
    with pytest.raises(ClusterError, match="mqtt 0/1"):
        cluster.running("devices", held, timeout=6)
