"""Rules for what the fixtures render to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

LABELS = (
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
)
"""The recommended labels that every object carries."""


_CHECKSUM = re.compile(r"-[0-9a-f]{8}$")
"""How a name ends that has a hash, see #Hash."""

WATCHED = {"StatefulSet", "Deployment", "DaemonSet", "Job"}
"""What health and status look at."""


def check(
    objects: Mapping[str, Any], *, takes_place: bool = False, parts: Collection[str] | None = None
) -> Iterator[str]:
    """Yield what is wrong with the objects of one case, keyed as in ``fixtures.PackageResult``.

    ``takes_place`` is for a definition that takes the place of one of KubeVela's own: its objects are that one's.
    ``parts`` are the keys in ``outputs`` that health looks at, ``""`` for the main object; None where it does not.
    """
    if not takes_place:
        yield from _pods(objects, parts)
        yield from mounts(objects)
        yield from stale(objects)
    for key, value in objects.items():
        if key in {"patch", "patchOutputs"}:
            continue
        if not isinstance(value, dict) or not value.get("apiVersion") or not value.get("kind"):
            yield f"{key} is no Kubernetes object: it has no apiVersion or no kind"
            continue
        if takes_place:
            continue
        yield from _wide(key, value)
        metadata = value.get("metadata") or {}
        if not metadata.get("name"):
            yield f"{key}: {value['kind']} has no name"
        missing = [label for label in LABELS if not (metadata.get("labels") or {}).get(label)]
        if missing:
            yield f"{key}: {value['kind']} {metadata.get('name', '')} has no label {', '.join(missing)}"


def _wide(key: str, value: Mapping[str, Any]) -> Iterator[str]:
    """Yield the rules of a NetworkPolicy that name no port: Kubernetes reads an empty list as every port."""
    if value["kind"] != "NetworkPolicy":
        return
    for direction in ("ingress", "egress"):
        for number, rule in enumerate(value["spec"].get(direction) or ()):
            if not rule.get("ports"):
                peers = "its peers" if rule.get("from") or rule.get("to") else "everybody"
                yield f"{key}: {direction}[{number}] names no port, so it opens all of {peers}"


def _pods(objects: Mapping[str, Any], parts: Collection[str] | None) -> Iterator[str]:
    """Yield the pods that health, policies or monitors forget."""
    found = [
        value for key, value in objects.items() if key not in {"patch", "patchOutputs"} and isinstance(value, dict)
    ]
    policies = [value["spec"] for value in found if value.get("kind") == "NetworkPolicy"]
    monitors = [value["spec"] for value in found if value.get("kind") == "ServiceMonitor"]
    scraped = [value["spec"] for value in found if value.get("kind") == "Service" and value["spec"].get("ports")]
    for key, value in objects.items():
        template = _template(value) if isinstance(value, dict) else None
        if template is None:
            continue
        kind, name = value["kind"], key.removeprefix("outputs.")
        if parts is not None and kind in WATCHED and ("" if key == "output" else name) not in parts:
            yield f"{key}: health and status do not look at this {kind}: it needs a row in #Parts, with its kind"
        labels = (template.get("metadata") or {}).get("labels") or {}
        own = [policy for policy in policies if _selects(policy, labels) and _component(policy)]
        if policies and not own:
            yield f"{key}: no NetworkPolicy is for these pods, so they reach nothing: the part needs a row in #Parts"
        port = ((template.get("metadata") or {}).get("annotations") or {}).get("prometheus.io/port")
        if port is None:
            continue
        if policies and own and not any(_admits(policy, int(port)) for policy in own):
            yield f"{key}: no NetworkPolicy admits what scrapes port {port}: add an edge from monitoring"
        services = [item for item in scraped if _in(item.get("selector") or {}, labels)]
        ports = {(entry.get("name"), entry["port"]) for item in services for entry in item["ports"]}
        names = {
            endpoint.get("port")
            for monitor in monitors
            if _in((monitor.get("selector") or {}).get("matchLabels") or {}, labels)
            for endpoint in monitor.get("endpoints") or ()
        }
        if monitors and not any((name_of_port, int(port)) in ports for name_of_port in names):
            yield f"{key}: no monitor scrapes port {port}: its row in #Parts needs metrics: port: {port}"


def _template(value: Mapping[str, Any]) -> Any:
    spec = value.get("spec") or {}
    if value.get("kind") == "CronJob":
        spec = spec.get("jobTemplate", {}).get("spec", {})
    return spec.get("template") if value.get("kind") in {*WATCHED, "CronJob"} else None


def _in(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def _selects(policy: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return _in(policy["podSelector"].get("matchLabels") or {}, labels)


def _component(policy: Mapping[str, Any]) -> bool:
    """Tell whether a policy is for one part, and not the one for all that denies everything."""
    return "app.kubernetes.io/component" in (policy["podSelector"].get("matchLabels") or {})


def _admits(policy: Mapping[str, Any], port: int) -> bool:
    return any(
        entry.get("port") == port
        for rule in policy.get("ingress") or ()
        if any("namespaceSelector" in peer and "podSelector" not in peer for peer in rule.get("from") or ())
        for entry in rule.get("ports") or ()
    )


def mounts(objects: Mapping[str, Any]) -> Iterator[str]:
    """Yield the volumes that show whatever a ConfigMap or a Secret of the case has, and not the keys that they name.

    KubeVela never takes a key out of either (kubevela pull request 3939): a file that is declared no more would stay.
    Of an object that is the user's own, only the user knows the keys; what a trait mounts is a platform's.
    """
    ours = {
        (value["kind"], (value.get("metadata") or {}).get("name"))
        for value in objects.values()
        if isinstance(value, dict) and value.get("kind") in {"ConfigMap", "Secret"}
    }
    for key, value in objects.items():
        for volume in _volumes(value):
            for source in [volume, *(volume.get("projected") or {}).get("sources", [])]:
                for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
                    found = source.get(field)
                    if not isinstance(found, dict) or found.get("items"):
                        continue
                    name = found.get("secretName") or found.get("name")
                    if key == "patch" or (kind, name) in ours:
                        shown = f"shows all keys of {kind} {name}"
                        yield f"{key}: the volume {volume.get('name', '')} {shown}: name its items"


def stale(objects: Mapping[str, Any]) -> Iterator[str]:
    """Yield the Jobs that may run with files of before: KubeVela may make a Job before it has changed a ConfigMap.

    A name that changes with the files makes the Job's pod wait.
    """
    ours = {
        (value.get("metadata") or {}).get("name")
        for value in objects.values()
        if isinstance(value, dict) and value.get("kind") == "ConfigMap"
    }
    for key, value in objects.items():
        if not isinstance(value, dict) or value.get("kind") != "Job":
            continue
        names = {str((volume.get("configMap") or {}).get("name", "")) for volume in _volumes(value)}
        for name in sorted(name for name in names if name in ours and not _CHECKSUM.search(name)):
            yield f"{key}: ConfigMap {name} keeps its name when its files change, so this Job may run with old ones"


def _volumes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the volumes of all pods that an object, or a patch of one, describes."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "volumes" and isinstance(inner, list):
                yield from (volume for volume in inner if isinstance(volume, dict))
            else:
                yield from _volumes(inner)
