"""References to other objects: the Application has them, or says that others do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vela_realtime.check.objects.model import Objects, Pod, Violation, rule
from vela_realtime.findings import Severity
from vela_realtime.kubernetes.objects import dicts, metadata, table

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class _Reference:
    object: int
    path: str
    kind: str
    name: str
    keys: tuple[str, ...] = ()


@rule(
    "dangling-reference",
    severity=Severity.WARNING,
    hint="where it is elsewhere, say so in the annotation vela-realtime.dev/external",
)
def dangling(objects: Objects) -> Iterator[Violation]:
    """Yield references to objects, and to keys of ConfigMaps, that are not there.

    Keys of Secrets are not looked at: passwords are added to them while they are in the cluster.
    """
    seen: set[tuple[int, str, str]] = set()
    later = set(_later(objects))
    for reference in _references(objects):
        if objects.is_external(reference.kind, reference.name):
            continue
        namespace = metadata(objects.items[reference.object]).get("namespace", "default")
        found = objects.find(reference.kind, reference.name, namespace)
        if found is None and reference.kind == "Secret" and reference.name in later:
            continue
        if found is None:
            # A Secret is often used a dozen times by one pod; that it is missing is one finding.
            if (one := (reference.object, reference.kind, reference.name)) in seen:
                continue
            seen.add(one)
            message = f"{reference.path} refers to the {reference.kind} {reference.name}, which nothing here makes"
            yield Violation(reference.object, message, reference.name)
        elif reference.kind == "ConfigMap":
            there = {*table(found, "data"), *table(found, "binaryData")}
            for key in reference.keys:
                if key not in there:
                    message = (
                        f"{reference.path} refers to the key {key}, which ConfigMap {reference.name} does not have"
                    )
                    yield Violation(reference.object, message, key)


def _later(objects: Objects) -> Iterator[str]:
    """Yield the Secrets that others make in the cluster: of certificates, and of stores outside of it."""
    for item in (*objects.items, *objects.beside):
        name, spec = str(metadata(item).get("name")), table(item, "spec")
        match item.get("kind"):
            case "Certificate":
                yield str(spec.get("secretName"))
            case "ExternalSecret":
                yield str(table(spec, "target").get("name", name))
            case "SealedSecret":
                yield name


def _references(objects: Objects) -> Iterator[_Reference]:
    for pod in objects.pods:
        yield from _of_pod(pod)
    for index, item in enumerate(objects.items):
        yield from _of_object(index, item)


def _of_pod(pod: Pod) -> Iterator[_Reference]:
    claims = set[str]()
    account = pod.spec.get("serviceAccountName")
    if isinstance(account, str) and account not in {"", "default"}:
        yield _Reference(pod.object, f"{pod.path}.serviceAccountName", "ServiceAccount", account)
    for volume in dicts(pod.spec.get("volumes")):
        path = f"{pod.path}.volumes[{volume.get('name', '')}]"
        sources = [volume, *dicts(table(volume, "projected").get("sources"))]
        for source in sources:
            yield from _source(pod.object, path, "ConfigMap", table(source, "configMap"), "name")
            yield from _source(pod.object, path, "Secret", table(source, "secret"), "secretName", "name")
        claim = table(volume, "persistentVolumeClaim").get("claimName")
        if isinstance(claim, str) and claim not in claims:
            yield _Reference(pod.object, path, "PersistentVolumeClaim", claim)
    for path, container in pod.containers():
        for entry in dicts(container.get("env")):
            here, source = f"{path}.env[{entry.get('name', '')}]", table(entry, "valueFrom")
            yield from _key(pod.object, here, "ConfigMap", table(source, "configMapKeyRef"))
            yield from _key(pod.object, here, "Secret", table(source, "secretKeyRef"))
        for entry in dicts(container.get("envFrom")):
            yield from _source(pod.object, f"{path}.envFrom", "ConfigMap", table(entry, "configMapRef"), "name")
            yield from _source(pod.object, f"{path}.envFrom", "Secret", table(entry, "secretRef"), "name")


def _source(index: int, path: str, kind: str, source: dict[str, Any], *names: str) -> Iterator[_Reference]:
    name = next((source[key] for key in names if isinstance(source.get(key), str)), "")
    if name and source.get("optional") is not True:
        keys = tuple(str(item.get("key")) for item in dicts(source.get("items")))
        yield _Reference(index, path, kind, name, keys)


def _key(index: int, path: str, kind: str, source: dict[str, Any]) -> Iterator[_Reference]:
    if isinstance(source.get("name"), str) and source.get("optional") is not True:
        yield _Reference(index, path, kind, source["name"], (str(source.get("key")),))


def _of_object(index: int, item: dict[str, Any]) -> Iterator[_Reference]:
    spec = table(item, "spec")
    match item.get("kind"):
        case "HorizontalPodAutoscaler":
            target = table(spec, "scaleTargetRef")
            yield _Reference(index, "spec.scaleTargetRef", str(target.get("kind")), str(target.get("name")))
        case "RoleBinding" | "ClusterRoleBinding":
            role = table(item, "roleRef")
            if role.get("kind") == "Role":
                yield _Reference(index, "roleRef", "Role", str(role.get("name")))
            for subject in dicts(item.get("subjects")):
                if subject.get("kind") == "ServiceAccount" and subject.get("name") != "default":
                    yield _Reference(index, "subjects", "ServiceAccount", str(subject.get("name")))
        case "StatefulSet" if spec.get("serviceName"):
            yield _Reference(index, "spec.serviceName", "Service", str(spec["serviceName"]))
        case _:
            yield from (_Reference(index, path, "Service", name) for path, name in _served(item))


def _served(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the Services that what brings in traffic sends it to, in its own namespace."""
    spec = table(item, "spec")
    match item.get("kind"):
        case "Ingress":
            backends = [table(spec, "defaultBackend")]
            for entry in dicts(spec.get("rules")):
                backends += [table(path, "backend") for path in dicts(table(entry, "http").get("paths"))]
            for backend in backends:
                if name := table(backend, "service").get("name"):
                    yield "spec.rules", str(name)
        case "HTTPRoute" | "GRPCRoute":
            ends = [("spec.parentRefs", end) for end in dicts(spec.get("parentRefs")) if end.get("kind") == "Service"]
            for entry in dicts(spec.get("rules")):
                ends += [("spec.rules", end) for end in dicts(entry.get("backendRefs"))]
            for path, end in ends:
                if end.get("kind", "Service") == "Service" and "namespace" not in end:
                    yield path, str(end.get("name"))
        case "VirtualService":
            for entry in dicts(spec.get("http")):
                for end in dicts(entry.get("route")):
                    # With a dot it is a name of the mesh's, in any namespace or outside of the cluster.
                    if (host := table(end, "destination").get("host")) and "." not in str(host):
                        yield "spec.http", str(host)


RULES = (dangling,)
