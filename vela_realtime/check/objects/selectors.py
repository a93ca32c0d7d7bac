"""Selectors and ports: what is to meet must have the same labels and the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vela_realtime.check.objects.model import Objects, Pod, Violation, rule
from vela_realtime.kubernetes.objects import dicts, matches, metadata, table

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPLATED = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}


@rule("selector")
def selector(objects: Objects) -> Iterator[Violation]:
    """Yield selectors that take nothing, or not the pods of their own object."""
    for index, item in enumerate(objects.items):
        spec = table(item, "spec")
        if str(item.get("kind")) in _TEMPLATED:
            own = [pod for pod in objects.pods if pod.object == index]
            if any(not matches(table(spec, "selector"), pod.labels) for pod in own):
                yield Violation(index, "spec.selector does not take the labels of spec.template")
        elif item.get("kind") == "Service" and table(spec, "selector"):
            if not _selected(objects, item):
                labels = ", ".join(f"{key}={value}" for key, value in table(spec, "selector").items())
                yield Violation(index, f"spec.selector takes no pod of this Application: {labels}")
        elif item.get("kind") == "PodDisruptionBudget" and not any(
            matches(table(spec, "selector"), pod.labels) for pod in objects.pods
        ):
            yield Violation(index, "spec.selector takes no pod of this Application")


@rule("port")
def port(objects: Objects) -> Iterator[Violation]:
    """Yield names of ports that no container has."""
    for index, item in enumerate(objects.items):
        if item.get("kind") != "Service":
            continue
        pods = _selected(objects, item)
        names = {name for pod in pods for name in _port_names(pod)}
        for entry in dicts(table(item, "spec").get("ports")):
            target = entry.get("targetPort")
            if pods and isinstance(target, str) and target not in names:
                yield Violation(index, f"spec.ports: no container has a port called {target}")
    for pod in objects.pods:
        for path, container in pod.containers():
            own = [entry.get("name") for entry in dicts(container.get("ports"))]
            for name in ("startupProbe", "readinessProbe", "livenessProbe"):
                for way in ("httpGet", "tcpSocket"):
                    target = table(container, name, way).get("port")
                    if isinstance(target, str) and not target.isdigit() and target not in own:
                        yield Violation(pod.object, f"{path}.{name}: the container has no port called {target}")


def _selected(objects: Objects, service: dict[str, Any]) -> list[Pod]:
    wanted = {"matchLabels": table(service, "spec", "selector")}
    namespace = metadata(service).get("namespace", "default")
    return [
        pod
        for pod in objects.pods
        if matches(wanted, pod.labels) and metadata(objects.items[pod.object]).get("namespace", "default") == namespace
    ]


def _port_names(pod: Pod) -> Iterator[str]:
    for _, container in pod.containers():
        for entry in dicts(container.get("ports")):
            if entry.get("name"):
                yield str(entry["name"])


RULES = (selector, port)
