"""Files that a kustomization beside them takes for patches: parts of Applications, which are none by themselves."""

from __future__ import annotations

import os.path
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vela_realtime.documents.application import Document

RULE = "not-rendered"

_GROUP = "kustomize.config.k8s.io/"
_NAMES = ("kustomization.yaml", "kustomization.yml")


def patches(documents: Iterable[Document]) -> dict[str, str]:
    """Return the files that are patches, each with the kustomization that names it."""
    found: dict[str, str] = {}
    for document in documents:
        folder, name = os.path.split(document.file)
        version = str(document.data.get("apiVersion", ""))
        if name in _NAMES or (document.kind in {"Kustomization", "Component"} and version.startswith(_GROUP)):
            found |= {os.path.normpath(Path(folder, path)): document.file for path in _paths(document.data)}
    return found


def _paths(data: dict[str, Any]) -> Iterator[str]:
    """Yield the files that a kustomization patches with; a patch may also stand in it as a text of several lines."""
    for key in ("patches", "patchesJson6902", "patchesStrategicMerge"):
        items = data.get(key)
        for item in items if isinstance(items, list) else ():
            path = item.get("path") if isinstance(item, dict) else item
            if isinstance(path, str) and "\n" not in path:
                yield path


def note(file: str, kustomization: str) -> Finding:
    """Return what to say of a patch."""
    folder = Path(kustomization).parent
    message = f"not looked at: a patch of {kustomization}"
    hint = f"kubectl kustomize {folder} | vela-realtime check -"
    return Finding(file, 1, 1, RULE, message, Severity.NOTE, hint=hint)
