"""``eclipse-mosquitto``: Debian's Mosquitto 2.0 with its clients, as the alpine image has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hermetic.node.images import Image
from tests.pods.images import debian, names

if TYPE_CHECKING:
    from pathlib import Path


def recipe(root: Path) -> Image:
    """Lay the image out."""
    debian.fill(root, ("mosquitto", "mosquitto-clients"))
    debian.busybox(root)
    debian.users(root, mosquitto=1883)
    debian.folders(root, "tmp", "mosquitto/config", "mosquitto/data", "mosquitto/log")
    return Image(
        names.reference("mosquitto"),
        [root],
        command=["/usr/sbin/mosquitto", "-c", "/mosquitto/config/mosquitto.conf"],
        environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
