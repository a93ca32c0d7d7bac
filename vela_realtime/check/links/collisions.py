"""Components whose objects would have the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.links.landscape import BROKER, DASHBOARD, PLATFORM, PROCESSOR
from vela_realtime.findings.suggest import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape, Part
    from vela_realtime.check.links.neighbours import Neighbours
    from vela_realtime.findings import Finding


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:
    """Yield the second of two components that would fight over the same objects."""
    here = [part for part in landscape.of_type(PLATFORM, BROKER, PROCESSOR, DASHBOARD) if part.name]
    for index, part in enumerate(here):
        for other in here[:index]:
            if what := _same(landscape, part, other):
                line, _ = landscape.document.locate(other.route)
                yield _collision(landscape, part, what, f"the other one is {other.component}, on line {line}")
                break
        else:
            yield from _elsewhere(landscape, neighbours, part)


def _elsewhere(landscape: Landscape, neighbours: Neighbours, part: Part) -> Iterator[Finding]:
    application, other = neighbours.first(landscape, part)
    if application is not landscape:
        place = f"{application.document.file}:{application.document.locate(other.route)[0]}"
        yield _collision(landscape, part, part.type, f"the other one is in {place}, in the same namespace")


def _same(landscape: Landscape, part: Part, other: Part) -> str:
    """Return what two components would both make: the type where it is one, else the Kafka; empty if nothing."""
    if part.name != other.name:
        return ""
    if part.type == other.type:
        return part.type
    kafkas = [item for item in (part, other) if item.type == PLATFORM or landscape.runs_kafka(item)]
    return "Kafka" if len(kafkas) == 2 else ""


def _collision(landscape: Landscape, part: Part, what: str, hint: str) -> Finding:
    message = f"two components would make the same objects: those of the {what} {shown(part.name)}"
    route = part.at("name") if "name" in part.properties else part.route
    return landscape.document.finding(route, "name-collision", message, hint=hint, at_value=True)
