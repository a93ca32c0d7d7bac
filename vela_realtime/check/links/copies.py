"""Clusters that keep one copy of what is written to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.links.landscape import PLATFORM
from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape
    from vela_realtime.check.links.neighbours import Neighbours

BROKERS = 3
"""So many brokers can lose one and go on, where each partition has as many copies."""


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:  # noqa: ARG001 - every layer is called alike
    """Yield platforms whose brokers could keep several copies, and keep one."""
    for part in landscape.of_type(PLATFORM):
        brokers, copies = part.get("scaling", "minReplicas"), part.get("kafkaConfig", "replicationFactor")
        if isinstance(brokers, bool) or not isinstance(brokers, int) or brokers < BROKERS or copies not in (None, 1):
            continue
        route = ("scaling", "minReplicas") if copies is None else ("kafkaConfig", "replicationFactor")
        yield landscape.document.finding(
            (*part.route, "properties", *route),
            "one-copy",
            f"{brokers} brokers keep one copy of each partition: whichever is lost takes records with it",
            hint="set kafkaConfig.replicationFactor to 3",
            severity=Severity.WARNING,
            at_value=True,
        )
