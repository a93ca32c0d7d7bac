"""Exporters beside a server in its pod: MySQL's own, Debian's for PostgreSQL; Mosquitto's is played by a listener."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.hermetic import programs
from tests.hermetic.node.images import Image
from tests.pods.images import debian, names
from vela_realtime.toolchain import gobuild
from vela_realtime.toolchain.gobuild import GoProgram

if TYPE_CHECKING:
    from pathlib import Path


_MODULE = programs.MODULES / "mysqld-exporter-0.19.0"
MYSQL = GoProgram("mysqld_exporter", "0.19.0", _MODULE, "github.com/prometheus/mysqld_exporter", seconds=60)

SOURCES = (_MODULE / "go.mod", _MODULE / "go.sum")


def postgres(root: Path) -> Image:
    """Lay out Debian's exporter 0.11 as the official image."""
    debian.fill(root, ("prometheus-postgres-exporter",))
    debian.busybox(root)
    return Image(names.reference("postgres-exporter"), [root], entrypoint=["/usr/bin/prometheus-postgres-exporter"])


def mosquitto(root: Path) -> Image:
    """Lay out something that answers on the exporter's port: the real one cannot be had."""
    return _listener(root, "mosquitto-exporter", 9234)


def mysql(root: Path) -> Image:
    """Lay out the exporter itself, built from its Go module in the version that definitions render."""
    debian.users(root, nobody=65534)
    debian.folders(root, "tmp", "bin")
    shutil.copy2(gobuild.build(MYSQL), root / "bin" / MYSQL.name)
    return Image(names.reference("mysql-exporter"), [root], entrypoint=[f"/bin/{MYSQL.name}"], user="nobody")


def _listener(root: Path, key: str, port: int) -> Image:
    debian.busybox(root)
    (root / "www").mkdir()
    (root / "www/metrics").write_text("# played by the tests\n")
    # The first process of a container ends at nothing but what it asks for.
    script = f"trap 'exit 0' TERM; httpd -f -p {port} -h /www & wait"
    return Image(names.reference(key), [root], entrypoint=["/bin/sh", "-c", script])
