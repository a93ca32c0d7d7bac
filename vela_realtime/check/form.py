"""Layer 2: whether a document is an Application as KubeVela knows it, before any type is looked at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vela_realtime.check import envelope, external, waiting
from vela_realtime.documents.application import is_of_kubevela, show_path
from vela_realtime.documents.explain import RENDER_FIRST
from vela_realtime.documents.fix import key_edit, value_edit
from vela_realtime.findings.suggest import is_slip, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.findings import Finding
    from vela_realtime.schema.openapi import Schema

API_VERSIONS = {
    "Application": "core.oam.dev/v1beta1", "Policy": "core.oam.dev/v1alpha1", "Workflow": "core.oam.dev/v1alpha1",
}  # fmt: skip
KINDS = {
    "Application", "ApplicationConfiguration", "ApplicationRevision", "Component", "ComponentDefinition",
    "DefinitionRevision", "HealthScope", "Policy", "PolicyDefinition", "ResourceTracker", "ScopeDefinition",
    "TraitDefinition", "Workflow", "WorkflowRun", "WorkflowStepDefinition", "WorkloadDefinition",
}  # fmt: skip
"""The kinds of KubeVela's API group, those of OAM's older versions among them."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DURATION = re.compile(
    r"[-+]?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*)"
)
"""What Go's time.ParseDuration reads; the webhook of Applications asks it."""

DURATIONS = "30s, 5m, 1h30m"

LONGEST_LABEL = 63
"""Characters of a label's value: the names of an Application and of its components become labels of all objects."""

CALLED_AFTER_COMPONENT = {"cron-task", "daemon", "statefulset", "task", "webservice", "worker"}
"""The types of KubeVela that call a container and the object that has it after the component."""


def is_application(document: Document) -> bool:
    """Tell whether a document wants to be an Application of KubeVela, its API group misspelt or not."""
    if document.kind != "Application":
        return False
    group = str(document.data.get("apiVersion")).partition("/")[0]
    return is_of_kubevela(document) or (group != "core.oam.dev" and is_slip(group, "core.oam.dev"))


def misspelt_kind(document: Document) -> Iterator[Finding]:
    """Report a kind that KubeVela does not have in its API group."""
    version = document.data.get("apiVersion")
    if not isinstance(version, str) or not version.startswith("core.oam.dev/") or document.kind in KINDS:
        return
    meant = nearest(document.kind, KINDS)
    if not document.kind:
        yield document.finding(("kind",), "application", "kind is missing", hint="kind: Application")
    elif meant:
        edit = value_edit(document, ("kind",), meant)
        message = f"there is no kind {document.kind}"
        yield document.finding(("kind",), "application", message, hint=f"did you mean {meant}?", edit=edit)


def check(document: Document) -> list[Finding]:
    """Return what is wrong with the shape of an Application, a Policy or a Workflow.

    What is missing since it is misspelt is said once.
    """
    slips: set[str] = set()
    schema = envelope.schema_of(document.kind)
    fields = list(_fields(document, schema, slips))
    return [*fields, *(item for item in _values(document, schema) if not _within(item.path, slips))]


def _values(document: Document, schema: Schema) -> Iterator[Finding]:
    """Report values of the wrong type, and what is missing."""
    for fault in envelope.faults(schema, document.data):
        if fault.route == ("metadata", "name") and "generateName" in document.data["metadata"]:
            continue
        if fault.route == ("spec",) and fault.sort == "missing":
            continue  # an API server takes it, and KubeVela has nothing to do
        at_value = fault.sort != "missing"
        hint = envelope.hint(fault, _value(document.data, fault.route)) if at_value else ""
        if "must be a text" in fault.message and (word := document.plain_word(fault.route)) and not hint:
            hint = f'write it in quotes: "{word}"'
        scalar = at_value and not isinstance(_value(document.data, fault.route), (dict, list))
        yield document.finding(fault.route, "application", fault.message, hint=hint, at_value=scalar)


def _value(value: Any, route: Route) -> Any:
    for step in route:
        value = value[step]
    return value


def _within(path: str, outer: Iterable[str]) -> bool:
    return any(path == item or path.startswith(f"{item}.") for item in outer)


