"""Components whose objects would have the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.links.landscape import BROKER, DASHBOARD, PLATFORM, PROCESSOR, WORKLOADS
from vela_realtime.findings.suggest import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape, Part
    from vela_realtime.check.links.neighbours import Neighbours
    from vela_realtime.findings import Finding

RULE = "name-collision"


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:
    """Yield the second of two components, or of two Applications, that would fight over the same objects."""
    first = neighbours.first_called(landscape)
    if first is not landscape and landscape.document.name:
        where = f"{first.document.file}:{first.document.locate(('metadata', 'name'))[0]}"
        message = f"two Applications of one namespace are called {landscape.document.name}: the later one is applied"
        hint = f"the other one is in {where}"
        yield landscape.document.finding(("metadata", "name"), RULE, message, hint=hint, at_value=True)
        return
    yield from _of_kubevelas(landscape, neighbours)
    here = [part for part in landscape.of_type(PLATFORM, BROKER, PROCESSOR, DASHBOARD) if part.name]
    for index, part in enumerate(here):
        for other in here[:index]:
            if what := _same(landscape, part, other):
                line, _ = landscape.document.locate(other.route)
                yield _collision(landscape, part, what, f"the other one is {other.component}, on line {line}")
                break
        else:
            yield from _elsewhere(landscape, neighbours, part)


def _of_kubevelas(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:
    """Yield components of KubeVela's types whose object another Application of the namespace has: it is refused."""
    for part in landscape.components:
        other = neighbours.first_workload(landscape, part)
        if other is not None and other[0] is not landscape:
            application, there = other
            place = f"{application.document.file}:{application.document.locate(there.route)[0]}"
            message = (
                f"{WORKLOADS[part.type]} {part.component} is the Application {application.document.name}'s already"
            )
            hint = f"it is in {place}, in the same namespace"
            yield landscape.document.finding((*part.route, "name"), RULE, message, hint=hint, at_value=True)


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
    return landscape.document.finding(route, RULE, message, hint=hint, at_value=True)
