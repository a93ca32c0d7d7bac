"""``restic/restic``: restic built from its Go module, on busybox instead of Alpine."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.hermetic import programs
from tests.hermetic.node.images import Image
from tests.pods.images import debian, names
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = tuple(programs.RESTIC.module / name for name in ("go.mod", "go.sum"))


def recipe(root: Path) -> Image:
    """Lay the image out."""
    debian.busybox(root)
    debian.users(root)
    debian.folders(root, "tmp", "usr/bin")
    shutil.copy(gobuild.build(programs.RESTIC), root / "usr/bin/restic")
    return Image(
        names.reference("restic"),
        [root],
        entrypoint=["/usr/bin/restic"],
        environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
