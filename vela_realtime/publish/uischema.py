"""Forms for VelaUX: how its pages show a definition's parameters, from the JSON Schema that is built with it.

The fields are those of KubeVela's own ``pkg/utils/schema/ui_schema.go``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Schema = dict[str, Any]

_STEP = 10
"""Between two entries, so that a person can put one in."""


def of_schema(schema: Schema) -> list[dict[str, Any]]:
    """Return the form of a definition's parameters: what has to be given comes first."""
    required = set(schema.get("required", ()))
    properties: Mapping[str, Schema] = schema.get("properties", {})
    names = sorted(properties, key=lambda name: name not in required)
    return [
        _entry(name, properties[name], required=name in required, sort=_STEP * number)
        for number, name in enumerate(names, start=1)
    ]


def _entry(name: str, schema: Schema, *, required: bool, sort: int) -> dict[str, Any]:
    kind = _kind(schema)
    entry: dict[str, Any] = {
        "sort": sort,
        "label": _label(name),
        "description": schema.get("description", ""),
        "jsonKey": name,
        "uiType": kind,
        "validate": _validate(schema, required=required),
    }
    inner = schema.get("items") if kind == "Structs" else schema
    if kind in {"Group", "Structs"} and isinstance(inner, dict):
        entry["subParameters"] = of_schema(inner)
    return entry


def _kind(schema: Schema) -> str:
    if "enum" in schema:
        return "Select"
    match schema.get("type"):
        case "boolean":
            return "Switch"
        case "integer" | "number":
            return "Number"
        case "string":
            return "Input"
        case "array":
            items = schema.get("items") or {}
            if items.get("type") == "string":
                return "Strings"
            if items.get("type") in {"integer", "number"}:
                return "Numbers"
            return "Structs" if items.get("properties") else "Ignore"
        case "object":
            if schema.get("properties"):
                return "Group"
            values = schema.get("additionalProperties")
            return "KV" if isinstance(values, dict) and values.get("type") == "string" else "Ignore"
    # What takes several forms has no field of its own: its author writes YAML.
    return "Ignore"


def _validate(schema: Schema, *, required: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"immutable": bool(schema.get("immutable"))}
    if required:
        found["required"] = True
    for theirs, ours in (
        ("min", "minimum"),
        ("max", "maximum"),
        ("minLength", "minLength"),
        ("maxLength", "maxLength"),
    ):
        if ours in schema:
            found[theirs] = schema[ours]
    if "pattern" in schema:
        found["pattern"] = schema["pattern"]
    if "default" in schema:
        found["defaultValue"] = schema["default"]
    if "enum" in schema:
        found["options"] = [{"label": str(value), "value": value} for value in schema["enum"]]
    return found


def _label(name: str) -> str:
    """Return a name as words: ``mqttConfig`` is Mqtt config."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("-", " ").replace("_", " ").split()
    lower = [word if word.isupper() else word.lower() for word in words]
    return " ".join(lower)[:1].upper() + " ".join(lower)[1:]
