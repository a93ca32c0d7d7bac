"""Layer 2: whether a document is an Application as KubeVela knows it, before any type is looked at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vela_realtime.check import external
from vela_realtime.documents.application import is_of_kubevela, show_path, structure
from vela_realtime.documents.fix import key_edit, value_edit
from vela_realtime.findings.suggest import is_slip, nearest, shown
from vela_realtime.schema.application import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.findings import Finding

API_VERSION = "core.oam.dev/v1beta1"
KINDS = {"Application", "Policy", "Workflow", "WorkflowStepDefinition", "ComponentDefinition", "TraitDefinition"}

_TOP = ("apiVersion", "kind", "metadata", "spec", "status")
_METADATA = (
    "name", "namespace", "labels", "annotations", "generateName", "finalizers", "ownerReferences", "uid",
    "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp",
    "deletionGracePeriodSeconds",
)  # fmt: skip
_SPEC = ("components", "policies", "workflow")
_WORKFLOW = ("ref", "mode", "steps")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def is_application(document: Document) -> bool:
    """Tell whether a document wants to be an Application of KubeVela, its API group misspelt or not."""
    if document.kind != "Application":
        return False
    group = str(document.data.get("apiVersion")).partition("/")[0]
    return is_of_kubevela(document) or is_slip(group, "core.oam.dev")


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
    """Return what is wrong with an Application's shape. What is missing since it is misspelt is said once."""
    slips: set[str] = set()
    fields = list(_fields(document, slips))
    missing = [finding for finding in structure(document) if not _within(finding.path, slips)]
    return [*fields, *(finding for finding in missing)]


def _within(path: str, outer: Iterable[str]) -> bool:
    return any(path == item or path.startswith(f"{item}.") for item in outer)


def names(document: Document) -> Iterator[Finding]:
    """Report names that are wrong, given twice, or that refer to nothing. What is missing must be an empty text."""
    yield from _metadata(document)
    spec = document.data["spec"]
    components, policies = spec["components"], spec.get("policies") or []
    steps = list(_steps(document))
    parts: list[tuple[str, Iterable[tuple[Route, Any]]]] = [
        ("component", [(("spec", "components", index), item) for index, item in enumerate(components)]),
        ("policy", [(("spec", "policies", index), item) for index, item in enumerate(policies)]),
        ("step", steps),
    ]
    for what, items in parts:
        yield from _twice(document, what, items)
    for index, item in enumerate(components):
        if item["name"] and (not _NAME.fullmatch(item["name"]) or len(item["name"]) > 63):
            message = f"{shown(item['name'])} is no name for a component: small letters, digits and dashes"
            yield document.finding(("spec", "components", index, "name"), "application", message, at_value=True)
    known = {item["name"] for item in components}
    for index, item in enumerate(components):
        route: Route = ("spec", "components", index, "dependsOn")
        yield from _references(document, route, item.get("dependsOn"), known, "component")
    step_names = {str(item.get("name")) for _, item in steps}
    for route, item in steps:
        yield from _references(document, (*route, "dependsOn"), item.get("dependsOn"), step_names, "step")
        yield from _step_properties(document, route, item, known, {item["name"] for item in policies})


def _fields(document: Document, slips: set[str]) -> Iterator[Finding]:
    """Report fields that there are not, and add to ``slips`` the paths of those that were meant."""
    data = document.data
    if data.get("apiVersion") != API_VERSION:
        given = f", not {shown(data['apiVersion'])}" if "apiVersion" in data else ""
        edit = value_edit(document, ("apiVersion",), API_VERSION)
        message = f"apiVersion must be {API_VERSION}{given}"
        yield document.finding(("apiVersion",), "application", message, at_value=True, edit=edit)
    yield from _known(document, (), data, _TOP, slips)
    yield from _known(document, ("metadata",), data.get("metadata"), _METADATA, slips)
    spec = data.get("spec")
    yield from _known(document, ("spec",), spec, _SPEC, slips)
    if not isinstance(spec, dict):
        return
    for index, component in enumerate(_list(spec.get("components"))):
        route: Route = ("spec", "components", index)
        yield from _known(document, route, component, FIELDS["components"], slips)
        traits = component.get("traits") if isinstance(component, dict) else None
        for number, trait in enumerate(_list(traits)):
            yield from _known(document, (*route, "traits", number), trait, FIELDS["traits"], slips)
    for index, policy in enumerate(_list(spec.get("policies"))):
        yield from _known(document, ("spec", "policies", index), policy, FIELDS["policies"], slips)
    yield from _known(document, ("spec", "workflow"), spec.get("workflow"), _WORKFLOW, slips)
    for route, step in _steps(document):
        yield from _known(document, route, step, FIELDS["steps"], slips)


def _known(document: Document, route: Route, value: Any, known: Iterable[str], slips: set[str]) -> Iterator[Finding]:
    if not isinstance(value, dict):
        return
    for key in value:
        if key in known:
            continue
        free = [name for name in known if name not in value]
        meant = nearest(str(key), free)
        here = (*route, key)
        if meant:
            slips.add(show_path((*route, meant)))
        where = ".".join(str(step) for step in route if not isinstance(step, int)) or "an Application"
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
        if key in FIELDS["components"] and route == ("spec",):
            hint = "that belongs into one of the components"
        edit = key_edit(document, here, meant) if meant else None
        yield document.finding(here, "unknown-field", f"{where} has no {key}", hint=hint, edit=edit)


def _metadata(document: Document) -> Iterator[Finding]:
    for key in ("name", "namespace"):
        value = document.data["metadata"].get(key)
        if value is None:
            continue
        if not isinstance(value, str) or not _NAME.fullmatch(value) or len(value) > (253 if key == "name" else 63):
            message = f"metadata.{key}: {shown(value)} is no name: small letters, digits and dashes"
            yield document.finding(("metadata", key), "application", message, at_value=True)
    for key in ("labels", "annotations"):
        values = document.data["metadata"].get(key)
        if values is not None and not isinstance(values, dict):
            yield document.finding(("metadata", key), "application", f"metadata.{key} must be an object")
            continue
        for name, value in (values or {}).items():
            if not isinstance(value, str):
                message = f"metadata.{key}.{name} must be a text, not {shown(value)}"
                route = ("metadata", key, name)
                yield document.finding(route, "application", message, hint="write it in quotes", at_value=True)
            elif key == "annotations" and name == external.ANNOTATION:
                yield from _external(document, value)


def _external(document: Document, text: str) -> Iterator[Finding]:
    """Report what an Application declares to be elsewhere and does not: nobody would look for it there."""
    for item in external.split(text):
        if said := external.fault(item):
            message, hint = said
            route = ("metadata", "annotations", external.ANNOTATION)
            yield document.finding(route, "application", f"{external.ANNOTATION}: {message}", hint=hint, at_value=True)


def _steps(document: Document) -> Iterator[tuple[Route, dict[str, Any]]]:
    """Yield the workflow's steps, and those inside of a group."""
    spec = document.data.get("spec")
    workflow = spec.get("workflow") if isinstance(spec, dict) else None
    steps = workflow.get("steps") if isinstance(workflow, dict) else None
    for index, step in enumerate(_list(steps)):
        route: Route = ("spec", "workflow", "steps", index)
        if not isinstance(step, dict):
            continue
        yield route, step
        for number, inner in enumerate(_list(step.get("subSteps"))):
            if isinstance(inner, dict):
                yield (*route, "subSteps", number), inner


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
        if not isinstance(name, str) or name not in known:
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
