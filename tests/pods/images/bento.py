"""``ghcr.io/warpstreamlabs/bento``: Bento built from its Go module, on busybox as the official image."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.hermetic import programs
from tests.hermetic.node.images import Image
from tests.pods.images import debian, names
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = tuple(programs.BENTO.module / name for name in ("go.mod", "go.sum", "main.go"))


def recipe(root: Path) -> Image:
    """Lay the image out: the program in the root folder, and nothing else of its own."""
    debian.busybox(root)
    debian.users(root, bento=10001)
    shutil.copy(gobuild.build(programs.BENTO), root / "bento")
    (root / "bento.yaml").write_text("metrics: {prometheus: {}}\n")
    return Image(
        names.reference("bento"),
        [root],
        entrypoint=["/bento"],
        command=["-c", "/bento.yaml"],
        user="bento",
        environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