def names(document: Document, companions: Sequence[Document] = ()) -> Iterator[Finding]:
    """Report names that are wrong, given twice, or that refer to nothing. What is missing must be an empty text."""
    yield from _metadata(document)
    spec = document.data["spec"]
    components, policies = spec["components"], spec.get("policies") or []
    parts: list[tuple[str, Iterable[tuple[Route, Any]]]] = [
        ("component", [(("spec", "components", index), item) for index, item in enumerate(components)]),
        ("policy", [(("spec", "policies", index), item) for index, item in enumerate(policies)]),
    ]
    for what, items in parts:
        yield from _twice(document, what, items)
    for index, item in enumerate(components):
        if message := _bad_name(item["name"], item["type"].partition("@")[0]):
            hint = _render_first(item["name"])
            name: Route = ("spec", "components", index, "name")
            yield document.finding(name, "application", message, hint=hint, at_value=True)
    known = {item["name"] for item in components}
    for index, item in enumerate(components):
        route: Route = ("spec", "components", index, "dependsOn")
        yield from _references(document, route, item.get("dependsOn"), known, "component")
    yield from waiting.components(document)
    policy_names = {item.get("name", "") for item in policies} | {item.name for item in companions}
    yield from step_names(document, known, policy_names)


def step_names(document: Document, components: set[str], policies: set[str]) -> Iterator[Finding]:
    """Report steps of an Application or of a Workflow by one name, and what they name that is not there."""
    steps = list(_steps(document))
    yield from _twice(document, "step", steps)
    for where, item in steps:
        if fault := _bad_duration(item.get("timeout", "")):
            at = (*where, "timeout")
            yield document.finding(at, "application", f"{show_path(at)}: {fault}", hint=DURATIONS, at_value=True)
    known = {str(item.get("name")) for _, item in steps}
    for where, item in steps:
        yield from _references(document, (*where, "dependsOn"), item.get("dependsOn"), known, "step")
        yield from _step_properties(document, where, item, components, policies)
    outer, workflow = _workflow(document)
    yield from waiting.steps(document, workflow, outer)


def _fields(document: Document, schema: Schema, slips: set[str]) -> Iterator[Finding]:
    """Report fields that there are not, and add to ``slips`` the paths of those that were meant."""
    data = document.data
    version = API_VERSIONS[document.kind]
    if data.get("apiVersion") != version:
        given = f", not {shown(data['apiVersion'])}" if "apiVersion" in data else ""
        edit = value_edit(document, ("apiVersion",), version)
        message = f"apiVersion must be {version}{given}"
        yield document.finding(("apiVersion",), "application", message, at_value=True, edit=edit)
    for route, key, known in envelope.unknown(schema, data):
        holder = _value(data, route)
        free = [name for name in known if name not in holder]
        meant = nearest(key, free)
        here = (*route, key)
        if meant:
            slips.add(show_path((*route, meant)))
        where = ".".join(str(step) for step in route if not isinstance(step, int)) or _a(document.kind)
        belongs = _belongs(schema, route, key)
        hint = belongs or (f"did you mean {meant}?" if meant else f"there are {', '.join(known)}")
        edit = key_edit(document, here, meant) if meant and not belongs else None
        yield document.finding(here, "unknown-field", f"{where} has no {key}", hint=hint, edit=edit)


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "AEIOU" else f"a {kind}"


def _belongs(schema: Schema, route: Route, key: str) -> str:
    """Return where a key that stands too far out belongs, empty where nobody knows it."""
    if "spec" not in schema["properties"]:
        return ""
    spec = schema["properties"]["spec"]["properties"]
    if route == ("spec",) and key in spec["components"]["items"]["properties"]:
        return "that belongs into one of the components"
    for name in ("spec", "metadata") if not route else ():
        if key in schema["properties"][name]["properties"]:
            return f"that belongs into {name}"
    return ""


def _bad_name(name: str, kind: str) -> str:
    """Return what is wrong with a component's name, empty where nothing is."""
    if not name:
        return ""
    if len(name) > LONGEST_LABEL:
        return f"{shown(name)} is no name for a component: at most {LONGEST_LABEL} characters, since it becomes a label"
    if kind in CALLED_AFTER_COMPONENT and not _DNS_LABEL.fullmatch(name):
        return f"{shown(name)} is no name for a {kind}: small letters, digits and dashes"
    if not _LABEL.fullmatch(name):
        return f"{shown(name)} is no name for a component: letters, digits, dashes and dots"
    return ""


def _render_first(name: str) -> str:
    """Return what to do about a name that a template has yet to make."""
    return RENDER_FIRST if "{{" in name else ""


def _bad_duration(text: str) -> str:
    return f"{shown(text)} is no duration" if text and not _DURATION.fullmatch(text) else ""


