"""References to a platform: is it there, and which one is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.links.landscape import BROKER, DASHBOARD, PLATFORM, PROCESSOR, has_bridge, needs_link
from vela_realtime.documents.fix import value_edit
from vela_realtime.findings import Finding, Severity
from vela_realtime.findings.suggest import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape, Part
    from vela_realtime.check.links.neighbours import Neighbours


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:
    """Yield references to platforms that nobody has, and those that several could be meant by."""
    for part, key in references(landscape):
        if part.text(key):
            yield from _named(landscape, neighbours, part, key)
        else:
            yield from _unnamed(landscape, part, key)


def references(landscape: Landscape) -> Iterator[tuple[Part, str]]:
    """Yield everything that may name a platform, with the property that does."""
    for part in landscape.of_type(BROKER, PROCESSOR, DASHBOARD):
        yield part, "platform"
    yield from landscape.clients


def _named(landscape: Landscape, neighbours: Neighbours, part: Part, key: str) -> Iterator[Finding]:
    name, document = part.text(key), landscape.document
    namespace = landscape.namespace_of(part)
    near = neighbours.platforms(namespace)
    own = {owner.name for owner in landscape.of_type(PLATFORM, BROKER) if owner is not part}
    here = own if namespace == landscape.namespace else set[str]()
    if name in here or landscape.is_external("platform", name):
        return
    if any(other is not landscape for other in near.get(name, ())):
        return
    if name in own:
        message = f"the platform {shown(name)} is in the namespace {landscape.namespace}, not in {namespace}"
        yield document.finding(
            part.at("namespace"), "unknown-platform", message, hint="leave namespace out", at_value=True
        )
        return
    # Most people mean the component: its name is what stands beside it in the file.
    called = [owner for owner in landscape.of_type(PLATFORM, BROKER) if owner.component == name]
    if called and called[0].name != name:
        meant = called[0].name
    else:
        meant = nearest(name, here) or nearest(name, near.keys() - {part.name})
    message = f"no component here is the platform {shown(name)}"
    route = part.at(key)
    if called and meant:
        message = f"the component {name} has the name {shown(meant)}, which is what others call it by"
    if not meant and landscape.incomplete:
        return
    if not meant and len(here) == 1:
        (only,) = here
        hint = f"there is {only}; of a platform elsewhere say so: annotate the Application with {_external(name)}"
        yield document.finding(route, "unknown-platform", message, hint=hint, at_value=True, severity=Severity.WARNING)
        return
    hint = (
        f"did you mean {meant}?" if meant else f"where it is elsewhere, annotate the Application with {_external(name)}"
    )
    severity = Severity.ERROR if meant else Severity.WARNING
    edit = value_edit(document, route, meant) if meant else None
    yield document.finding(route, "unknown-platform", message, hint=hint, at_value=True, severity=severity, edit=edit)


def _external(name: str) -> str:
    return f"vela-realtime.dev/external: platform/{name}"


def _unnamed(landscape: Landscape, part: Part, key: str) -> Iterator[Finding]:
    if part.route in landscape.broken or landscape.incomplete:
        return  # what is missing may be what is misspelt
    if part.table("kafka") or (part.type == BROKER and not has_bridge(part)):
        return
    if part.type == DASHBOARD and not any(needs_link(source) for source in part.items("dataSources")):
        return
    platforms = [owner.name for owner in landscape.of_type(PLATFORM)]
    candidates = platforms
    if not platforms and part.type in {PROCESSOR, DASHBOARD}:
        candidates = [owner.name for owner in landscape.owners if owner is not part]
    route = part.at() if part.properties else (*part.route, "type")
    if len(candidates) > 1:
        message = f"several platforms could be meant: {', '.join(candidates)}"
        yield landscape.document.finding(route, "ambiguous-platform", message, hint=f"say which with {key}")
    elif part.type == "realtime" and not platforms:
        message = "no platform is named, and the Application has none of its own"
        yield landscape.document.finding(route, "unknown-platform", message, hint="say which with platform")
