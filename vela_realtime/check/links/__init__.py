"""Layer 4: what the components of an Application say about each other.

Nothing is rendered here: names are those that the definitions give their objects, topics those that properties
name. What only shows in the rendered objects is left to the layers after this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.links import (
    clear,
    collisions,
    copies,
    dashboards,
    domains,
    images,
    kafka,
    platforms,
    secrets,
    sizes,
    sql,
    topics,
    variables,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape
    from vela_realtime.check.links.neighbours import Neighbours
    from vela_realtime.findings import Finding

LAYERS = (
    platforms,
    topics,
    kafka,
    sizes,
    sql,
    secrets,
    clear,
    collisions,
    variables,
    images,
    copies,
    dashboards,
    domains,
)


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:
    """Yield what is wrong between the components of an Application."""
    for layer in LAYERS:
        yield from layer.check(landscape, neighbours)
