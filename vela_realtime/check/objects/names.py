"""Names and labels that an API server takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vela_realtime.check.objects.model import Objects, Violation, rule
from vela_realtime.kubernetes.names import LABEL, LABEL_KEY, LABEL_VALUE, LONGEST, SERVICE, SUBDOMAIN
from vela_realtime.kubernetes.objects import metadata, table

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATHS = {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}


@rule("object-name")
def object_name(objects: Objects) -> Iterator[Violation]:
    """Yield objects whose name, or whose labels, no API server takes."""
    for index, item in enumerate(objects.items):
        kind, data = str(item.get("kind")), metadata(item)
        name = data.get("name")
        if not isinstance(name, str) or not name:
            yield Violation(index, "metadata.name is missing")
        elif fault := _fault(kind, name):
            yield Violation(index, f"metadata.name {name} {fault}", name)
        for path, labels in _labels(item):
            for key, value in labels.items():
                if not LABEL_KEY.fullmatch(str(key)):
                    yield Violation(index, f"{path}: {key} is no key for a label")
                if not isinstance(value, str) or not LABEL_VALUE.fullmatch(value):
                    message = f"{path}.{key}: {value} is no value for a label"
                    yield Violation(index, message, str(value))


def _fault(kind: str, name: str) -> str:
    if kind in _PATHS:
        return "must have no / and no %" if set(name) & {"/", "%"} else ""
    if kind == "Service":
        return "" if SERVICE.fullmatch(name) else "is no name for a Service: a DNS label that starts with a letter"
    if kind == "Namespace":
        return "" if LABEL.fullmatch(name) else "is no name for a Namespace: a DNS label"
    if len(name) > LONGEST.get(kind, 253):
        return f"has {len(name)} characters; a {kind} may have {LONGEST.get(kind, 253)}"
    return "" if SUBDOMAIN.fullmatch(name) else "is no DNS subdomain: small letters, digits, dashes and dots"


def _labels(item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "metadata.labels", table(item, "metadata", "labels")
    yield "spec.template.metadata.labels", table(item, "spec", "template", "metadata", "labels")


@rule("name-collision")
def twice(objects: Objects) -> Iterator[Violation]:
    """Yield objects that have kind, namespace and name of an earlier one, and are not what that one is.

    KubeVela applies both. Those that say nothing different become one: a port that a ``webservice`` exposes and that
    its ``gateway`` leads to is one Service.
    """
    seen: dict[tuple[str, str, str, str], int] = {}
    for index, item in enumerate(objects.items):
        group = str(item.get("apiVersion")).rpartition("/")[0]
        data = metadata(item)
        key = (group, str(item.get("kind")), str(data.get("namespace", "default")), str(data.get("name")))
        if key in seen and _differs(_own(objects.items[seen[key]]), _own(item)):
            yield Violation(index, f"there are two of {key[1]} {key[3]} in this Application", key[3])
        seen.setdefault(key, index)


def _own(item: dict[str, Any]) -> dict[str, Any]:
    """Return an object without its metadata, which KubeVela fills in, and which is put together."""
    return {key: value for key, value in item.items() if key not in {"apiVersion", "metadata", "status"}}


def _differs(one: Any, other: Any) -> bool:
    """Tell whether two values cannot both be: a field that only one of them has takes nothing from the other."""
    if isinstance(one, dict) and isinstance(other, dict):
        common = one.keys() & other.keys()
        return any(one[key] != other[key] if key in _WHOLE else _differs(one[key], other[key]) for key in common)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return any(_differs(*pair) for pair in zip(one, other, strict=True))
    return bool(one != other)


_WHOLE = {"selector", "matchLabels"}
"""What means something else with one entry more."""

RULES = (object_name, twice)
