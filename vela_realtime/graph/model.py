"""What a picture shows: what runs, what it keeps, and the connections that the network policies leave open."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vela_realtime.check.objects.model import Objects, Pod
from vela_realtime.graph import entrances, network
from vela_realtime.kubernetes.objects import dicts, matches, metadata, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vela_realtime.kubevela.vela import Rendered

COMPONENT = "app.kubernetes.io/component"


@dataclass(frozen=True)
class Node:
    """Something that runs, or somebody outside: ``pods`` is empty then."""

    key: str
    name: str
    kind: str
    group: str = ""
    """The Application's component that it belongs to, empty for what is outside."""
    details: tuple[str, ...] = ()
    objects: tuple[int, ...] = ()
    """The numbers of the objects that make it: the workload, its Services, configuration, policy and volumes."""

    @property
    def outside(self) -> bool:
        """Whether it is not of the Application."""
        return not self.objects

    @property
    def once(self) -> bool:
        """Whether it runs to an end, and not for as long as the Application."""
        return self.kind in {"Job", "CronJob"}


@dataclass(frozen=True)
class Edge:
    """A connection that is allowed; ``entrance`` says that it comes from outside of the cluster."""

    source: str
    target: str
    label: str
    entrance: bool = False


@dataclass(frozen=True)
class Graph:
    """A whole picture. ``groups`` are the Application's components, in its order."""

    title: str
    groups: tuple[str, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    objects: tuple[dict[str, Any], ...] = field(repr=False)
    missing: tuple[str, ...] = ()
    """What the picture lacks, since it cannot be rendered without a cluster."""

    def of(self, group: str) -> list[Node]:
        """Return what belongs to a component."""
        return [node for node in self.nodes if node.group == group and not node.outside]


def graph(title: str, rendered: Sequence[Rendered], missing: Sequence[str] = ()) -> Graph:
    """Return the picture of what was rendered; ``missing`` says what could not be.

    A connection is drawn where the policies of both ends allow it, and one of them speaks of it: two pods without any
    policy may talk too, as everybody may to them, and that is written at the pods. DNS is left out.
    """
    objects = Objects([item.object for item in rendered])
    groups = tuple(dict.fromkeys(item.component for item in rendered))
    namespaces = {pod.object: str(metadata(objects.items[pod.object]).get("namespace", "")) for pod in objects.pods}
    keys = {pod.object: f"{namespaces[pod.object]}/{pod.kind}/{_name(objects, pod)}" for pod in objects.pods}
    several = len(set(namespaces.values())) > 1
    reach = network.reach(objects)
    ways = entrances.find(objects)

    nodes = [
        Node(
            keys[pod.object],
            _name(objects, pod),
            pod.kind,
            rendered[pod.object].component,
            (
                *((f"namespace {namespaces[pod.object]}",) if several else ()),
                *_details(objects, pod),
                *_openness(reach, pod),
            ),
            tuple(_belonging(objects, pod)),
        )
        for pod in objects.pods
    ]
    ports: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    outside: dict[str, Node] = {}

    def end(place: int | str) -> str:
        if isinstance(place, int):
            return keys[place]
        outside[place] = Node(place, place, "outside")
        return place

    for connection in reach.connections:
        if connection.source == connection.target or connection.dns:
            continue
        ports[end(connection.source), end(connection.target), False].append(connection.ports)
    for way in ways:
        ports[end(way.source), end(way.target), True].append(way.label)
    edges = [
        Edge(source, target, ", ".join(dict.fromkeys(labels)), entrance)
        for (source, target, entrance), labels in ports.items()
    ]
    return Graph(title, groups, (*nodes, *outside.values()), tuple(edges), tuple(objects.items), tuple(missing))


def _openness(reach: network.Reach, pod: Pod) -> Iterator[str]:
    for connection in reach.connections:
        if connection.source == connection.target == pod.object:
            yield f"among its pods: {connection.ports}"
    if not reach.closed(pod):
        yield "no policy: open to all"


def _name(objects: Objects, pod: Pod) -> str:
    return str(metadata(objects.items[pod.object]).get("name", "unnamed"))


def _details(objects: Objects, pod: Pod) -> Iterator[str]:
    spec = table(objects.items[pod.object], "spec")
    if isinstance(replicas := spec.get("replicas"), int) and replicas != 1:
        yield f"{replicas} pods"
    if pod.kind == "CronJob":
        yield f"at {spec.get('schedule', '')}"
    ports = [
        f"{port.get('name', '')} {port['containerPort']}".strip()
        for _, container in pod.containers(init=False)
        for port in dicts(container.get("ports"))
        if port.get("containerPort")
    ]
    if ports:
        yield ", ".join(ports)
    for claim in dicts(spec.get("volumeClaimTemplates")):
        yield f"volume {table(claim, 'spec', 'resources', 'requests').get('storage', '')}".strip()
    for volume in dicts(pod.spec.get("volumes")):
        if name := table(volume, "persistentVolumeClaim").get("claimName"):
            found = _object(objects, "PersistentVolumeClaim", str(name), pod)
            size = table(objects.items[found], "spec", "resources", "requests").get("storage", "") if found else ""
            yield f"volume {size or name}"


def _belonging(objects: Objects, pod: Pod) -> Iterator[int]:
    """Yield the number of the workload, and of all that is about it."""
    yield pod.object
    namespace = metadata(objects.items[pod.object]).get("namespace")
    referred = _referred(pod)
    for index, item in enumerate(objects.items):
        if index == pod.object or metadata(item).get("namespace") != namespace:
            continue
        named = (str(item.get("kind")), str(metadata(item).get("name")))
        if named in referred or _is_about(item, objects, pod):
            yield index


def _is_about(item: dict[str, Any], objects: Objects, pod: Pod) -> bool:
    """Tell whether an object selects a pod, scales what runs it, or gives its account rights."""
    spec = table(item, "spec")
    match item.get("kind"):
        case "Service":
            return bool(table(spec, "selector")) and matches({"matchLabels": table(spec, "selector")}, pod.labels)
        case "NetworkPolicy":
            return matches(table(spec, "podSelector"), pod.labels)
        case "PodDisruptionBudget":
            return matches(table(spec, "selector"), pod.labels)
        case "HorizontalPodAutoscaler":
            return table(spec, "scaleTargetRef").get("name") == _name(objects, pod)
        case "Role" | "RoleBinding":
            return metadata(item).get("name") == pod.spec.get("serviceAccountName")
    return False


def _referred(pod: Pod) -> set[tuple[str, str]]:
    """Return kind and name of what a pod refers to: configuration, Secrets, volumes, its account."""
    found: set[tuple[str, str]] = set()
    for volume in dicts(pod.spec.get("volumes")):
        sources = [volume, *dicts(table(volume, "projected").get("sources"))]
        for source in sources:
            found.add(("ConfigMap", str(table(source, "configMap").get("name"))))
            found.add(("Secret", str(table(source, "secret").get("secretName") or table(source, "secret").get("name"))))
        found.add(("PersistentVolumeClaim", str(table(volume, "persistentVolumeClaim").get("claimName"))))
    for _, container in pod.containers():
        for variable in dicts(container.get("env")):
            found.add(("Secret", str(table(variable, "valueFrom", "secretKeyRef").get("name"))))
            found.add(("ConfigMap", str(table(variable, "valueFrom", "configMapKeyRef").get("name"))))
        for source in dicts(container.get("envFrom")):
            found.add(("Secret", str(table(source, "secretRef").get("name"))))
            found.add(("ConfigMap", str(table(source, "configMapRef").get("name"))))
    found.add(("ServiceAccount", str(pod.spec.get("serviceAccountName"))))
    return found


def _object(objects: Objects, kind: str, name: str, pod: Pod) -> int | None:
    namespace = metadata(objects.items[pod.object]).get("namespace")
    for index, item in enumerate(objects.items):
        about = metadata(item)
        if item.get("kind") == kind and about.get("name") == name and about.get("namespace") == namespace:
            return index
    return None
