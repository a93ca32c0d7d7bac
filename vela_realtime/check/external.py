"""What is declared to be elsewhere, as ``kind/name``: by an annotation of the Application, or by an option."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vela_realtime.findings.suggest import nearest

if TYPE_CHECKING:
    from vela_realtime.documents.application import Document

ANNOTATION = "vela-realtime.dev/external"
"""The annotation that lists what an Application uses and others bring: ``platform/name, secret/name, topic/name``."""

KINDS = (
    "platform",
    "topic",
    "secret",
    "configmap",
    "service",
    "serviceaccount",
    "role",
    "persistentvolumeclaim",
    "deployment",
    "statefulset",
    "component",
    "trait",
    "policy",
    "workflow-step",
)
"""What can be elsewhere: what properties refer to, the kinds of objects that objects refer to, and definitions."""


def split(text: str) -> list[str]:
    """Return the items of a list with commas or blanks between them."""
    return [item for item in re.split(r"[\s,]+", text) if item]


def declared(document: Document) -> frozenset[str]:
    """Return what an Application says that others bring; it has the form that the API server wants."""
    return frozenset(split(document.data["metadata"].get("annotations", {}).get(ANNOTATION, "")))


def fault(item: str) -> tuple[str, str] | None:
    """Return what is wrong with an item and what would mend it; None where nothing is."""
    kind, slash, name = item.partition("/")
    known = f"kinds are {', '.join(KINDS)}"
    if kind in KINDS:
        return None if name else (f"{item} has no name", f"write {kind}/NAME, or {kind}/* for all")
    if not slash or not kind:
        return f"{item} has no kind", f"write KIND/{name or item}; {known}"
    meant = nearest(kind, KINDS)
    return f"there is no kind {kind}", f"did you mean {meant}/{name or 'NAME'}?" if meant else known
