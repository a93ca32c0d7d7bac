"""Rendered objects of two states: what Kubernetes refuses to change, and volumes that nothing uses any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from vela_realtime.check.objects.run import Note, placed
from vela_realtime.check.previous.parameters import LET_THROUGH, is_let_through
from vela_realtime.findings import Finding, Severity
from vela_realtime.kubernetes import fixed
from vela_realtime.kubernetes.differences import difference, said
from vela_realtime.kubernetes.objects import dicts, metadata, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.kubevela.dryrun import Outcome
    from vela_realtime.kubevela.vela import Rendered

Identity: TypeAlias = "tuple[str, str, str, str]"
"""What the API server knows an object by: API group, kind, namespace, name."""

REFUSED = "immutable-field"
LEFT = "left-behind"
UNKNOWN = "not-compared"

_OF_VOLUMES = {fixed.CLAIMS, fixed.SPACE}
_MOVE = "no claim changes that: make a second Application, move the data, delete the first"
_GROW = "grow the claims and delete the StatefulSet with --cascade=orphan first, as docs/volumes.md shows"


@dataclass(frozen=True)
class Pair:
    """An Application as it was and as it is; None where it is gone."""

    before: Outcome
    after: Outcome | None


def check(pairs: Sequence[Pair], current: Sequence[Outcome]) -> Iterator[Finding]:
    """Yield what becomes of the objects that are there; ``current`` has all that is rendered now.

    An object that has moved from one component, or one Application, to another is not gone. Nothing is said of an
    Application with the annotation that lets everything through.
    """
    there = {_identity(item, outcome.document) for outcome in current for item in outcome.objects}
    for pair in pairs:
        if pair.after is not None and is_let_through(pair.after.document):
            continue
        if not pair.before.ok:
            yield _not_compared(pair)
            continue
        if pair.after is not None:
            yield from placed(pair.after.document, list(dict.fromkeys(_refused(pair.before, pair.after))))
        yield from _left(pair, there)


def _not_compared(pair: Pair) -> Finding:
    message = "what it was before cannot be rendered by these definitions: its volumes are not compared"
    hint = pair.before.findings[0].message
    if pair.after is None:
        return Finding(pair.before.document.file, 0, 0, UNKNOWN, message, Severity.NOTE, hint=hint)
    return pair.after.document.finding((), UNKNOWN, message, hint, severity=Severity.NOTE)


def _identity(item: Rendered, document: Document) -> Identity:
    group = str(item.object.get("apiVersion", "")).rpartition("/")[0]  # its version may change: the object is the same
    data = metadata(item.object)
    namespace = data.get("namespace") or metadata(document.data).get("namespace") or ""
    return group, str(item.object.get("kind", "")), str(namespace), str(data.get("name", ""))


def _refused(before: Outcome, after: Outcome) -> Iterator[Note]:
    old = {_identity(item, before.document): item.object for item in before.objects}
    made_anew = list(_recreated(after.document))
    for item in after.objects:
        was = old.get(_identity(item, after.document))
        for change in fixed.refused(was, item.object) if was is not None else ():
            if any(f"{change.path}.".startswith(f"{path}.") for path in made_anew):
                continue
            yield _note(item, change)


def _note(item: Rendered, change: fixed.Refused) -> Note:
    title, (path, value) = _title(item.object), difference(change.before, change.after) or ("", "")
    # What a Job is told may be secret.
    said_of_it = change.message if change.path in _OF_VOLUMES else said(change.before, change.after, values=False)
    message = f"{title}: Kubernetes refuses to change {change.path}: {said_of_it}"
    if change.path == fixed.CLAIMS:
        way = f"{_GROW if path.endswith('requests.storage') else _MOVE}; then {LET_THROUGH}"
    elif item.object.get("kind") == "PersistentVolumeClaim":
        way = "a claim does nothing but grow: make another one, move the data, take this one out"
    else:
        delete = f"kubectl delete {title.lower()}"
        way = f"delete it first, and KubeVela makes it again ({delete}), or let KubeVela do that by a policy"
        way += f" resource-update with recreateFields: [{change.path}]; for the first, {LET_THROUGH}"
    return Note(item.component, item.origin, REFUSED, Severity.ERROR.value, message, way, str(value))


def _recreated(document: Document) -> Iterator[str]:
    """Yield the fields at whose change KubeVela makes an object anew: its policy ``resource-update``."""
    for policy in dicts(table(document.data, "spec").get("policies")):
        if policy.get("type") == "resource-update":
            for rule in dicts(table(policy, "properties").get("rules")):
                yield from map(str, table(rule, "strategy").get("recreateFields") or ())


def _left(pair: Pair, there: set[Identity]) -> Iterator[Finding]:
    """Yield volumes that nothing uses any more, by the components that had them."""
    gone: dict[str, list[dict[str, Any]]] = {}
    for item in pair.before.objects:
        if _has_volumes(item.object) and _identity(item, pair.before.document) not in there:
            gone.setdefault(item.component, []).append(item.object)
    if pair.after is None:
        if items := [item for items in gone.values() for item in items]:
            message = f"Application {pair.before.document.name} is gone: {_said(items)}"
            yield Finding(pair.before.document.file, 0, 0, LEFT, message, Severity.WARNING, hint=_hint(items))
        return
    document = pair.after.document
    names = [component["name"] for component in document.data["spec"]["components"]]
    for name, items in gone.items():
        route: Route = ("spec", "components")
        route = (*route, names.index(name)) if name in names else route
        message = _said(items) if name in names else f"component {name} is gone: {_said(items)}"
        yield document.finding(route, LEFT, message, _hint(items), severity=Severity.WARNING)


def _has_volumes(item: dict[str, Any]) -> bool:
    return bool(fixed.claims(item)) or item.get("kind") == "PersistentVolumeClaim"


def _goes(item: dict[str, Any]) -> bool:
    """Tell whether volumes are deleted with an object: KubeVela deletes what an Application no longer has."""
    policy = table(item, "spec", "persistentVolumeClaimRetentionPolicy")
    return item.get("kind") == "PersistentVolumeClaim" or policy.get("whenDeleted") == "Delete"


def _said(items: Sequence[dict[str, Any]]) -> str:
    lost, kept = ([_title(item) for item in items if _goes(item) is goes] for goes in (True, False))
    said = [f"what is stored by {', '.join(dict.fromkeys(lost))} is deleted"] if lost else []
    said += [f"nothing uses the volumes of {', '.join(dict.fromkeys(kept))} any more"] if kept else []
    return "; ".join(said)


def _title(item: dict[str, Any]) -> str:
    return f"{item.get('kind')} {metadata(item).get('name')}"


def _hint(items: Sequence[dict[str, Any]]) -> str:
    if all(map(_goes, items)):
        return "make a backup first if it is still needed"
    return "the volumes stay: docs/volumes.md shows how to look at them and how to delete them"
