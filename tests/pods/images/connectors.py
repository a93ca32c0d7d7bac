"""The image that carries the JDBC sink for Kafka Connect."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.hermetic.node.images import Image
from tests.pods.images import debian, names
from tests.support import kafka_jars

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = (kafka_jars.JDBC_POM,)


def jdbc(root: Path) -> Image:
    """Lay out a shell and the plugin's folder, which is all that an init container copies from it."""
    plugin = names.plugin("jdbc")
    debian.busybox(root)
    debian.users(root, kafka=1001)
    debian.folders(root, "tmp")
    shutil.copytree(kafka_jars.jdbc_sink(), root / plugin["directory"].lstrip("/"))
    return Image(plugin["image"], [root], command=["sh"], user="kafka")
