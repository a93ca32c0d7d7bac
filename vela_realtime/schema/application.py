"""The JSON Schema of a whole Application: what stands in ``properties`` depends on ``type``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vela_realtime.schema.openapi import Schema

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The newest dialect that every YAML editor speaks."""

_TEXT: Schema = {"type": "string", "minLength": 1}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_NAMES: Schema = {"type": "object", "additionalProperties": {"type": "string"}}


def of_application(schemas: Mapping[tuple[str, str], Schema]) -> Schema:
    """Return the schema of Applications that use definitions: parameters by type of definition and its name.

    Other definitions are allowed, with any properties.
    """
    names = {
        "components": "component",
        "traits": "trait",
        "policies": "policy",
        "steps": "workflow-step",
    }
    definitions: dict[str, Any] = {f"{kind}.{name}": schema for (kind, name), schema in sorted(schemas.items())}
    items = {part: _item(part, kind, schemas) for part, kind in names.items()}
    definitions |= items
    return {
        "$schema": DIALECT,
        "title": "KubeVela Application",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": "core.oam.dev/v1beta1"},
            "kind": {"const": "Application"},
            "metadata": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": _TEXT, "namespace": _TEXT, "labels": _NAMES, "annotations": _NAMES},
            },
            "spec": {
                "type": "object",
                "required": ["components"],
                "additionalProperties": False,
                "properties": {
                    "components": {"type": "array", "minItems": 1, "items": _ref("components")},
                    "policies": {"type": "array", "items": _ref("policies")},
                    "workflow": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "ref": _TEXT,
                            "mode": {
                                "type": "object",
                                "additionalProperties": False,
                                "properties": {key: {"enum": ["StepByStep", "DAG"]} for key in ("steps", "subSteps")},
                            },
                            "steps": {"type": "array", "items": _ref("steps")},
                        },
                    },
                },
            },
        },
        "definitions": definitions,
    }


FIELDS: dict[str, dict[str, Any]] = {
    "components": {
        "name": _TEXT,
        "type": _TEXT,
        "properties": {"type": "object"},
        "traits": {"type": "array", "items": {"$ref": "#/definitions/traits"}},
        "dependsOn": _TEXTS,
        "inputs": {"type": "array", "items": {"type": "object"}},
        "outputs": {"type": "array", "items": {"type": "object"}},
        "externalRevision": _TEXT,
        "replicaKey": _TEXT,
        "scopes": _NAMES,
    },
    "traits": {"type": _TEXT, "properties": {"type": "object"}},
    "policies": {"name": _TEXT, "type": _TEXT, "properties": {"type": "object"}},
    "steps": {
        "name": _TEXT,
        "type": _TEXT,
        "properties": {"type": "object"},
        "meta": {"type": "object"},
        "if": _TEXT,
        "timeout": _TEXT,
        "dependsOn": _TEXTS,
        "inputs": {"type": "array", "items": {"type": "object"}},
        "outputs": {"type": "array", "items": {"type": "object"}},
        "mode": {"enum": ["StepByStep", "DAG"]},
        "subSteps": {"type": "array", "items": {"type": "object"}},
    },
}
"""What KubeVela knows in each part of an Application: ``apis/core.oam.dev`` of its source, v1beta1 and common."""

REQUIRED = {
    "components": ["name", "type"],
    "traits": ["type"],
    "policies": ["name", "type"],
    "steps": ["type"],
}


def _item(part: str, kind: str, schemas: Mapping[tuple[str, str], Schema]) -> Schema:
    names = [name for known, name in sorted(schemas) if known == kind]
    properties = dict(FIELDS[part])
    if names:
        # The choice in an editor; any other type is allowed too.
        properties["type"] = {"anyOf": [{"enum": names}, _TEXT]}
    result: Schema = {
        "type": "object",
        "required": REQUIRED[part],
        "additionalProperties": False,
        "properties": properties,
    }
    if cases := [_case(kind, name, schemas[kind, name]) for name in names]:
        result["allOf"] = cases
    return result


def _case(kind: str, name: str, schema: Schema) -> Schema:
    # A type may ask for a version: realtime-platform@v1.0.0.
    pattern = rf"^{re.escape(name)}(@v[0-9]+([.][0-9]+){{0,2}})?$".replace("\\-", "-")
    then: Schema = {"properties": {"properties": _ref(f"{kind}.{name}")}}
    if schema.get("required"):
        then["required"] = ["properties"]
    return {"if": {"properties": {"type": {"pattern": pattern}}, "required": ["type"]}, "then": then}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}
