"""Rules for what the fixtures render to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LABELS = (
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
)
"""The recommended labels that every object carries."""


def check(objects: Mapping[str, Any], *, takes_place: bool = False) -> Iterator[str]:
    """Yield what is wrong with the objects of one case, keyed as in ``cases.PackageResult``.

    ``takes_place`` is for a definition that takes the place of one of KubeVela's own: its objects are that one's.
    """
    for key, value in objects.items():
        if key in {"patch", "patchOutputs"}:
            continue
        if not isinstance(value, dict) or not value.get("apiVersion") or not value.get("kind"):
            yield f"{key} is no Kubernetes object: it has no apiVersion or no kind"
            continue
        if takes_place:
            continue
        metadata = value.get("metadata") or {}
        if not metadata.get("name"):
            yield f"{key}: {value['kind']} has no name"
        missing = [label for label in LABELS if not (metadata.get("labels") or {}).get(label)]
        if missing:
            yield f"{key}: {value['kind']} {metadata.get('name', '')} has no label {', '.join(missing)}"
