"""What an API server lets nobody change in an object that is there: it refuses the whole change.

From the validation in Kubernetes' own ``pkg/apis/{apps,batch,core,rbac}/validation``, of 1.34.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vela_realtime.kubernetes.differences import said
from vela_realtime.kubernetes.objects import dicts, metadata, table
from vela_realtime.kubernetes.requests import quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MUTABLE_OF_STATEFUL_SETS = {
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
}
"""What may be changed in a StatefulSet's spec: the words of the API server's own refusal."""

MUTABLE_OF_JOBS = {"parallelism", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished", "suspend"}
_MUTABLE_OF_CLAIMS = {"resources", "volumeAttributesClassName"}

CLAIMS = "spec.volumeClaimTemplates"
SPACE = "spec.resources.requests.storage"


@dataclass(frozen=True)
class Refused:
    """A change that the API server refuses: the field, what stood in it and what takes its place."""

    path: str
    before: Any
    after: Any
    reason: str = ""

    @property
    def message(self) -> str:
        """What differs, in words."""
        return self.reason or said(self.before, self.after)


def refused(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Refused]:
    """Yield what an API server refuses where ``new``, of the same kind and name, takes the place of ``old``."""
    if look := _KINDS.get(str(old.get("kind"))):
        yield from look(old, new)


def claims(item: dict[str, Any]) -> set[str]:
    """Return the names of a StatefulSet's claim templates, none of other objects."""
    if item.get("kind") != "StatefulSet":
        return set()
    return {str(metadata(claim).get("name")) for claim in dicts(table(item, "spec").get("volumeClaimTemplates"))}


def space(claim: dict[str, Any]) -> float:
    """Return the bytes that a PersistentVolumeClaim asks for."""
    return quantity(table(claim, "spec", "resources", "requests").get("storage"))


def _spec(old: dict[str, Any], new: dict[str, Any], mutable: set[str]) -> Iterator[Refused]:
    before, after = table(old, "spec"), table(new, "spec")
    for name in sorted((before.keys() | after.keys()) - mutable):
        if before.get(name) != after.get(name):
            yield Refused(f"spec.{name}", before.get(name), after.get(name))


def _stateful_set(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Refused]:
    return _spec(old, new, MUTABLE_OF_STATEFUL_SETS)


def _job(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Refused]:
    return _spec(old, new, MUTABLE_OF_JOBS)


def _claim(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Refused]:
    if 0 < space(new) < space(old):
        yield Refused(SPACE, *(table(item, "spec", "resources", "requests")["storage"] for item in (old, new)))
    yield from _spec(old, new, _MUTABLE_OF_CLAIMS)


def _selector(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Refused]:
    before, after = (table(item, "spec").get("selector") for item in (old, new))
    if before != after:
        yield Refused("spec.selector", before, after)


def _service(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Refused]:
    before, after = (table(item, "spec").get("clusterIP") for item in (old, new))
    if before != after and "None" in {before, after}:
        yield Refused("spec.clusterIP", before, after)


def _data(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Refused]:
    parts = ("data", "stringData", "binaryData")
    before, after = ({part: item.get(part) for part in parts} for item in (old, new))
    if old.get("immutable") and (before != after or not new.get("immutable")):
        yield Refused("data", before, after, "says of itself that it cannot be changed")


def _secret(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Refused]:
    yield from _data(old, new)
    if old.get("type", "Opaque") != new.get("type", "Opaque"):
        yield Refused("type", old.get("type"), new.get("type"))


def _binding(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Refused]:
    if old.get("roleRef") != new.get("roleRef"):
        yield Refused("roleRef", old.get("roleRef"), new.get("roleRef"))


_KINDS: dict[str, Callable[[dict[str, Any], dict[str, Any]], Iterator[Refused]]] = {
    "ClusterRoleBinding": _binding,
    "ConfigMap": _data,
    "DaemonSet": _selector,
    "Deployment": _selector,
    "Job": _job,
    "PersistentVolumeClaim": _claim,
    "RoleBinding": _binding,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _stateful_set,
}
