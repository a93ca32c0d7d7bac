"""Rendered objects of two versions compared: what an upgrade does to a cluster that runs them."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from vela_realtime.diff import images
from vela_realtime.diff.kinds import change
from vela_realtime.kubernetes.requests import quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vela_realtime.diff.kinds import Change

Object: TypeAlias = "dict[str, Any]"
Identity: TypeAlias = "tuple[str, str, str]"

_POD_OWNERS = {"Deployment", "StatefulSet", "DaemonSet"}
_ENDPOINTS = {"Gateway", "GRPCRoute", "HTTPRoute", "Ingress", "Secret", "Service", "TCPRoute", "TLSRoute"}
"""What others reach or read by its name."""

_MUTABLE_OF_STATEFUL_SETS = {
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
}
"""What may be changed in a StatefulSet's spec: the words of the API server's own refusal (Kubernetes 1.34)."""

_MUTABLE_OF_JOBS = {"parallelism", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished", "suspend"}
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
            yield self._change("restart", {}, _said(_template(old), _template(new)))
        elif old != new:
            yield self._change("object-changed", {}, _said(old, new))

    def _renamed(self, old: Object, new: Object) -> Iterator[Change]:
        name = self._general(_name(new))
        if old["kind"] == "Job":
            yield self._change("job-again", old, "is made anew")
        elif name == self._general(_name(old)):
            yield self._change("object-renewed", old, "has another hash")
        else:
            yield self._change("object-renamed", old, f"is called {name}")
        for claim in sorted(_claims(old) | _is_claim(old)):
            yield self._change("volume-lost", old, f"volume {self._general(claim)} belongs to the old name")

    def _gone(self, item: Object) -> Iterator[Change]:
        yield self._change("endpoint-removed" if item["kind"] in _ENDPOINTS else "object-removed", item, "is gone")
        for claim in sorted(_claims(item) | _is_claim(item)):
            yield self._change("volume-lost", item, f"nothing uses the volume {self._general(claim)} any more")

    def _pair(self, old: Object, new: Object) -> Iterator[Change]:
        if old == new:
            return
        told: list[Change] = []
        kind = old["kind"]
        if kind in _CHECKS:
            told += _CHECKS[kind](self, old, new)
        if kind in _POD_OWNERS:
            told += self._volumes(old, new)
            if _template(old) != _template(new):
                told.append(self._change("restart", old, _said(_template(old), _template(new))))
        left, right = _rest(old), _rest(new)
        if left != right:
            yield self._change("object-changed", old, _said(left, right))
        yield from told

    def _stateful_set(self, old: Object, new: Object) -> Iterator[Change]:
        before, after = old.get("spec", {}), new.get("spec", {})
        fixed = sorted((before.keys() | after.keys()) - _MUTABLE_OF_STATEFUL_SETS)
        lost = _claims(old) - _claims(new)
        for claim in sorted(lost):
            yield self._change("volume-lost", old, f"claims no {claim} any more")
        for name in fixed:
            if before.get(name) != after.get(name) and not (name == "volumeClaimTemplates" and lost):
                yield self._change("immutable-field", old, _said(before.get(name), after.get(name)), f"spec.{name}")
        for name in ("whenDeleted", "whenScaled"):
            policies = [
                spec.get("persistentVolumeClaimRetentionPolicy", {}).get(name, "Retain") for spec in (before, after)
            ]
            if policies == ["Retain", "Delete"]:
                yield self._change("volume-released", old, "became Delete, was Retain", name)

    def _selector(self, old: Object, new: Object) -> Iterator[Change]:
        before, after = (item.get("spec", {}).get("selector") for item in (old, new))
        if before != after:
            yield self._change("immutable-field", old, _said(before, after), "spec.selector")

    def _job(self, old: Object, new: Object) -> Iterator[Change]:
        before, after = old.get("spec", {}), new.get("spec", {})
        for name in sorted((before.keys() | after.keys()) - _MUTABLE_OF_JOBS):
            if before.get(name) != after.get(name):
                yield self._change("immutable-field", old, _said(before.get(name), after.get(name)), f"spec.{name}")

    def _claim(self, old: Object, new: Object) -> Iterator[Change]:
        before, after = old.get("spec", {}), new.get("spec", {})
        sizes = [quantity(spec.get("resources", {}).get("requests", {}).get("storage")) for spec in (before, after)]
        if sizes[1] > sizes[0]:
            yield self._change("volume-grows", old, "asks for more space", "spec.resources.requests.storage")
        elif sizes[1] < sizes[0]:
            yield self._change("immutable-field", old, "asks for less space", "spec.resources.requests.storage")
        for name in sorted((before.keys() | after.keys()) - {"resources", "volumeAttributesClassName"}):
            if before.get(name) != after.get(name):
                yield self._change("immutable-field", old, _said(before.get(name), after.get(name)), f"spec.{name}")

    def _service(self, old: Object, new: Object) -> Iterator[Change]:
        before, after = _ports(old), _ports(new)
        yield from (
            self._change("port-removed", old, "is served no more", f"port {port}") for port in sorted(before - after)
        )
        yield from (self._change("port-added", old, "is new", f"port {port}") for port in sorted(after - before))
        addresses = [item.get("spec", {}).get("clusterIP") for item in (old, new)]
        if addresses[0] != addresses[1] and "None" in addresses:
            yield self._change("immutable-field", old, _said(*addresses), "spec.clusterIP")

    def _secret(self, old: Object, new: Object) -> Iterator[Change]:
        yield from self._fixed_data(old, new)
        before, after = _keys(old), _keys(new)
        yield from (self._change("key-removed", old, "is gone", f"key {key}") for key in sorted(before - after))
        yield from (self._change("key-added", old, "is new", f"key {key}") for key in sorted(after - before))
        if old.get("type", "Opaque") != new.get("type", "Opaque"):
            yield self._change("immutable-field", old, _said(old.get("type"), new.get("type")), "type")

    def _fixed_data(self, old: Object, new: Object) -> Iterator[Change]:
        if old.get("immutable") and (_data(old) != _data(new) or not new.get("immutable")):
            yield self._change("immutable-field", old, "says of itself that it cannot be changed", "data")

    def _binding(self, old: Object, new: Object) -> Iterator[Change]:
        if old.get("roleRef") != new.get("roleRef"):
            yield self._change("immutable-field", old, _said(old.get("roleRef"), new.get("roleRef")), "roleRef")

    def _volumes(self, old: Object, new: Object) -> Iterator[Change]:
        before, after = _mounts(old), _mounts(new)
        kept = {claim for claim, _, _ in after} | _claims(new)
        for claim in sorted({claim for claim, _, _ in before} - kept - _claims(old)):
            yield self._change("volume-lost", old, f"mounts {self._general(claim)} no more")
        places = {(claim, container): path for claim, container, path in after}
        for claim, container, path in sorted(before):
            other = places.get((claim, container))
            if other is not None and other != path and (claim, container, path) not in after:
                message = f"{self._general(claim)} is mounted at {other}, was at {path}"
                yield self._change("volume-moved", old, message, f"container {container}")


_Check: TypeAlias = "Callable[[_Comparison, Object, Object], Iterator[Change]]"
# What is particular to a kind. What the API server refuses to change is from the validation in Kubernetes' own
# pkg/apis/{apps,batch,core,rbac}/validation.
_CHECKS: dict[str, _Check] = {
    "ClusterRoleBinding": _Comparison._binding,
    "ConfigMap": _Comparison._fixed_data,
    "DaemonSet": _Comparison._selector,
    "Deployment": _Comparison._selector,
    "Job": _Comparison._job,
    "PersistentVolumeClaim": _Comparison._claim,
    "RoleBinding": _Comparison._binding,
    "Secret": _Comparison._secret,
    "Service": _Comparison._service,
    "StatefulSet": _Comparison._stateful_set,
}


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
        "Job": set(spec or ()) - _MUTABLE_OF_JOBS,
        "Service": {"clusterIP"},
        "StatefulSet": set(spec or ()) - (_MUTABLE_OF_STATEFUL_SETS - {"template"}),
    }.get(str(kind), set())
    rest = {key: value for key, value in item.items() if key not in {"apiVersion", "roleRef", "type"}}
    if isinstance(spec, dict):
        rest["spec"] = {key: value for key, value in spec.items() if key not in apart}
    return rest


def _claims(item: Object) -> set[str]:
    """Return the names of a StatefulSet's claim templates."""
    if item.get("kind") != "StatefulSet":
        return set()
    return {_name(claim) for claim in item.get("spec", {}).get("volumeClaimTemplates", [])}


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
    volumes |= {name: name for name in _claims(item)}
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


