"""The definitions that an Application names, and which of them there are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.findings import Finding
    from vela_realtime.kubevela.catalog import Catalog, Found

# Workflow steps that vela has built in: they may have a definition, and do without.
_STEPS_WITHOUT_DEFINITION = {"apply-component", "builtin-apply-component", "deploy", "step-group", "suspend"}


@dataclass(frozen=True)
class Use:
    """A definition's name as an Application has it: where, of which type, and the version asked for."""

    route: Route
    kind: str
    name: str
    version: str


def resolve(document: Document, catalog: Catalog) -> tuple[list[Use], dict[tuple[str, str], Found], list[Finding]]:
    """Return every definition that an Application names, those that there are, and what is wrong with the names.

    Raises:
        InputError: a definition's file cannot be read.
    """
    uses = list(_uses(document))
    definitions: dict[tuple[str, str], Found] = {}
    findings: list[Finding] = []
    for use in uses:
        found = catalog.find(use.kind, use.name)
        if found is None:
            if not (use.kind == "workflow-step" and use.name in _STEPS_WITHOUT_DEFINITION):
                findings.append(_unknown(document, use, catalog))
            continue
        if use.version and not _fits(use.version, found.version):
            has = f"has version {found.version}" if found.version else "has no version"
            message = f"{use.name} {has} in {found.source}; {use.version} is asked for"
            findings.append(document.finding(use.route, "version", message))
        definitions[use.kind, use.name] = found
    return uses, definitions, findings


def _uses(document: Document) -> Iterator[Use]:
    """Yield every definition that an Application names; a type that is missing is none."""
    return (use for use in _all_uses(document) if use.name)


def _all_uses(document: Document) -> Iterator[Use]:
    spec = document.data["spec"]
    for index, component in enumerate(spec["components"]):
        yield _use(("spec", "components", index, "type"), "component", component["type"])
        for number, trait in enumerate(component.get("traits") or []):
            yield _use(("spec", "components", index, "traits", number, "type"), "trait", trait["type"])
    for index, policy in enumerate(spec.get("policies") or []):
        yield _use(("spec", "policies", index, "type"), "policy", policy["type"])
        if policy["type"] == "override":
            yield from _overridden(("spec", "policies", index, "properties", "components"), policy.get("properties"))
    for index, step in enumerate((spec.get("workflow") or {}).get("steps") or []):
        route: Route = ("spec", "workflow", "steps", index)
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


def _fits(asked: str, present: str) -> bool:
    """Tell whether a definition's version is the one asked for: ``v1.2.3``, or the range ``v1.2`` or ``v1``."""
    match = re.fullmatch(r"v(\d+(?:\.\d+){0,2})", asked)
    return match is not None and f"{present}.".startswith(f"{match[1]}.")


def _unknown(document: Document, use: Use, catalog: Catalog) -> Finding:
    names = catalog.names(use.kind)
    from difflib import get_close_matches

    close = get_close_matches(use.name, names, n=1)
    if close:
        hint = f"did you mean {close[0]}?"
    elif not catalog.has_builtins:
        hint = "KubeVela's own definitions are missing: run vela-realtime doctor --install"
    else:
        hint = f"known: {', '.join(names)}" if len(names) < 12 else "name the folder that has it with --definitions"
    return document.finding(use.route, "unknown-type", f"there is no {use.kind} definition {use.name}", hint)
