"""Layer 6: the rendered objects against Kubernetes' schemas and the policy rules."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from vela_realtime.check.objects import check as held
from vela_realtime.check.objects.secrets import masked
from vela_realtime.findings import Finding, Severity
from vela_realtime.kubernetes import limits
from vela_realtime.kubernetes.objects import metadata
from vela_realtime.schema import validation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vela_realtime.check.objects import Objects, Rule
    from vela_realtime.documents.application import Document, Route
    from vela_realtime.kubernetes.schemas import Schemas
    from vela_realtime.kubevela.vela import Rendered
    from vela_realtime.schema.validation import Fault

SCHEMA_RULE = "kubernetes-schema"


@dataclass(frozen=True)
class Note:
    """What is wrong with an object, told independently of where its Application stands in a file."""

    component: str
    origin: str
    rule: str
    severity: str
    message: str
    hint: str = ""
    value: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return plain JSON values."""
        return asdict(self)


def check(
    rendered: Sequence[Rendered],
    objects: Objects,
    schemas: Schemas,
    rules: Sequence[Rule],
    old: Sequence[Severity | None],
) -> list[Note]:
    """Return what is wrong with the objects of an Application.

    ``old`` tells of each object how bad it is that its API version is gone; None where that is not said.
    """
    notes = []
    for index, item in enumerate(rendered):
        for message, hint, value in version_faults(item.object, schemas):
            if (severity := old[index]) is not None:
                notes.append(_note(rendered, objects, index, SCHEMA_RULE, severity, message, hint, value))
        for message, hint, value in (*schema_faults(item.object, schemas), *range_faults(item.object)):
            notes.append(_note(rendered, objects, index, SCHEMA_RULE, Severity.ERROR, message, hint, value))
    for rule, violation in held(objects, rules):
        index = violation.object
        notes.append(
            _note(rendered, objects, index, rule.id, rule.severity, violation.message, rule.hint, violation.value)
        )
    return list(dict.fromkeys(notes))


def _note(
    rendered: Sequence[Rendered],
    objects: Objects,
    index: int,
    rule: str,
    severity: Severity,
    message: str,
    hint: str = "",
    value: str = "",
) -> Note:
    item = rendered[index]
    text = f"{objects.named(index)}: {message}"
    return Note(item.component, item.origin, rule, severity.value, text, hint, value)


def version_faults(item: dict[str, Any], schemas: Schemas) -> Iterator[tuple[str, str, str]]:
    """Yield that there is no such kind in an object's API version: message, hint, and what is to blame.

    Groups that are not Kubernetes' own are not looked at.
    """
    api_version, kind = str(item.get("apiVersion", "")), str(item.get("kind", ""))
    if not api_version or not kind:
        yield "has no apiVersion or no kind", "", ""
    elif schemas.of(api_version, kind) is None and api_version.rpartition("/")[0] in schemas.groups():
        other = schemas.other_versions(api_version, kind)
        hint = f"it is in {', '.join(other)}" if other else ""
        yield f"there is no {kind} in {api_version} of this Kubernetes version", hint, api_version


def schema_faults(item: dict[str, Any], schemas: Schemas) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with an object by Kubernetes' schema of its kind: message, hint, and what is to blame."""
    schema = schemas.of(str(item.get("apiVersion", "")), str(item.get("kind", "")))
    for fault in validation.check(schema, _without_null(item)) if schema is not None else ():
        message = masked(fault.message, item, fault.route)
        yield message, fault.hint if message == fault.message else "", _blame(item, fault)


def range_faults(item: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what an API server refuses though the schema lets it pass, as ``schema_faults`` does."""
    for message, blame in limits.check(item):
        yield message, "", str(blame)


def _blame(item: dict[str, Any], fault: Fault) -> str:
    """Return the name or the value that is wrong, as a text; empty where it is none."""
    if fault.sort in {"unknown", "ignored", "name"}:
        return str(fault.route[-1])
    return "" if fault.sort == "missing" else _text_at(item, fault.route)


def _text_at(item: dict[str, Any], route: Route) -> str:
    value: Any = item
    for step in route:
        value = value.get(step) if isinstance(value, dict) else value[int(step)]
    return str(value) if isinstance(value, (str, int, float)) else ""


def _without_null(value: Any) -> Any:
    """Return a value without what is null: for an API server that is the same as not there."""
    if isinstance(value, dict):
        return {key: _without_null(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_null(inner) for inner in value]
    return value


def placed(document: Document, notes: Sequence[Note]) -> Iterator[Finding]:
    """Place notes in the Application: at the value that is to blame, else at the component or the trait."""
    said = set()
    for note in notes:
        route = _route(document, note)
        at = _blamed(document, route, note.value) if note.value else None
        # One value can stand in several places of an object (requests and limits), and in several objects.
        tail = note.message.rpartition(": ")[2] if at is not None else note.message.partition(": ")[2]
        what = (at or route, note.rule, tail)
        if what in said:
            continue
        said.add(what)
        severity = Severity(note.severity)
        yield document.finding(
            at or route,
            note.rule,
            note.message,
            hint=note.hint,
            severity=severity,
            at_value=at is not None and at[-1] != note.value,
        )


def _route(document: Document, note: Note) -> Route:
    spec = document.data["spec"]
    for index, component in enumerate(spec["components"]):
        if component["name"] != note.component:
            continue
        for number, trait in enumerate(component.get("traits") or []):
            if note.origin == f"trait {trait['type'].partition('@')[0]}":
                return ("spec", "components", index, "traits", number)
        return ("spec", "components", index)
    for index, policy_item in enumerate(spec.get("policies") or []):
        if policy_item.get("name") == note.component:
            return ("spec", "policies", index)
    return ("spec", "components")


def _blamed(document: Document, route: Route, value: str) -> Route | None:
    """Return the one place below a route that has this value, None where there is none or several."""
    item: Any = document.data
    for step in route:
        item = item[step]
    found = list(_places(item.get("properties"), (*route, "properties"), value)) if isinstance(item, dict) else []
    return found[0] if len(found) == 1 else None


def _places(value: Any, route: Route, wanted: str) -> Iterator[Route]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == wanted:
                yield (*route, key)
            yield from _places(inner, (*route, key), wanted)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, (*route, index), wanted)
    elif str(value) == wanted and not isinstance(value, bool):
        yield route


def beside(documents: Sequence[Document]) -> list[dict[str, Any]]:
    """Return the Kubernetes objects that stand beside the Applications."""
    return [item.data for item in documents if item.kind != "Application" and metadata(item.data).get("name")]


def strings(value: Any) -> Iterator[str]:
    """Yield every text in an object."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
