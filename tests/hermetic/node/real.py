"""Everything that makes up the real node, in the order in which it is needed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hermetic import programs
from tests.hermetic.node import admission, containerd, kubernetes, policies
from tests.hermetic.node.images import Image
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from tests.hermetic.cluster import Cluster
    from tests.hermetic.control_plane import ControlPlane
    from tests.hermetic.processes import Child
    from tests.hermetic.state import Folder


def start(folder: Folder, plane: ControlPlane, cluster: Cluster, address: str, cgroup: str) -> list[Child]:
    """Start the node's programs and wait until it takes pods.

    Raises:
        ClusterError: one of them ends or does not become ready.
    """
    children = [containerd.start(folder)]
    _load_pause(folder)
    children.append(kubernetes.kubelet(folder, plane, address, cgroup))
    kubernetes.let_bridges_be_seen()
    children.append(kubernetes.proxy(folder))
    children.append(kubernetes.dns(folder, address))
    children.append(policies.start(folder))
    cluster.kubectl("wait", "node", kubernetes.NODE, "--for=condition=Ready", "--timeout=60s")
    cluster.create(admission.serve(folder, plane))
    return children


def _load_pause(folder: Folder) -> None:
    with tempfile.TemporaryDirectory(dir=folder.data) as root:
        shutil.copy2(gobuild.path(programs.PAUSE), Path(root) / "pause")
        image = Image(containerd.PAUSE_IMAGE, [Path(root)], entrypoint=["/pause"], user="65535:65535")
        containerd.load(folder, image)
