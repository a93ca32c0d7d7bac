"""KubeVela's cluster gateway: how a hub reaches the clusters that are joined to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.hermetic import chart, processes, programs
from vela_realtime.files import write_text
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from tests.hermetic.cluster import Cluster
    from tests.hermetic.control_plane import ControlPlane
    from tests.hermetic.processes import Child
    from tests.hermetic.state import Folder

SERVICE = f"kubevela-cluster-gateway-service.{chart.SYSTEM_NAMESPACE}.svc"
"""What the API server calls the gateway, and expects in its certificate."""

_API = "v1alpha1.cluster.core.oam.dev"


@dataclass(frozen=True)
class Gateway:
    """A running gateway, and what KubeVela's controller is told of it."""

    child: Child
    controller_flags: tuple[str, ...]


def start(folder: Folder, plane: ControlPlane, cluster: Cluster, version: str) -> Gateway:
    """Start the gateway with the flags of the chart, and have the API server hand its API on to it.

    Raises:
        ClusterError: it does not become ready, or the API server does not reach it.
    """
    files = chart.folder(version)
    (port,) = processes.free_ports(1)
    url = f"https://127.0.0.1:{port}"
    identities = folder.data / "cluster-gateway.yaml"
    write_text(identities, chart.gateway_identities(files))
    child = processes.start(
        folder,
        "cluster-gateway",
        [
            gobuild.path(programs.CLUSTER_GATEWAY),
            *chart.gateway_flags(files),
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={plane.keys.certificate}",
            f"--tls-private-key-file={plane.keys.key}",
            f"--cluster-gateway-proxy-config={identities}",
            *(f"--{use}kubeconfig={folder.kubeconfig}" for use in ("", "authentication-", "authorization-")),
        ],
        env={"KUBECONFIG": str(folder.kubeconfig)},
    )
    trusted = plane.keys.trusted()
    child.wait_until(lambda: processes.answers(f"{url}/readyz", trusted))
    cluster.create(*_service(port, plane.keys.authority()))
    cluster.until(lambda: _available(cluster), explain=lambda: f"the API server does not reach {_API} at {url}")
    flags = ("--enable-cluster-gateway", f"--cluster-gateway-url={url}")
    return Gateway(child, (*flags, f"--cluster-gateway-ca-file={plane.keys.certificate}"))


def _service(port: int, authority: str) -> list[dict[str, Any]]:
    """Return the Service and the APIService of the chart. The Service leads to this machine, where no pod is."""
    name, namespace, _ = SERVICE.split(".")
    version, _, group = _API.partition(".")
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": _API},
            "spec": {
                "version": version,
                "group": group,
                "groupPriorityMinimum": 2000,
                "versionPriority": 10,
                "service": {"name": name, "namespace": namespace, "port": port},
                "caBundle": authority,
            },
        },
    ]


def _available(cluster: Cluster) -> bool:
    conditions = cluster.get("apiservices", _API).get("status", {}).get("conditions", [])
    return any(item["type"] == "Available" and item["status"] == "True" for item in conditions)
