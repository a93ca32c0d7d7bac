"""Policies and Workflows that Applications refer to, held to what an Application's own are held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check import envelope, form, properties
from vela_realtime.kubevela import uses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from vela_realtime.documents.application import Document
    from vela_realtime.findings import Finding
    from vela_realtime.kubevela.catalog import Catalog, Found
    from vela_realtime.schema.store import Store


def referred(applications: Sequence[Document], companions: Sequence[Document]) -> list[tuple[Document, list[Document]]]:
    """Return what Applications refer to by name, each with those that do; the rest may be for something else."""
    found: list[tuple[Document, list[Document]]] = []
    workflows = [item for item in companions if item.kind == "Workflow"]
    by = {item.name: [one for one in applications if _workflow(one) == item.name] for item in workflows}
    found += [(item, by[item.name]) for item in workflows if by[item.name]]
    for policy in (item for item in companions if item.kind == "Policy"):
        using = [
            one
            for one in applications
            if policy.name in {name for item in (one, *_workflows_of(one, workflows)) for name in form.deployed(item)}
        ]
        found += [(policy, using)] if using else []
    return found


def _workflow(application: Document) -> str:
    return str((application.data["spec"].get("workflow") or {}).get("ref") or "")


def _workflows_of(application: Document, workflows: Sequence[Document]) -> list[Document]:
    return [item for item in workflows if item.name == _workflow(application)]


def check(
    document: Document,
    by: Sequence[Document],
    policies: AbstractSet[str],
    known: tuple[Catalog, Sequence[Found], AbstractSet[str]],
    schemas: Store,
) -> Iterator[Finding]:
    """Yield what is wrong with a Policy or a Workflow that the Applications ``by`` refer to.

    ``policies`` are the names of the Policies beside them; ``known`` has what ``uses.resolve`` looks at.

    Raises:
        InputError: a definition's file cannot be read.
    """
    yield from form.check(document)
    document = envelope.conformed(document, envelope.schema_of(document.kind))
    resolved = uses.resolve(document, *known)
    yield from resolved.findings
    yield from uses.deprecated(document, resolved)
    yield from properties.check(document, resolved.uses, resolved.definitions, schemas)
    if document.kind == "Workflow":
        specs = [item.data["spec"] for item in by]
        components = {item["name"] for spec in specs for item in spec["components"]}
        own = {item.get("name", "") for spec in specs for item in spec.get("policies") or []}
        yield from form.step_names(document, components, own | policies)
