"""What is said of parts that are not there: an image, a size or a log level of a part that is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vela_realtime.check.objects.model import Objects
from vela_realtime.findings import Finding, Severity
from vela_realtime.kubernetes.objects import table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.kubevela.catalog import Found
    from vela_realtime.kubevela.vela import Rendered

RULE = "no-effect"

PART = "app.kubernetes.io/name"
"""The label that has the name of a part."""

OF_PARTS: tuple[Route, ...] = (("partResources",), ("logging", "components"))
"""Properties of the library's definitions that are given by part."""


def check(
    document: Document, rendered: Sequence[Rendered], definition: Callable[[str, str], Found | None]
) -> Iterator[Finding]:
    """Yield what is given for parts of a component that none of its objects, for all topologies, belongs to."""
    for index, component in enumerate(document.data["spec"]["components"]):
        properties = component.get("properties") or {}
        if not any(table(properties, *map(str, route)) for route in (("images",), *OF_PARTS)):
            continue
        own = [
            item for item in rendered if item.component == component["name"] and not item.origin.startswith("trait ")
        ]
        if not own or (found := definition(own[0].component, own[0].origin)) is None or not found.library:
            continue
        pods = Objects([item.object for item in own]).pods
        images = {str(container.get("image")) for pod in pods for _, container in pod.containers()}
        parts = {pod.labels.get(PART, "") for pod in pods}
        at: Route = ("spec", "components", index, "properties")
        yield from _images(document, at, properties, images)
        yield from _parts(document, at, properties, parts)


def _images(document: Document, at: Route, properties: dict[str, Any], used: Collection[str]) -> Iterator[Finding]:
    for name, image in table(properties, "images").items():
        if isinstance(image, str) and image not in used:
            yield _finding(document, (*at, "images", name), f"images.{name} has no effect: nothing runs it")


def _parts(document: Document, at: Route, properties: dict[str, Any], there: Collection[str]) -> Iterator[Finding]:
    for route in OF_PARTS:
        for part in table(properties, *map(str, route)):
            if part not in there:
                message = f"{'.'.join(map(str, route))}.{part} has no effect: there is no {part}"
                yield _finding(document, (*at, *route, part), message)


def _finding(document: Document, route: Route, message: str) -> Finding:
    return document.finding(route, RULE, message, severity=Severity.WARNING)
