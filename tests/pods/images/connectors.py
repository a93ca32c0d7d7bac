"""The images that carry the JDBC sink for Kafka Connect, and the agent for the metrics of Java."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.hermetic.node.images import Image
from tests.pods.images import debian, names
from tests.support import kafka_jars

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = (kafka_jars.JDBC_POM, kafka_jars.AGENT_POM)

AGENT = {"image": "registry.example.com/jmx-agent:1.0.1", "directory": "/agent"}
"""The agent as a site may offer it; as shipped, it is fetched from its release page."""


def jdbc(root: Path) -> Image:
    """Lay out a shell and the plugin's folder, which is all that an init container copies from it."""
    plugin = names.plugin("jdbc")
    debian.busybox(root)
    debian.users(root, kafka=1001)
    debian.folders(root, "tmp")
    shutil.copytree(kafka_jars.jdbc_sink(), root / plugin["directory"].lstrip("/"))
    return Image(plugin["image"], [root], command=["sh"], user="kafka")


def jmx_agent(root: Path) -> Image:
    """Lay out a shell and the agent's jar."""
    debian.busybox(root)
    debian.users(root, agent=1001)
    debian.folders(root, "tmp", "agent")
    shutil.copy2(kafka_jars.jmx_agent(), root / "agent")
    return Image(AGENT["image"], [root], command=["sh"], user="agent")
