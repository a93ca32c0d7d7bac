"""What the tests ask of a cluster. ``test_checks.py`` shows that each of these can fail."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tests.hermetic.state import ClusterError
from vela_realtime import library

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.hermetic.cluster import Cluster

LIBRARY = library.find()

_KINDS = {"ComponentDefinition": "component", "TraitDefinition": "trait"}


@dataclass(frozen=True)
class Built:
    """A built definition: ``kind`` is ``component`` or ``trait``."""

    name: str
    kind: str
    version: str
    yaml: Path

    @property
    def cue(self) -> Path:
        """The same as ``vela def apply`` takes it."""
        return self.yaml.with_suffix(".cue")

    @property
    def schema(self) -> dict[str, Any]:
        """Our own JSON Schema of its parameters."""
        found: dict[str, Any] = json.loads((LIBRARY.definitions / "schemas" / f"{self.name}.json").read_text())
        return found

    @property
    def optional(self) -> bool:
        """Whether it replaces something of KubeVela's own, and so lives in the Application's namespace."""
        return self.yaml.parent.name == "optional"

    @property
    def owns_its_pods(self) -> bool:
        """Whether the pods are described by the definition, and not by the user."""
        return self.kind == "component" and not self.optional

    @property
    def resource(self) -> str:
        """The kind's name for ``kubectl``."""
        return f"{self.kind}definition"


def definition_files(*, optional: bool = False) -> list[Path]:
    """Return the built definitions; the optional ones replace something of KubeVela's own."""
    folder = LIBRARY.definitions / "optional" if optional else LIBRARY.definitions
    return sorted(folder.glob("*.yaml"))


def install_definitions(cluster: Cluster) -> None:
    """Apply the built definitions where Applications of all namespaces find them."""
    for file in definition_files():
        cluster.kubectl("apply", "--server-side", "--namespace=vela-system", f"--filename={file}")


def built() -> list[Built]:
    """Return all built definitions."""
    found = []
    for file in [*definition_files(), *definition_files(optional=True)]:
        data = yaml.safe_load(file.read_text())
        name, version = data["metadata"]["name"], data["spec"]["version"]
        found.append(Built(name, _KINDS[data["kind"]], version, file))
    return found


def synced(cluster: Cluster, resource: str, name: str, namespace: str) -> dict[str, Any]:
    """Wait until KubeVela has taken a definition in, and return the schema of its parameters.

    Raises:
        ClusterError: KubeVela says that it cannot, or says nothing, or stores no schema.
    """

    def condition() -> dict[str, Any] | None:
        found = cluster.get(resource, name, namespace)
        conditions = found.get("status", {}).get("conditions", [])
        return next((item for item in conditions if item["type"] == "Synced"), None)

    state = cluster.until(condition, explain=lambda: f"{name} has no condition Synced")
    if state["status"] != "True":
        raise ClusterError(f"{name} is not synced: {state.get('message', '')}")
    kind = resource.removesuffix("definition")
    stored = cluster.until(
        lambda: cluster.get("configmap", f"{kind}-schema-{name}", namespace),
        explain=lambda: f"{name} has no schema",
    )
    schema: dict[str, Any] = json.loads(stored["data"]["openapi-v3-json-schema"])
    return schema


def meaning(schema: dict[str, Any], path: str = "parameter") -> dict[str, Any]:
    """Return what a JSON Schema says of each property, in the few words that KubeVela's generator has too.

    KubeVela calls a property required that has a default, or that is a list or a struct of such, which both start
    empty; that is not told apart here.
    """
    needed = sorted(name for name in schema.get("required", []) if _needed(schema["properties"][name]))
    said = {key: schema[key] for key in ("type", "default") if key in schema}
    found: dict[str, Any] = {path: {**said, "enum": sorted(schema.get("enum", [])), "required": needed}}
    for name, inner in schema.get("properties", {}).items():
        found |= meaning(inner, f"{path}.{name}")
    if isinstance(inner := schema.get("items"), dict) and inner.get("properties"):
        found |= meaning(inner, f"{path}[]")
    return found


def _needed(schema: dict[str, Any]) -> bool:
    if "default" in schema or schema.get("type") == "array":
        return False
    if schema.get("type") == "object" and "properties" in schema:
        return any(_needed(schema["properties"][name]) for name in schema.get("required", []))
    return True


def revisions(cluster: Cluster, name: str, namespace: str) -> list[str]:
    """Return the names of a definition's revisions."""
    found = cluster.items("definitionrevisions", namespace)
    return sorted(item["metadata"]["name"] for item in found if item["metadata"]["name"].startswith(f"{name}-v"))


def accepted(cluster: Cluster, objects: Iterable[tuple[str, dict[str, Any]]], namespace: str) -> None:
    """Have the API server check objects as if they were applied: every field, every rule, no warning.

    Each comes with the name of where it is from. All are put into one namespace.

    Raises:
        ClusterError: one is not accepted; the message says which of them and why.
    """
    sources: dict[str, list[str]] = {}
    for source, item in objects:
        moved = json.loads(json.dumps(item))
        moved["metadata"]["namespace"] = namespace
        sources.setdefault(json.dumps(moved, sort_keys=True), []).append(source)
    if refused := _refused(cluster, list(sources.items())):
        raise ClusterError("\n".join(refused))


def _refused(cluster: Cluster, items: Sequence[tuple[str, list[str]]]) -> list[str]:
    """Try all at once, since that takes a tenth of the time; where that fails, look for the ones that do."""
    if not items:
        return []
    try:
        cluster.apply(*(json.loads(text) for text, _ in items), dry_run=True)
    except ClusterError as error:
        if len(items) > 1:
            middle = len(items) // 2
            found = _refused(cluster, items[:middle])
            return found if len(found) >= _ENOUGH else [*found, *_refused(cluster, items[middle:])]
        text, sources = items[0]
        item = json.loads(text)
        return [f"{item['kind']} {item['metadata']['name']} of {', '.join(sources[:3])}: {error.message}"]
    return []


_ENOUGH = 5
"""So many refusals are reported at least, where there are as many: finding each takes a while."""


def application(name: str, *components: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """Return an Application."""
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, **metadata},
        "spec": {"components": list(components)},
    }


def refused_pods(cluster: Cluster, namespace: str) -> list[str]:
    """Return what was said of pods that a controller could not create, as when they are not restricted.

    KubeVela applies a component's objects in no certain order, so a ServiceAccount may come after its Job, which then
    tries again.
    """
    failed = [event["message"] for event in cluster.items("events", namespace) if event.get("reason") == "FailedCreate"]
    return [message for message in failed if "error looking up service account" not in message]


def names(objects: Iterable[dict[str, Any]]) -> list[str]:
    """Return kind and name of objects, sorted."""
    return sorted(f"{item['kind']}/{item['metadata']['name']}" for item in objects)
