"""``curlimages/curl``: a shell and curl, which most Jobs run in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hermetic.node.images import Image
from tests.pods.images import debian, names

if TYPE_CHECKING:
    from pathlib import Path


def curl(root: Path) -> Image:
    """Lay the image out."""
    debian.fill(root, ("curl",))
    debian.busybox(root)
    debian.users(root, curl_user=100)
    debian.folders(root, "tmp")
    return Image(
        names.reference("helper"),
        [root],
        command=["curl"],
        user="curl_user",
        environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
