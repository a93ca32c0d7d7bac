"""containerd, with a store of its own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.hermetic import processes
from tests.hermetic.node import packages
from tests.hermetic.node.images import Image, write
from tests.hermetic.state import ClusterError
from vela_realtime import process
from vela_realtime.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hermetic.processes import Child
    from tests.hermetic.state import Folder

PAUSE_IMAGE = "hermetic.local/pause:1"
POD_NETWORK = "10.201.0.0/16"

_CONFIG = """\
version = 2
root = "{data}/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
# Without it, runc stops where it may not lower a container's score: "can't get final child's PID from pipe".
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{snapshotter}"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{data}/cni"
"""

_NETWORK = """\
{{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {{
      "type": "bridge",
      "bridge": "pods",
      "isGateway": true,
      "hairpinMode": true,
      "ipam": {{
        "type": "host-local",
        "ranges": [[{{"subnet": "{network}"}}]],
        "routes": [{{"dst": "0.0.0.0/0"}}],
        "dataDir": "{data}/addresses"
      }}
    }},
    {{"type": "loopback"}}
  ]
}}
"""


def socket(folder: Folder) -> Path:
    """Return where containerd listens. Other namespaces see it too."""
    return folder.data / "containerd.sock"


def start(folder: Folder) -> Child:
    """Start containerd and wait until it answers.

    Raises:
        ClusterError: it ends or does not become ready.
    """
    root = packages.path()
    (folder.data / "containerd").mkdir()
    config = folder.data / "containerd.toml"
    settings = {"data": folder.data, "socket": socket(folder), "pause": PAUSE_IMAGE, "plugins": root / "usr/lib/cni"}
    write_text(config, _CONFIG.format(**settings, snapshotter=_snapshotter(folder.data / "containerd")))
    write_text(folder.data / "cni" / "pods.conflist", _NETWORK.format(network=POD_NETWORK, data=folder.data))
    env = packages.environment(root)
    program = shutil.which("containerd", path=env["PATH"]) or "containerd"
    child = processes.start(folder, "containerd", [program, f"--config={config}"], env)
    child.wait_until(lambda: ctr(folder, "version").ok)
    return child


def ctr(folder: Folder, *arguments: str | Path) -> process.Completed:
    """Run containerd's client on the images and containers of Kubernetes."""
    env = packages.environment(packages.path())
    program = shutil.which("ctr", path=env["PATH"]) or "ctr"
    return process.run([program, f"--address={socket(folder)}", "--namespace=k8s.io", *arguments], env=env, timeout=300)


def load(folder: Folder, image: Image) -> None:
    """Give an image to the node.

    Raises:
        ClusterError: containerd does not take it.
    """
    archive = folder.data / f"{image.name.replace('/', '_').replace(':', '_')}.tar"
    try:
        write(image, archive)
        load_archive(folder, archive)
    finally:
        archive.unlink(missing_ok=True)


def load_archive(folder: Folder, archive: Path) -> None:
    """Give the node an image that ``images.write`` wrote.

    Raises:
        ClusterError: containerd does not take it.
    """
    done = ctr(folder, "images", "import", archive)
    if not done.ok:
        raise ClusterError(f"containerd does not take the image {archive.name}: {done.stderr.strip()}")


def images(folder: Folder) -> set[str]:
    """Return the names of the images that the node has, as they are in full."""
    return set(ctr(folder, "images", "list", "--quiet").stdout.split())


def full_name(reference: str) -> str:
    """Return a name as containerd keeps it: ``nginx`` becomes ``docker.io/library/nginx:latest``."""
    name, at, digest = reference.partition("@")
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}"
    if ":" not in name.rpartition("/")[2] and not at:
        name += ":latest"
    return f"{name}{at}{digest}"


def _snapshotter(folder: Path) -> str:
    """Return ``overlayfs``, or ``native`` where folders cannot be laid over one another, as in a container."""
    trial = folder / "trial"
    for name in ("lower", "upper", "work", "merged"):
        (trial / name).mkdir(parents=True)
    options = f"lowerdir={trial}/lower,upperdir={trial}/upper,workdir={trial}/work"
    works = process.run(["mount", "-t", "overlay", "overlay", "-o", options, trial / "merged"]).ok
    if works:
        process.run(["umount", trial / "merged"])
    shutil.rmtree(trial)
    return "overlayfs" if works else "native"