def _data(item: Object) -> Object:
    return {part: item.get(part) for part in ("data", "stringData", "binaryData")}


_FEW = 4


def _said(old: Any, new: Any) -> str:
    """Say where two values differ: the paths, and for a single one the values."""
    paths = list(_differences(old, new, ""))
    if len(paths) == 1 and all(isinstance(value, str) and "\n" in value for value in paths[0][1:]):
        path, before, after = paths[0]
        return f"{path}: {_first_line(before, after)}"
    if len(paths) == 1 and not isinstance(paths[0][1], (dict, list)) and not isinstance(paths[0][2], (dict, list)):
        path, before, after = paths[0]
        text = f"{_short(after)}, was {_short(before)}"
        return f"{path}: {text}" if path else text
    names = list(dict.fromkeys(path for path, _, _ in paths if path))
    if not names:
        return "differs"
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"{', '.join(names[:_FEW])}{more}"


def _first_line(old: str, new: str) -> str:
    """Say where two texts of several lines differ first."""
    before, after = old.split("\n"), new.split("\n")
    same = next((index for index, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    at = same if same is not None else min(len(before), len(after))
    lines = [text[at] if at < len(text) else None for text in (after, before)]
    return f"line {at + 1}: {_short(lines[0])}, was {_short(lines[1])}"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _differences(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if old.get(key) != new.get(key):
                yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        return
    if isinstance(old, list) and isinstance(new, list):
        yield from _list_differences(old, new, path)
        return
    if old != new:
        yield path, old, new


def _list_differences(old: list[Any], new: list[Any], path: str) -> Iterator[tuple[str, Any, Any]]:
    """Compare lists whose items have names by these, and others as a whole."""
    named = [
        {item["name"]: item for item in items if isinstance(item, dict) and "name" in item} for items in (old, new)
    ]
    if all(len(names) == len(items) for names, items in zip(named, (old, new), strict=True)):
        before, after = named
        for name in [*before, *(name for name in after if name not in before)]:
            if before.get(name) != after.get(name):
                yield from _differences(before.get(name), after.get(name), f"{path}[{name}]")
        if list(before) != list(after) and before == after:
            yield path, "an order", "another order"
        return
    if old != new:
        yield path, old, new
