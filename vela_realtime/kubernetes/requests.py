"""What objects ask a cluster for: CPU, memory and disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vela_realtime.kubernetes.objects import dicts, metadata, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
_UNITS |= {f"{unit}i": 1024.0**power for power, unit in enumerate("KMGTP", start=1)}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([A-Za-z]{0,2})")
MOST = 2**31 - 1
"""So many replicas an API server takes at most."""

_LASTING = {"Deployment", "StatefulSet", "ReplicaSet", "DaemonSet", "Pod"}


@dataclass(frozen=True)
class Requests:
    """What is asked for by everything that stays: CPU in cores, memory and disk in bytes.

    Jobs are not in it: they come and go. A DaemonSet counts once, since nobody knows the number of nodes.
    """

    cpu: float = 0.0
    memory: float = 0.0
    disk: float = 0.0

    def __add__(self, other: Requests) -> Requests:
        return Requests(self.cpu + other.cpu, self.memory + other.memory, self.disk + other.disk)

    def times(self, number: int) -> Requests:
        """Return what so many of them ask for."""
        return Requests(self.cpu * number, self.memory * number, self.disk * number)

    def __str__(self) -> str:
        parts = ((self.cpu, f"{self.cpu:.4g} CPU"), (self.memory, f"{size(self.memory)} memory"))
        disk = (self.disk, f"{size(self.disk)} disk")
        return ", ".join(text for value, text in (*parts, disk) if value)


def quantity(value: object) -> float:
    """Return a Kubernetes quantity as a number, 0 for what is none: 500m, 4Gi, 2."""
    match = _QUANTITY.fullmatch(str(value)) if isinstance(value, (str, int, float)) else None
    return float(match[1]) * _UNITS.get(match[2], 0.0) if match else 0.0


def size(number: float) -> str:
    """Write a number of bytes as people do: 1.5Gi, 512Mi."""
    for unit in ("Ti", "Gi", "Mi", "Ki"):
        if number >= _UNITS[unit]:
            return f"{number / _UNITS[unit]:.4g}{unit}"
    return f"{number:.4g}"


def total(objects: Sequence[dict[str, Any]]) -> Requests:
    """Return what objects ask for, with as many pods as they start with."""
    least = dict(_scaled(objects))
    found = Requests()
    for item in objects:
        kind, spec = str(item.get("kind")), table(item, "spec")
        if kind == "PersistentVolumeClaim":
            found += _claim(item)
        if kind not in _LASTING:
            continue
        given = spec.get("replicas", 1) if kind not in {"Pod", "DaemonSet"} else 1
        number = least.get((kind, str(metadata(item).get("name"))), given)
        one = _pod(spec if kind == "Pod" else table(spec, "template", "spec"))
        for claim in dicts(spec.get("volumeClaimTemplates")):
            one += _claim(claim)
        found += one.times(min(number, MOST) if isinstance(number, int) else 1)
    return found


def _scaled(objects: Sequence[dict[str, Any]]) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield what an autoscaler owns the number of, and the least number."""
    for item in objects:
        if item.get("kind") == "HorizontalPodAutoscaler":
            target, least = table(item, "spec", "scaleTargetRef"), table(item, "spec").get("minReplicas", 1)
            if isinstance(least, int):
                yield (str(target.get("kind")), str(target.get("name"))), least


def _pod(spec: dict[str, Any]) -> Requests:
    """Return what the scheduler reserves for a pod: of what runs one after another, the most."""
    first, beside = [], Requests()
    for item in dicts(spec.get("initContainers")):
        if item.get("restartPolicy") == "Always":
            beside += _container(item)
        else:
            first.append(_container(item))
    for item in dicts(spec.get("containers")):
        beside += _container(item)
    return Requests(
        max([beside.cpu, *(item.cpu for item in first)]), max([beside.memory, *(item.memory for item in first)])
    )


def _container(item: dict[str, Any]) -> Requests:
    resources = table(item, "resources")
    # A limit without a request is a request too.
    given = {**table(resources, "limits"), **table(resources, "requests")}
    return Requests(quantity(given.get("cpu")), quantity(given.get("memory")))


def _claim(item: dict[str, Any]) -> Requests:
    return Requests(disk=quantity(table(item, "spec", "resources", "requests").get("storage")))
