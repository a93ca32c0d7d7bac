"""Looking into Kubernetes objects, whatever their form."""

from __future__ import annotations

from typing import Any

POD_NAME = "statefulset.kubernetes.io/pod-name"
"""Label that Kubernetes gives each pod of a StatefulSet: a Service in front of one pod selects by it."""


def metadata(item: dict[str, Any]) -> dict[str, Any]:
    """Return an object's metadata, an empty one where there is none."""
    return table(item, "metadata")


def table(value: Any, *path: str) -> dict[str, Any]:
    """Return the object at a path, an empty one where there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def dicts(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """Return the texts of a list, none where it is no list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Tell whether a label selector, with ``matchLabels`` and ``matchExpressions``, takes some labels.

    Which pod of a StatefulSet it is, ``POD_NAME``, is not looked at.
    """
    wanted = table(selector, "matchLabels")
    if any(labels.get(key) != value for key, value in wanted.items() if key != POD_NAME):
        return False
    for item in dicts(selector.get("matchExpressions")):
        key, values = str(item.get("key")), texts(item.get("values"))
        match item.get("operator"):
            case "In" if labels.get(key) not in values:
                return False
            case "NotIn" if labels.get(key) in values:
                return False
            case "Exists" if key not in labels:
                return False
            case "DoesNotExist" if key in labels:
                return False
    return True
