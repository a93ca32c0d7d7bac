"""What of an Application can be rendered without a cluster, what cannot, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from vela_realtime.documents import loader
from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.kubevela.catalog import Found
    from vela_realtime.kubevela.uses import Resolved

RULE = "not-rendered"

_PROVIDER = re.compile(r'^\s*(?:import\s+)?(?:\w+\s+)?"vela/', re.MULTILINE)
"""The import of a package that asks a cluster, or the internet."""

_STATUS = re.compile(r"\bcontext\.outputs?\b[^\s=!<>]*\.status\b")
"""What stands in an object when it runs."""

_SILENT_STEPS = {
    "apply-component", "builtin-apply-component", "check-metrics", "clean-jobs", "collect-service-endpoints",
    "delete-config", "depends-on-app", "deploy", "generate-jdbc-connection", "list-config", "notification",
    "print-message-in-status", "read-config", "read-object", "request", "restart-workflow", "share-cloud-resource",
    "step-group", "suspend", "webhook",
}  # fmt: skip
"""The steps that make no objects of their own."""


@dataclass(frozen=True)
class Plan:
    """An Application as ``vela`` gets it, and what was left out of it: the way there, and why."""

    data: dict[str, Any]
    left: tuple[tuple[Route, str], ...]
    namespaces: dict[str, str]
    """The namespaces that topology policies send the objects to, by the policy's name."""

    copies: tuple[tuple[str, dict[str, Any]], ...] = ()
    """The Applications of single copies that replication policies make, each with the copy's key."""

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to render."""
        return not self.data["spec"]["components"] and not self.copies


def plan(
    document: Document,
    resolved: Resolved,
    companions: Sequence[Document] = (),
    answered: Collection[Route] = (),
) -> Plan:
    """Return what of an Application can be rendered without a cluster.

    ``document`` has the form that the API server wants. ``companions`` has the Policies and Workflows beside it, which
    it uses where it names them; ``answered`` has the ways to components whose mistakes were accepted.
    """
    left: list[tuple[Route, str]] = []
    spec = document.data["spec"]
    components = []
    copied: list[tuple[dict[str, Any], list[str]]] = []
    replicated = _replicated(document)
    for index, item in enumerate(spec["components"]):
        route: Route = ("spec", "components", index)
        found = _found(resolved, "component", item)
        why = _why_not(item, found) or ("a mistake in it is accepted" if route in answered else "")
        keys = replicated.get(item["name"])
        if not why and keys is not None and found is not None and len(keys) > 1 and not REPLICA_KEY.search(found.text):
            why = "its copies would have the same names"
        if why:
            left.append(((*route, "type"), f"{item['type']}: {why}"))
            continue
        traits = []
        for number, trait in enumerate(item.get("traits", ())):
            if why := _without(_found(resolved, "trait", trait)):
                left.append(((*route, "traits", number, "type"), f"{trait['type']}: {why}"))
            else:
                traits.append({**trait, "type": _name(trait)})
        planned = {**item, "type": _name(item), "traits": traits}
        if keys is None:
            components.append(planned)
        else:
            copied.append(({**planned, "dependsOn": []}, keys))
    names = {item["name"] for item in components}
    for item in components:
        item["dependsOn"] = [name for name in item.get("dependsOn", ()) if name in names]
    workflow = _workflow(document, companions, left)
    policies = _policies(document, companions, resolved, workflow, left)
    metadata = {key: value for key, value in document.data["metadata"].items() if key in _METADATA}
    result: dict[str, Any] = {"components": components, "policies": policies}
    if workflow is not None:
        result["workflow"] = workflow
    data = {key: document.data[key] for key in ("apiVersion", "kind")} | {"metadata": metadata, "spec": result}
    namespaces = {
        policy["name"]: policy["properties"]["namespace"]
        for policy in policies
        if policy["type"] == "topology" and isinstance(policy.get("properties", {}).get("namespace"), str)
    }
    copies = [
        (key, {**data, "spec": {**result, "components": [component]}}) for component, keys in copied for key in keys
    ]
    return Plan(data, tuple(left), namespaces, tuple(copies))


_METADATA = ("name", "namespace", "labels", "annotations")


def notes(document: Document, left: Sequence[tuple[Route, str]]) -> list[Finding]:
    """Return a finding for everything that was left out."""
    return [
        document.finding(route, RULE, f"not rendered: {why}", severity=Severity.NOTE, at_value=True)
        for route, why in left
    ]


def _name(item: dict[str, Any]) -> str:
    return str(item["type"]).partition("@")[0]


def _found(resolved: Resolved, kind: str, item: dict[str, Any]) -> Found | None:
    return resolved.definitions.get((kind, _name(item)))


def _without(found: Found | None) -> str:
    """Return why a definition cannot be used without a cluster, empty where it can."""
    if found is None:
        return "its definition is not here"
    if not found.renderable:
        return "KubeVela's definitions are not on this machine: run vela-realtime doctor --install"
    if found.type != "workflow-step" and _PROVIDER.search(found.text):
        return "it asks a cluster or a repository"
    if found.after_dispatch and _STATUS.search(_template(found)):
        return "it reads the status of what runs"
    return ""


def _template(found: Found) -> str:
    """Return what a trait renders: its status may be read by its health too, which ``vela`` leaves alone."""
    if found.suffix == ".cue":
        return found.text[max(found.text.find("\ntemplate:"), 0) :]
    try:
        return str(loader.load(found.text)["spec"]["schematic"]["cue"]["template"])
    except (KeyError, TypeError, ValueError, yaml.YAMLError):
        return ""


REPLICA_KEY = re.compile(r"\bcontext\.replicaKey\b")
"""How a definition tells copies of a component from each other."""


def _replicated(document: Document) -> dict[str, list[str]]:
    """Return the keys of the copies that replication policies make, by the component's name: ``pkg/policy``."""
    found: dict[str, list[str]] = {}
    for policy in document.data["spec"].get("policies", ()):
        properties = policy.get("properties", {})
        if policy["type"] == "replication":
            keys = [key for key in _list(properties.get("keys")) if isinstance(key, str)]
            for name in _list(properties.get("selector")):
                if isinstance(name, str):
                    found[name] = list(dict.fromkeys([*found.get(name, ()), *keys]))
    return found


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _why_not(item: dict[str, Any], found: Found | None) -> str:
    if why := _without(found):
        return why
    if found is not None and found.name == "ref-objects":
        return "its objects are in a cluster"
    given = item.get("properties", {})
    for entry in item.get("inputs", ()):
        key = re.split(r"[.\[]", entry.get("parameterKey", ""))[0]
        if key not in given:
            return f"its {key or 'properties'} comes from an input" if key else "an input brings its properties"
    return ""


