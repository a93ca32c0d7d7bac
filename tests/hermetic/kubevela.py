"""KubeVela's controller with its admission webhooks, and everything that its chart installs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from tests.hermetic import chart, processes, programs
from vela_realtime.toolchain import gobuild, gosource, pins

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.hermetic.cluster import Cluster
    from tests.hermetic.control_plane import ControlPlane
    from tests.hermetic.processes import Child
    from tests.hermetic.state import Folder

RESYNC = "20s"
"""How often an Application is looked at again. It is 5 minutes in production, which no test can wait for."""

_EXTRA_KINDS = {
    "servicemonitors.monitoring.coreos.com",
    "podmonitors.monitoring.coreos.com",
    "prometheusrules.monitoring.coreos.com",
    "certificates.cert-manager.io",
    "issuers.cert-manager.io",
    "gateways.gateway.networking.k8s.io",
    "grpcroutes.gateway.networking.k8s.io",
    "httproutes.gateway.networking.k8s.io",
    "virtualservices.networking.istio.io",
}
"""The kinds that definitions render when asked to. Nothing acts on them here, but their fields are checked."""


def install(cluster: Cluster, version: str) -> None:
    """Put KubeVela's custom resource definitions and its built-in definitions into a cluster.

    Raises:
        ClusterError: something is missing in the cache, or the cluster refuses it.
    """
    files = chart.folder(version)
    cluster.kubectl("create", "namespace", chart.SYSTEM_NAMESPACE)
    cluster.kubectl("create", f"--filename={files / 'crds'}")
    cluster.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
    cluster.kubectl("create", "--filename=-", stdin=chart.definitions(files))


def start(folder: Folder, plane: ControlPlane, version: str, more: Sequence[str] = ()) -> tuple[Child, str]:
    """Start the controller, with the flags of the chart and ``more``. Return it with the address of its webhooks."""
    files = chart.folder(version)
    webhook_port, health_port, metrics_port = processes.free_ports(3)
    child = processes.start(
        folder,
        "vela-core",
        [
            gobuild.path(pins.VELA_CORE[version]),
            *chart.controller_flags(files),
            *more,
            f"--application-re-sync-period={RESYNC}",
            # Seconds between two looks at what is not healthy yet; as shipped, up to a minute.
            "--max-workflow-wait-backoff-time=8",
            "--use-webhook=true",
            f"--webhook-port={webhook_port}",
            f"--webhook-cert-dir={plane.keys.key.parent}",
            f"--health-addr=127.0.0.1:{health_port}",
            f"--metrics-addr=127.0.0.1:{metrics_port}",
        ],
        env={"KUBECONFIG": str(folder.kubeconfig), **chart.controller_environment(files)},
    )
    child.wait_until(lambda: processes.answers(f"http://127.0.0.1:{health_port}/readyz"))
    return child, f"https://127.0.0.1:{webhook_port}"


def register(cluster: Cluster, plane: ControlPlane, version: str, webhooks: str) -> None:
    """Let every Application and definition pass the controller's webhooks from now on."""
    configurations = chart.webhooks(chart.folder(version), webhooks, plane.keys.authority())
    cluster.kubectl("create", "--filename=-", stdin="---\n".join(json.dumps(item) + "\n" for item in configurations))


def extra_kinds() -> Iterator[dict[str, Any]]:
    """Yield the custom resource definitions of what ours render when asked to."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for source in programs.CRDS:
        for file in sorted((gosource.path(source) / "crds").glob("*.yaml")):
            for text in file.read_text().split("\n---\n"):
                if any(f"name: {kind}" in text for kind in _EXTRA_KINDS):
                    yield yaml.load(text, loader)  # noqa: S506 - both loaders are safe
