"""KubeVela and the definitions on somebody's cluster."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.checks import install_definitions, synced
from tests.hermetic.cluster import Cluster, foreign
from vela_realtime.toolchain import pins

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 900
"""Seconds for KubeVela to start: its images are pulled."""

DEFINITIONS = ("realtime-platform", "analytics-dashboard", "stream-processor")
"""The component definitions that are used."""


def ready(kubeconfig: Path, say: Callable[[str], None]) -> Cluster:
    """Return a cluster with KubeVela, installed when it is not there, and with the definitions as they are here.

    Raises:
        ClusterError: one of them does not get ready, or the cluster has a KubeVela of a version that is not known.
    """
    bare = Cluster(kubeconfig, simulated=False)
    if not _has_kubevela(bare):
        say(f"installing KubeVela {pins.DEFAULT_VELA}")
        bare.vela("install", "--version", pins.DEFAULT_VELA, "--yes", timeout=PATIENCE)
    options = ["--namespace=vela-system", "--all", "--for=condition=Available", f"--timeout={PATIENCE}s"]
    bare.kubectl("wait", "deployment", *options, timeout=PATIENCE + 10)
    cluster = foreign()
    assert cluster is not None
    say("installing the definitions")
    install_definitions(cluster)
    for name in DEFINITIONS:
        synced(cluster, "componentdefinition", name, "vela-system")
    return cluster


def named() -> Path | None:
    """Return the kubeconfig that ``KUBECONFIG`` names, None where it names none."""
    name = os.environ.get("KUBECONFIG")
    return Path(name) if name else None


def _has_kubevela(cluster: Cluster) -> bool:
    found = json.loads(cluster.kubectl("get", "deployments", "--all-namespaces", "--output=json").stdout)
    return any(
        "/vela-core:" in container["image"]
        for item in found["items"]
        for container in item["spec"]["template"]["spec"]["containers"]
    )
