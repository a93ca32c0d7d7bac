"""The definitions that an Application names, and which of them there are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from vela_realtime.documents.fix import value_edit
from vela_realtime.findings import Finding, Severity
from vela_realtime.findings.suggest import is_called_after, is_slip, nearest
from vela_realtime.kubevela.catalog import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.kubevela.catalog import Catalog, Found

OPTIONAL = "vela-realtime.dev/optional"
"""The annotation that lists the library's optional definitions that an Application is written for."""


AUTO_UPDATE = "app.oam.dev/autoUpdate"
"""The annotation with which an Application follows its definitions. KubeVela 1.10 and 1.11 read a range of versions as
such under it alone, and take it for a revision's name elsewhere: ``fetchDefinitionRevision`` in ``pkg/oam/util``."""


@dataclass(frozen=True)
class Use:
    """A definition's name as an Application has it: where, of which type, and the version asked for."""

    route: Route
    kind: str
    name: str
    version: str


@dataclass
class Resolved:
    """What an Application names: its uses, the definitions that there are, and what is wrong with the names."""

    uses: list[Use] = field(default_factory=list)
    definitions: dict[tuple[str, str], Found] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def of(self, use: Use) -> Found | None:
        """Return the definition of a use, None where there is none."""
        return self.definitions.get((use.kind, use.name))


def resolve(
    document: Document, catalog: Catalog, beside: Sequence[Found] = (), elsewhere: AbstractSet[str] = frozenset()
) -> Resolved:
    """Return every definition that an Application names, those that there are, and what is wrong with the names.

    ``beside`` has the definitions that stand beside it, the nearest first; ``elsewhere`` the types that others bring,
    as ``component/helm`` or ``trait/*``: nothing is said where one of them is not here.

    Raises:
        InputError: a definition's file cannot be read.
    """
    result = Resolved(list(_uses(document)))
    optional = _optional(document)
    for use in result.uses:
        found = catalog.find(use.kind, use.name, beside, optional)
        if found is None and {f"{use.kind}/{use.name}", f"{use.kind}/*"} & elsewhere:
            continue
        if found is None:
            result.findings.append(_unknown(document, use, catalog, beside))
            continue
        if use.version and not _fits(use.version, found.version):
            has = f"has version {found.version}" if found.version else "has no version"
            message = f"{use.name} {has} in {found.source}; {use.version} is asked for"
            result.findings.append(document.finding(use.route, "version", message))
        elif use.version and found.version and use.version != f"v{found.version}" and not _follows(document):
            what = "is a range of versions, which KubeVela takes with the annotation"
            message = f"{use.version} {what} {AUTO_UPDATE} alone"
            hint = f'write {use.name}@v{found.version}, or set {AUTO_UPDATE}: "true"'
            result.findings.append(document.finding(use.route, "version", message, hint))
        result.definitions[use.kind, use.name] = found
    return result


def deprecated(document: Document, resolved: Resolved) -> Iterator[Finding]:
    """Yield a warning for each use of what KubeVela still installs and no longer wants to be used."""
    for use in resolved.uses:
        found = resolved.of(use)
        if found is not None and found.deprecated:
            message = f"KubeVela calls the {use.kind} {use.name} deprecated"
            finding = document.finding(use.route, "deprecated-type", message, _INSTEAD.get((use.kind, use.name), ""))
            yield replace(finding, severity=Severity.WARNING)


# What vela-templates/definitions has in place of those in its folder deprecated.
_INSTEAD = {
    ("component", "raw"): "k8s-objects takes any object",
    ("trait", "ingress"): "gateway takes its place",
    ("trait", "ingress-1-20"): "gateway takes its place",
    ("trait", "pure-ingress"): "gateway takes its place",
    ("trait", "node-affinity"): "affinity takes its place",
    ("trait", "configmap"): "storage takes its place",
    ("trait", "pvc"): "storage takes its place",
    ("trait", "volumes"): "storage takes its place",
    ("policy", "env-binding"): "topology and override take its place",
    ("policy", "envbinding"): "topology and override take its place",
    ("workflow-step", "apply-application"): "deploy takes its place",
    ("workflow-step", "apply-application-in-parallel"): "deploy takes its place",
    ("workflow-step", "apply-remaining"): "deploy takes its place",
    ("workflow-step", "deploy2env"): "deploy takes its place",
    ("workflow-step", "deploy2runtime"): "deploy takes its place",
}


def _optional(document: Document) -> frozenset[str]:
    text = document.data["metadata"].get("annotations", {}).get(OPTIONAL, "")
    return frozenset(item for item in re.split(r"[\s,]+", text) if item)


def _uses(document: Document) -> Iterator[Use]:
    """Yield every definition that an Application, a Policy or a Workflow names; a type that is missing is none."""
    if document.kind == "Application":
        return in_spec(document.data["spec"])
    found = _in_policy((), document.data) if document.kind == "Policy" else _in_steps((), document.data)
    return (use for use in found if use.name)


