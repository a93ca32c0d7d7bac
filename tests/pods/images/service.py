"""``examples/service``, as its Dockerfile makes it, on Debian's Python."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import yaml

from tests.hermetic.node.images import Image
from tests.pods.images import debian, names, pypi

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = names.ROOT / "examples/service"
SOURCES = (
    pypi.FILE,
    *SOURCE.rglob("*.py"),
    *(SOURCE / name for name in ("requirements.txt", "Dockerfile", "application.yaml")),
)


def reference() -> str:
    """Return the image's name in the example's own Application."""
    application = yaml.safe_load((SOURCE / "application.yaml").read_text())
    (image,) = {
        component["properties"]["image"]
        for component in application["spec"]["components"]
        if "image" in component["properties"]
    }
    return str(image)


def recipe(root: Path) -> Image:
    """Lay the image out.

    Raises:
        ClusterError: pip cannot get what it needs.
    """
    debian.fill(root, ("python3",))
    debian.busybox(root)
    debian.folders(root, "tmp")
    (version,) = (item.name.removeprefix("python") for item in (root / "usr/lib").glob("python3.*"))
    packages = root / "usr/local/lib" / f"python{version}" / "dist-packages"
    options = ["--no-cache-dir", f"--python-version={version}", f"--target={packages}"]
    pypi.pip("what examples/service needs", "install", *options, "--requirement", SOURCE / "requirements.txt")
    shutil.copytree(
        SOURCE / "realtime_service", root / "srv/realtime_service", ignore=shutil.ignore_patterns("__pycache__")
    )
    (root / "usr/local/bin").mkdir(parents=True, exist_ok=True)
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    dockerfile = (SOURCE / "Dockerfile").read_text()
    command = re.search(r"^CMD \[(.*)\]$", dockerfile, re.MULTILINE)
    user = re.search(r"^USER (.*)$", dockerfile, re.MULTILINE)
    assert command is not None
    assert user is not None
    return Image(
        reference(),
        [root],
        command=[word.strip(' "') for word in command[1].split(",")],
        user=user[1],
        environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
        folder="/srv",
    )