def _metadata(document: Document) -> Iterator[Finding]:
    metadata = document.data["metadata"]
    for key, longest in (("name", LONGEST_LABEL), ("namespace", LONGEST_LABEL)):
        value = metadata.get(key, "")
        if not value:
            continue
        if not _NAME.fullmatch(value):
            message = f"metadata.{key}: {shown(value)} is no name: small letters, digits and dashes"
        elif len(value) > longest:
            message = f"metadata.{key} has {len(value)} characters, and {longest} are the most: it becomes a label"
        else:
            continue
        yield document.finding(("metadata", key), "application", message, hint=_render_first(value), at_value=True)
    if external.ANNOTATION in metadata.get("annotations", {}):
        yield from _external(document, metadata["annotations"][external.ANNOTATION])


def _external(document: Document, text: str) -> Iterator[Finding]:
    """Report what an Application declares to be elsewhere and does not: nobody would look for it there."""
    for item in external.split(text):
        if said := external.fault(item):
            message, hint = said
            route = ("metadata", "annotations", external.ANNOTATION)
            yield document.finding(route, "application", f"{external.ANNOTATION}: {message}", hint=hint, at_value=True)


def _workflow(document: Document) -> tuple[Route, dict[str, Any]]:
    """Return the way to the workflow of an Application, or a Workflow itself, and what it says: nothing without one."""
    if document.kind == "Workflow":
        return (), document.data
    spec = document.data.get("spec")
    workflow = spec.get("workflow") if isinstance(spec, dict) else None
    return ("spec", "workflow"), workflow if isinstance(workflow, dict) else {}


def _steps(document: Document) -> Iterator[tuple[Route, dict[str, Any]]]:
    """Yield the workflow's steps, and those inside of a group."""
    outer, workflow = _workflow(document)
    for index, step in enumerate(_list(workflow.get("steps"))):
        route: Route = (*outer, "steps", index)
        if not isinstance(step, dict):
            continue
        yield route, step
        for number, inner in enumerate(_list(step.get("subSteps"))):
            if isinstance(inner, dict):
                yield (*route, "subSteps", number), inner


def deployed(document: Document) -> Iterator[str]:
    """Yield the names of the policies that the steps of an Application or of a Workflow deploy with."""
    for _, step in _steps(document):
        properties = step.get("properties")
        if step.get("type") == "deploy" and isinstance(properties, dict):
            yield from (name for name in _list(properties.get("policies")) if isinstance(name, str))


def _twice(document: Document, what: str, items: Iterable[tuple[Route, Any]]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for route, item in items:
        name = item.get("name")
        if not isinstance(name, str) or not name:
            continue
        line, _ = document.locate((*route, "name"))
        if name in seen:
            message = f"there are two {what[:-1] + 'ies' if what.endswith('y') else what + 's'} {name}"
            hint = f"the first is on line {seen[name]}"
            yield document.finding((*route, "name"), "application", message, hint=hint, at_value=True)
        seen.setdefault(name, line)


def _references(document: Document, route: Route, value: Any, known: set[str], what: str) -> Iterator[Finding]:
    for index, name in enumerate(_list(value)):
        if isinstance(name, str) and name and name not in known:
            meant = nearest(str(name), known)
            if not meant and "" in known:
                continue  # it may be what has no name
            edit = value_edit(document, (*route, index), meant) if meant else None
            hint = f"did you mean {meant}?" if meant else ""
            message = f"there is no {what} {shown(name)}"
            yield document.finding((*route, index), "unknown-name", message, hint=hint, at_value=True, edit=edit)


def _step_properties(
    document: Document, route: Route, step: dict[str, Any], components: set[str], policies: set[str]
) -> Iterator[Finding]:
    properties = step.get("properties")
    if not isinstance(properties, dict):
        return
    duration = properties.get("duration")
    if step["type"] == "suspend" and isinstance(duration, str) and (fault := _bad_duration(duration)):
        # pkg/providers/builtin/workspace.go of kubevela/workflow: the step fails, once it is its turn.
        at = (*route, "properties", "duration")
        yield document.finding(at, "wrong-value", f"duration: {fault}", hint=DURATIONS, at_value=True)
    if step["type"] == "deploy":
        here = (*route, "properties", "policies")
        yield from _references(document, here, properties.get("policies"), policies, "policy")
    component = properties.get("component")
    if step["type"] == "apply-component" and isinstance(component, str) and component not in components:
        meant = nearest(component, components)
        if not meant and "" in components:
            return
        hint = f"did you mean {meant}?" if meant else ""
        here = (*route, "properties", "component")
        edit = value_edit(document, here, meant) if meant else None
        message = f"there is no component {shown(component)}"
        yield document.finding(here, "unknown-name", message, hint=hint, at_value=True, edit=edit)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