def _workflow(
    document: Document, companions: Sequence[Document], left: list[tuple[Route, str]]
) -> dict[str, Any] | None:
    """Return the workflow with nothing but what ``vela`` renders by: other steps do nothing in their places."""
    workflow = document.data["spec"].get("workflow")
    if workflow is None:
        return None
    route: Route = ("spec", "workflow", "steps")
    steps, mode = workflow.get("steps", []), workflow.get("mode")
    if reference := workflow.get("ref"):
        own = [item for item in companions if item.kind == "Workflow" and item.name == reference]
        if not own:
            left.append((("spec", "workflow", "ref"), f"the Workflow {reference} is not here"))
            return {"steps": [{"name": "elsewhere", "type": "suspend"}]}
        given = own[0].data.get("steps")
        steps, mode, route = (
            (given if isinstance(given, list) else []),
            own[0].data.get("mode"),
            ("spec", "workflow", "ref"),
        )
    kept: list[dict[str, Any]] = []
    for index, step in enumerate(steps):
        here = route if route[-1] == "ref" else (*route, index)
        for where, item in [(here, step), *_inner(here, step)]:
            kept.append(_step(item, len(kept)))
            name = str(item.get("type", "")).partition("@")[0]
            if name not in _SILENT_STEPS:
                place = where if where[-1] == "ref" else (*where, "type")
                left.append((place, f"{name}: what the step makes is known in a cluster only"))
    result: dict[str, Any] = {"steps": kept}
    return result if not isinstance(mode, dict) else {**result, "mode": mode}


def _inner(route: Route, step: Any) -> list[tuple[Route, Any]]:
    inner = step.get("subSteps") if isinstance(step, dict) else None
    found = enumerate(inner if isinstance(inner, list) else [])
    return [(route if route[-1] == "ref" else (*route, "subSteps", number), item) for number, item in found]


def _step(step: Any, number: int) -> dict[str, Any]:
    if isinstance(step, dict) and str(step.get("type", "")).partition("@")[0] == "deploy":
        properties = step.get("properties")
        return {"name": f"step-{number}", "type": "deploy", "properties": properties if properties else {}}
    return {"name": f"step-{number}", "type": "suspend"}


def _policies(
    document: Document,
    companions: Sequence[Document],
    resolved: Resolved,
    workflow: dict[str, Any] | None,
    left: list[tuple[Route, str]],
) -> list[dict[str, Any]]:
    policies = []
    for index, item in enumerate(document.data["spec"].get("policies", ())):
        why = "" if _name(item) in _NATIVE else _without(_found(resolved, "policy", item))
        if why:
            left.append((("spec", "policies", index, "type"), f"{item['type']}: {why}"))
        else:
            policies.append({"name": f"policy-{index}", **item, "type": _name(item)})
    known = {item["name"] for item in policies}
    asked = [
        name
        for step in (workflow or {}).get("steps", ())
        for name in step.get("properties", {}).get("policies") or ()
        if isinstance(name, str) and name not in known
    ]
    for name in dict.fromkeys(asked):
        own = [item.data for item in companions if item.kind == "Policy" and item.name == name]
        policies += [
            {**{key: data[key] for key in ("type", "properties") if key in data}, "name": name} for data in own
        ]
    return policies


_NATIVE = {
    "apply-once", "debug", "env-binding", "garbage-collect", "override", "read-only", "replication", "resource-update",
    "shared-resource", "take-over", "topology",
}  # fmt: skip
"""The types of policies that the controller reads by itself: pkg/appfile/parser.go, parsePolicies."""