def in_spec(spec: Mapping[str, Any]) -> Iterator[Use]:
    """Yield every definition that an Application's ``spec`` names, in the form that the API server takes."""
    return (use for use in _all_uses(spec) if use.name)


def _all_uses(spec: Mapping[str, Any]) -> Iterator[Use]:
    for index, component in enumerate(spec["components"]):
        yield _use(("spec", "components", index, "type"), "component", component["type"])
        for number, trait in enumerate(component.get("traits") or []):
            yield _use(("spec", "components", index, "traits", number, "type"), "trait", trait["type"])
    for index, policy in enumerate(spec.get("policies") or []):
        yield from _in_policy(("spec", "policies", index), policy)
    yield from _in_steps(("spec", "workflow"), spec.get("workflow") or {})


def _in_policy(route: Route, policy: Mapping[str, Any]) -> Iterator[Use]:
    yield _use((*route, "type"), "policy", policy["type"])
    if policy["type"] == "override":
        yield from _overridden((*route, "properties", "components"), policy.get("properties"))


def _in_steps(outer: Route, workflow: Mapping[str, Any]) -> Iterator[Use]:
    for index, step in enumerate(workflow.get("steps") or []):
        route = (*outer, "steps", index)
        yield _use((*route, "type"), "workflow-step", step["type"])
        for number, inner in enumerate(step.get("subSteps") or []):
            if isinstance(inner, dict) and isinstance(inner.get("type"), str):
                yield _use((*route, "subSteps", number, "type"), "workflow-step", inner["type"])


def _overridden(route: Route, properties: object) -> Iterator[Use]:
    """Yield what an override policy adds: a component's type, and traits that the component does not have itself."""
    components = properties.get("components") if isinstance(properties, dict) else None
    for index, component in enumerate(components if isinstance(components, list) else []):
        if not isinstance(component, dict):
            continue
        if isinstance(component.get("type"), str):
            yield _use((*route, index, "type"), "component", component["type"])
        traits = component.get("traits")
        for number, trait in enumerate(traits if isinstance(traits, list) else []):
            if isinstance(trait, dict) and isinstance(trait.get("type"), str):
                yield _use((*route, index, "traits", number, "type"), "trait", trait["type"])


def _use(route: Route, kind: str, text: str) -> Use:
    name, _, version = text.partition("@")
    return Use(route, kind, name, version)


def _follows(document: Document) -> bool:
    return bool(document.data["metadata"].get("annotations", {}).get(AUTO_UPDATE) == "true")


def _fits(asked: str, present: str) -> bool:
    """Tell whether a definition's version is the one asked for: ``v1.2.3``, or the range ``v1.2`` or ``v1``.

    One that has no version of its own has revisions, ``v1`` and on, which only a cluster knows.
    """
    if not present:
        return re.fullmatch(r"v\d+", asked) is not None
    match = re.fullmatch(r"v(\d+(?:\.\d+){0,2})", asked)
    return match is not None and f"{present}.".startswith(f"{match[1]}.")


def _unknown(document: Document, use: Use, catalog: Catalog, beside: Sequence[Found]) -> Finding:
    names = sorted({*catalog.names(use.kind), *(item.name for item in beside if item.type == use.kind)})
    others = [kind for kind in KINDS.values() if kind != use.kind and catalog.find(kind, use.name) is not None]
    edit = None
    builtins = catalog.builtins
    if builtins is not None and (version := builtins.elsewhere(use.kind, use.name)):
        hint = f"KubeVela {version} has it, and {builtins.version} has not"
    elif others:
        hint = f"{use.name} is a {others[0]}"
    elif meant := _meant(use.name, names):
        edit = value_edit(document, use.route, f"{meant}@{use.version}" if use.version else meant)
        hint = f"did you mean {meant}?" if edit is not None else f"did you mean {meant}? Else {_elsewhere(use)}"
    else:
        hint = f"known: {', '.join(names)}" if len(names) < 12 else _elsewhere(use)
    message = f"there is no {use.kind} definition {use.name}"
    return document.finding(use.route, "unknown-type", message, hint, edit=edit)


def _elsewhere(use: Use) -> str:
    """Return what to do about a definition that is not here: most come from an addon, or from another folder."""
    return f"name its folder with --definitions, or --external {use.kind}/{use.name} where the cluster alone has it"


def _meant(word: str, names: Sequence[str]) -> str:
    """Return the name that was meant: among so many, the only one that is a slip away, or one that is very near.

    ``myworker`` is somebody's own, called after ``worker``.
    """
    names = [name for name in names if not is_called_after(word, name)]
    slips = [name for name in names if is_slip(word, name)]
    return slips[0] if len(slips) == 1 else nearest(word, slips or names, cutoff=0.8)
