"""A namespace with a quota on limits, as the API server enforces it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.cluster.checks import application, refused_pods

if TYPE_CHECKING:
    from tests.hermetic import Cluster

QUOTA: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "limits"},
    "spec": {"hard": {"limits.cpu": "100", "limits.memory": "200Gi"}},
}


def test_a_quota_on_limits_takes_all_pods_that_have_one(cluster: Cluster, namespace: str) -> None:
    cluster.apply(QUOTA, namespace=namespace)
    properties: dict[str, Any] = {"name": "all", "size": "small"}
    platform = {"name": "all", "type": "realtime-platform", "properties": properties}
    cluster.apply(application("all", platform), namespace=namespace)

    def refused() -> list[str]:
        return [message for message in refused_pods(cluster, namespace) if "must specify limits.cpu" in message]

    cluster.until(refused, explain=lambda: cluster.explain("all", namespace))
    assert not cluster.items("pods", namespace)

    properties["cpuLimits"] = True
    cluster.apply(application("all", platform), namespace=namespace)
    cluster.running("all", namespace)
    used = cluster.get("resourcequota", "limits", namespace)["status"]["used"]
    assert used["limits.cpu"] != "0"
