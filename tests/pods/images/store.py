"""Builds images once, and keeps them as archives in the cache."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hermetic.node import images, packages
from tests.pods.images import RECIPES, debian
from vela_realtime.toolchain.stage import publish, silent, tools_folder

if TYPE_CHECKING:
    from tests.hermetic import Cluster
    from vela_realtime.toolchain.stage import Progress

_ROOT = Path(__file__).parents[3]


def give(cluster: Cluster, *keys: str) -> None:
    """Give a cluster's real node images of ``RECIPES``.

    Raises:
        ClusterError: a package cannot be had, or the node does not take an image.
    """
    for key in keys:
        cluster.load_archive(archive(key))


def archive(key: str, progress: Progress = silent) -> Path:
    """Return an image of ``RECIPES`` as an archive that containerd imports, making it when it is not there.

    Raises:
        ClusterError: a package cannot be had.
    """

    def make(stage: Path) -> None:
        progress(f"making the image {key}")
        with tempfile.TemporaryDirectory(dir=stage) as folder:
            root = Path(folder) / "root"
            root.mkdir()
            images.write(RECIPES[key](root), stage / "image.tar")

    return publish(tools_folder() / f"image-{key}-{_content_key(key)}", "image.tar", f"the image {key}", make, progress)


def _content_key(key: str) -> str:
    """Return a hash of everything that an image is made by and from, as far as it is ours."""
    recipe = RECIPES[key]
    module = sys.modules[recipe.__module__]
    files = [Path(str(module.__file__)), *getattr(module, "SOURCES", ())]
    files += [Path(debian.__file__), Path(images.__file__), _ROOT / "cue/images.cue", _ROOT / "cue/site.cue"]
    digest = hashlib.sha256(packages.release().encode())
    for file in sorted(files):
        digest.update(str(file.relative_to(_ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
