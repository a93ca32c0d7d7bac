"""Services without an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.links.landscape import SERVICE
from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape
    from vela_realtime.check.links.neighbours import Neighbours


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:  # noqa: ARG001 - every layer is called alike
    """Yield services whose image is made up from registry, name and version, which may or may not exist."""
    for part in landscape.of_type(SERVICE):
        if part.get("image") is None:
            registry = part.text("imageRegistry")
            image = f"{registry}/" if registry else ""
            image += f"{part.name}:{part.text('version') or 'main'}"
            route = (*part.route, "properties") if part.properties else (*part.route, "type")
            yield landscape.document.finding(
                route,
                "default-image",
                f"no image is given: it will be {image}",
                hint="say which with image",
                severity=Severity.WARNING,
            )
