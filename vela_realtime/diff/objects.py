"""Rendered objects of two versions compared: what an upgrade does to a cluster that runs them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from vela_realtime.diff import images
from vela_realtime.diff.kinds import change
from vela_realtime.kubernetes import fixed
from vela_realtime.kubernetes.differences import said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vela_realtime.diff.kinds import Change

Object: TypeAlias = "dict[str, Any]"
Identity: TypeAlias = "tuple[str, str, str]"

_POD_OWNERS = {"Deployment", "StatefulSet", "DaemonSet"}
_ENDPOINTS = {"Gateway", "GRPCRoute", "HTTPRoute", "Ingress", "Secret", "Service", "TCPRoute", "TLSRoute"}
"""What others reach or read by its name."""

_SHORTEST_STEM = 10
_HASHED = re.compile(r"-[0-9a-f]{6,}(?=-|$)")


@dataclass
class _Pairs:
    same: list[tuple[Object, Object]] = field(default_factory=list)
    renamed: list[tuple[Object, Object]] = field(default_factory=list)
    gone: list[Object] = field(default_factory=list)
    come: list[Object] = field(default_factory=list)


def compare(definition: str, instance: str, old: Mapping[str, Object], new: Mapping[str, Object]) -> Iterator[Change]:
    """Yield what differs between the objects of one Application's component, each under its key in the template.

    ``instance`` is what the component calls its objects after; in the changes ``{name}`` stands for it. A trait's
    ``patch`` is an object as well: what it says of a pod goes into the pods of the component that it is given to.
    """
    comparison = _Comparison(definition, instance)
    if "patch" in old and "patch" in new:
        yield from comparison.patched(old["patch"], new["patch"])
    yield from comparison.objects(
        {key: item for key, item in old.items() if key not in {"patch", "patchOutputs"}},
        {key: item for key, item in new.items() if key not in {"patch", "patchOutputs"}},
    )


class _Comparison:
    def __init__(self, definition: str, instance: str) -> None:
        self._definition = definition
        self._instance = instance

    def _change(self, kind: str, item: Object, message: str, path: str = "") -> Change:
        where = f"{self._title(item)} {path}".rstrip()
        return change(kind, self._definition, where, message)

    def _general(self, name: str) -> str:
        """Return an object's name with ``{name}`` for the instance's, and ``{hash}`` for what changes with content."""
        stem = self._instance
        if stem and (name == stem or name.startswith(f"{stem}-")):
            name = "{name}" + name[len(stem) :]
        elif len(shared := os.path.commonprefix([name, stem])) > _SHORTEST_STEM:  # noqa: RUF071 - that is what is wanted
            # A name that would be too long has the instance's first characters and a hash.
            name = re.sub(r"^-?[0-9a-f]{6,}(?=-|$)", "{name}", name[len(shared) :])
        return _HASHED.sub("-{hash}", name)

    def _title(self, item: Object) -> str:
        return f"{item.get('kind', 'patch')} {self._general(_name(item))}".rstrip()

    def objects(self, old: Mapping[str, Object], new: Mapping[str, Object]) -> Iterator[Change]:
        pairs = _pair(old, new)
        for before, after in pairs.same:
            yield from self._pair(before, after)
        for before, after in pairs.renamed:
            yield from self._renamed(before, after)
        for item in pairs.gone:
            yield from self._gone(item)
        for item in pairs.come:
            yield self._change("object-added", item, "is new")
        yield from images.compare(self._definition, self._general, list(old.values()), list(new.values()), pairs.same)

    def patched(self, old: Object, new: Object) -> Iterator[Change]:
        """Yield what differs in what a trait adds to a workload."""
        before, after = _variables(old), _variables(new)
        yield from (self._change("variable-removed", {}, "is set no more", name) for name in sorted(before - after))
        yield from (self._change("variable-added", {}, "is set", name) for name in sorted(after - before))
        if _template(old) != _template(new):
            yield self._change("restart", {}, said(_template(old), _template(new)))
        elif old != new:
            yield self._change("object-changed", {}, said(old, new))

    def _renamed(self, old: Object, new: Object) -> Iterator[Change]:
        name = self._general(_name(new))
        if old["kind"] == "Job":
            yield self._change("job-again", old, "is made anew")
        elif name == self._general(_name(old)):
            yield self._change("object-renewed", old, "has another hash")
        else:
            yield self._change("object-renamed", old, f"is called {name}")
        for claim in sorted(fixed.claims(old) | _is_claim(old)):
            yield self._change("volume-lost", old, f"volume {self._general(claim)} belongs to the old name")

    def _gone(self, item: Object) -> Iterator[Change]:
        yield self._change("endpoint-removed" if item["kind"] in _ENDPOINTS else "object-removed", item, "is gone")
        for claim in sorted(fixed.claims(item) | _is_claim(item)):
            yield self._change("volume-lost", item, f"nothing uses the volume {self._general(claim)} any more")

    def _pair(self, old: Object, new: Object) -> Iterator[Change]:
        if old == new:
            return
        told: list[Change] = []
        kind = old["kind"]
        told += _CHECKS.get(kind, _Comparison._refused)(self, old, new)
        if kind in _POD_OWNERS:
            told += self._volumes(old, new)
            if _template(old) != _template(new):
                told.append(self._change("restart", old, said(_template(old), _template(new))))
        left, right = _rest(old), _rest(new)
        if left != right:
            yield self._change("object-changed", old, said(left, right))
        yield from told

    def _refused(self, old: Object, new: Object) -> Iterator[Change]:
        lost = fixed.claims(old) - fixed.claims(new)
        for item in fixed.refused(old, new):
            if not (item.path == fixed.CLAIMS and lost):
                yield self._change("immutable-field", old, item.message, item.path)

    def _stateful_set(self, old: Object, new: Object) -> Iterator[Change]:
        for claim in sorted(fixed.claims(old) - fixed.claims(new)):
            yield self._change("volume-lost", old, f"claims no {claim} any more")
        yield from self._refused(old, new)
        before, after = old.get("spec", {}), new.get("spec", {})
        for name in ("whenDeleted", "whenScaled"):
            policies = [
                spec.get("persistentVolumeClaimRetentionPolicy", {}).get(name, "Retain") for spec in (before, after)
            ]
            if policies == ["Retain", "Delete"]:
                yield self._change("volume-released", old, "became Delete, was Retain", name)

    def _claim(self, old: Object, new: Object) -> Iterator[Change]:
        if fixed.space(new) > fixed.space(old):
            yield self._change("volume-grows", old, "asks for more space", fixed.SPACE)
        yield from self._refused(old, new)

    def _service(self, old: Object, new: Object) -> Iterator[Change]:
        before, after = _ports(old), _ports(new)
        yield from (
            self._change("port-removed", old, "is served no more", f"port {port}") for port in sorted(before - after)
        )
        yield from (self._change("port-added", old, "is new", f"port {port}") for port in sorted(after - before))
        yield from self._refused(old, new)

    def _secret(self, old: Object, new: Object) -> Iterator[Change]:
        before, after = _keys(old), _keys(new)
        yield from (self._change("key-removed", old, "is gone", f"key {key}") for key in sorted(before - after))
        yield from (self._change("key-added", old, "is new", f"key {key}") for key in sorted(after - before))
        yield from self._refused(old, new)

    def _volumes(self, old: Object, new: Object) -> Iterator[Change]:
        before, after = _mounts(old), _mounts(new)
        kept = {claim for claim, _, _ in after} | fixed.claims(new)
        for claim in sorted({claim for claim, _, _ in before} - kept - fixed.claims(old)):
            yield self._change("volume-lost", old, f"mounts {self._general(claim)} no more")
        places = {(claim, container): path for claim, container, path in after}
        for claim, container, path in sorted(before):
            other = places.get((claim, container))
            if other is not None and other != path and (claim, container, path) not in after:
                message = f"{self._general(claim)} is mounted at {other}, was at {path}"
                yield self._change("volume-moved", old, message, f"container {container}")


_Check: TypeAlias = "Callable[[_Comparison, Object, Object], Iterator[Change]]"
_CHECKS: dict[str, _Check] = {
    "PersistentVolumeClaim": _Comparison._claim,
    "Secret": _Comparison._secret,
    "Service": _Comparison._service,
    "StatefulSet": _Comparison._stateful_set,
}
"""What is particular to a kind."""


def _pair(old: Mapping[str, Object], new: Mapping[str, Object]) -> _Pairs:
    """Pair objects: by what the API server knows them by, then by their key in the template."""
    pairs = _Pairs()
    after = {_identity(item): key for key, item in new.items()}
    left = dict(new)
    unpaired: dict[str, Object] = {}
    for key, item in old.items():
        match = after.get(_identity(item))
        if match is None:
            unpaired[key] = item
        else:
            pairs.same.append((item, left.pop(match)))
    for key, item in unpaired.items():
        if key in left and left[key].get("kind") == item.get("kind"):
            pairs.renamed.append((item, left.pop(key)))
        else:
            pairs.gone.append(item)
    pairs.come = list(left.values())
    return pairs


def _identity(item: Object) -> Identity:
    # The version of an API group may change: the object is the same.
    group = str(item.get("apiVersion", "")).rpartition("/")[0]
    return f"{group}/{item.get('kind', '')}", str(item.get("metadata", {}).get("namespace", "")), _name(item)


def _name(item: Object) -> str:
    return str(item.get("metadata", {}).get("name", ""))


def _template(item: Object) -> Any:
    return item.get("spec", {}).get("template", {})


def _rest(item: Object) -> Object:
    """Return an object without what has a kind of change of its own."""
    spec = item.get("spec")
    kind = item.get("kind")
    apart = {
        "DaemonSet": {"template", "selector"},
        "Deployment": {"template", "selector"},
        "PersistentVolumeClaim": set(spec or ()) - {"volumeAttributesClassName"},
        "Job": set(spec or ()) - fixed.MUTABLE_OF_JOBS,
        "Service": {"clusterIP"},
        "StatefulSet": set(spec or ()) - (fixed.MUTABLE_OF_STATEFUL_SETS - {"template"}),
    }.get(str(kind), set())
    rest = {key: value for key, value in item.items() if key not in {"apiVersion", "roleRef", "type"}}
    if isinstance(spec, dict):
        rest["spec"] = {key: value for key, value in spec.items() if key not in apart}
    return rest


def _is_claim(item: Object) -> set[str]:
    return {_name(item)} if item.get("kind") == "PersistentVolumeClaim" else set()


def _mounts(item: Object) -> set[tuple[str, str, str]]:
    """Return claim, container and path of every mounted volume that outlasts the pod."""
    pod = _template(item).get("spec", {})
    volumes = {
        volume.get("name"): volume["persistentVolumeClaim"].get("claimName", "")
        for volume in pod.get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    volumes |= {name: name for name in fixed.claims(item)}
    return {
        (volumes[mount["name"]], container.get("name", ""), mount.get("mountPath", ""))
        for container in pod.get("containers", [])
        for mount in container.get("volumeMounts", [])
        if mount.get("name") in volumes
    }


def _variables(item: Object) -> set[str]:
    containers = _template(item).get("spec", {}).get("containers", [])
    return {str(entry.get("name")) for container in containers for entry in container.get("env", [])}


def _ports(item: Object) -> set[int]:
    return {port["port"] for port in item.get("spec", {}).get("ports", [])}


def _keys(item: Object) -> set[str]:
    return {key for part in ("data", "stringData") for key in item.get(part) or {}}
