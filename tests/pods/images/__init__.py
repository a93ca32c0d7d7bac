"""Images for the real node, one a module: stand-ins for the official ones, under the names that definitions render.

Each is laid out as the official image documents it: paths, user, environment, entry point. What is in it comes from
Debian, Maven Central and PyPI, in the versions that those have, so a test that passes on them proves our manifests,
files and scripts, and not the vendor's image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.pods.images import (
    bento,
    connectors,
    databases,
    exporters,
    helpers,
    kafka,
    monitoring,
    mosquitto,
    restic,
    service,
    traefik,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.hermetic.node.images import Image

RECIPES: dict[str, Callable[[Path], Image]] = {
    "kafka": kafka.recipe,
    "jdbc-sink": connectors.jdbc,
    "jmx-agent": connectors.jmx_agent,
    "mosquitto": mosquitto.recipe,
    "bento": bento.recipe,
    "postgres": databases.postgres,
    "mysql": databases.mysql,
    "helper": helpers.curl,
    "service": service.recipe,
    "mosquitto-exporter": exporters.mosquitto,
    "postgres-exporter": exporters.postgres,
    "mysql-exporter": exporters.mysql,
    "prometheus": monitoring.prometheus,
    "restic": restic.recipe,
    "traefik": traefik.recipe,
}
"""Each lays an image out in an empty folder."""

SMALLEST = ("kafka", "bento", "mosquitto", "mosquitto-exporter", "postgres", "postgres-exporter", "helper")
"""What the smallest platform runs. Other images are given to the node by the tests that need them."""
