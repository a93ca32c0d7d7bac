"""The cluster's DNS suffix: a platform and those that use it must agree on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.links.landscape import BROKER, DASHBOARD, PROCESSOR, SERVICE
from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape
    from vela_realtime.check.links.neighbours import Neighbours

RULE = "cluster-domain"


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:
    """Yield who would look for a platform under another suffix than the one that the platform says."""
    users = [*landscape.of_type(BROKER, PROCESSOR, DASHBOARD), *(part for part, _ in landscape.clients)]
    for part in users:
        kafka = neighbours.kafka_of(landscape, part)
        if kafka.owner is None or kafka.own:
            continue
        wanted, own = kafka.owner.text("clusterDomain"), part.text("clusterDomain")
        if not wanted or own == wanted:
            continue
        message = f"the platform {kafka.owner.name} has the cluster domain {wanted}, and this looks for it under "
        message += own or "that of the site, cluster.local as shipped"
        hint = f"say clusterDomain: {wanted} here too, or in the settings of your organisation"
        if part.type == SERVICE:
            hint = f"say {wanted} in the settings of your organisation, where the platform may leave it out"
        route = part.at("clusterDomain") if own else (*part.route, "type")
        yield landscape.document.finding(route, RULE, message, hint=hint, at_value=True, severity=Severity.WARNING)
