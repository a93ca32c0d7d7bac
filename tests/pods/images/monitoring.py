"""What watches a platform: Debian's Prometheus and Alertmanager. The name is the tests' own, as their manifests are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hermetic.node.images import Image
from tests.pods.images import debian

if TYPE_CHECKING:
    from pathlib import Path

PROMETHEUS = "registry.example.com/prometheus:debian"


def prometheus(root: Path) -> Image:
    """Lay out both programs, ``prometheus`` and ``prometheus-alertmanager``."""
    debian.fill(root, ("prometheus", "prometheus-alertmanager"))
    debian.busybox(root)
    debian.users(root, nobody=65534)
    debian.folders(root, "tmp")
    return Image(PROMETHEUS, [root], command=["prometheus"], user="nobody", environment={"PATH": "/usr/bin:/bin"})
