"""Ways into the cluster: Services that are open outside, Ingresses, routes of the Gateway API and of Istio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vela_realtime.kubernetes.objects import dicts, matches, metadata, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.objects.model import Objects

OUTSIDE = "outside of the cluster"
_OPEN = {"LoadBalancer", "NodePort"}
_ROUTES = {"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"}


@dataclass(frozen=True)
class Entrance:
    """A way in: to an object's number, or to the name of a Service that is elsewhere."""

    source: str
    target: int | str
    label: str


def find(objects: Objects) -> list[Entrance]:
    """Return the ways into the cluster that some objects open."""
    return list(dict.fromkeys(_ways(objects)))


def _ways(objects: Objects) -> Iterator[Entrance]:
    for item in objects.items:
        kind, spec = str(item.get("kind")), table(item, "spec")
        if kind == "Service" and spec.get("type") in _OPEN:
            ports = ", ".join(str(port.get("port")) for port in dicts(spec.get("ports")))
            for pod in _behind(objects, item):
                yield Entrance(OUTSIDE, pod, f"{spec['type']} {ports}")
        elif kind == "Ingress":
            yield from _of(objects, item, "Ingress", [str(rule.get("host", "*")) for rule in dicts(spec.get("rules"))])
        elif kind in _ROUTES or kind == "VirtualService":
            hosts = spec.get("hostnames") or spec.get("hosts") or []
            yield from _of(objects, item, kind, [str(host) for host in hosts])


def _of(objects: Objects, item: dict[str, Any], kind: str, hosts: list[str]) -> Iterator[Entrance]:
    """Yield the ways of a route to every Service that it names anywhere."""
    label = " ".join([kind, ", ".join(dict.fromkeys(hosts))]).strip()
    for name in dict.fromkeys(_services(table(item, "spec"))):
        namespace = metadata(item).get("namespace")
        service = objects.find("Service", name, str(namespace))
        pods = _behind(objects, service) if service else []
        for pod in pods:
            yield Entrance(OUTSIDE, pod, label)
        if not pods:
            yield Entrance(OUTSIDE, f"Service {name}", label)


def _services(value: Any) -> Iterator[str]:
    """Yield the names of Services in an Ingress' backends, a route's backendRefs, a VirtualService's destinations."""
    if isinstance(value, list):
        for item in value:
            yield from _services(item)
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "backendRefs":
            yield from (
                str(ref["name"]) for ref in dicts(item) if ref.get("kind", "Service") == "Service" and "name" in ref
            )
        elif key == "service" and isinstance(item, dict) and "name" in item:
            yield str(item["name"])
        elif key == "destination" and isinstance(item, dict) and "host" in item:
            yield str(item["host"]).partition(".")[0]
        else:
            yield from _services(item)


def _behind(objects: Objects, service: dict[str, Any]) -> list[int]:
    """Return the numbers of what runs behind a Service."""
    selector = table(service, "spec", "selector")
    if not selector:
        return []
    namespace = metadata(service).get("namespace")
    return [
        pod.object
        for pod in objects.pods
        if matches({"matchLabels": selector}, pod.labels)
        and metadata(objects.items[pod.object]).get("namespace") == namespace
    ]
