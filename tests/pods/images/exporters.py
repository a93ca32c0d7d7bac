"""Metrics exporters that stand beside a server in its pod: Debian's for PostgreSQL, the others only listen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hermetic.node.images import Image
from tests.pods.images import debian, names

if TYPE_CHECKING:
    from pathlib import Path


def postgres(root: Path) -> Image:
    """Lay out Debian's exporter 0.11 as the official image."""
    debian.fill(root, ("prometheus-postgres-exporter",))
    debian.busybox(root)
    return Image(names.reference("postgres-exporter"), [root], entrypoint=["/usr/bin/prometheus-postgres-exporter"])


def mosquitto(root: Path) -> Image:
    """Lay out something that answers on the exporter's port: the real one cannot be had."""
    return _listener(root, "mosquitto-exporter", 9234)


def mysql(root: Path) -> Image:
    """Lay out something that answers on the exporter's port: Debian's is too old to know our arguments."""
    return _listener(root, "mysql-exporter", 9104)


def _listener(root: Path, key: str, port: int) -> Image:
    debian.busybox(root)
    (root / "www").mkdir()
    (root / "www/metrics").write_text("# played by the tests\n")
    # The first process of a container ends at nothing but what it asks for.
    script = f"trap 'exit 0' TERM; httpd -f -p {port} -h /www & wait"
    return Image(names.reference(key), [root], entrypoint=["/bin/sh", "-c", script])
