"""The JSON Schema of a whole Application: what stands in ``properties`` depends on ``type``."""

from __future__ import annotations

import json
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

    Other definitions are allowed, with any properties. What an editor shows while somebody types is in it too: what
    each type is, defaults in the descriptions, and words to choose from where others are allowed.
    """
    names = {
        "components": "component",
        "traits": "trait",
        "policies": "policy",
        "steps": "workflow-step",
    }
    definitions: dict[str, Any] = {
        f"{kind}.{name}": for_editors(_suggested(kind, name, schema))
        for (kind, name), schema in sorted(schemas.items())
    }
    definitions |= {part: _item(part, kind, schemas) for part, kind in names.items()}
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
                "description": "Name, namespace, labels and annotations, as of every Kubernetes object.",
                "required": ["name"],
                "properties": {
                    "name": _about("Name of the Application. It becomes a label of all objects.", _TEXT),
                    "namespace": _about("Namespace of the Application and its objects. Default: default", _TEXT),
                    "labels": _NAMES,
                    "annotations": _NAMES,
                },
            },
            "spec": {
                "type": "object",
                "description": "What the Application consists of, and how it is deployed.",
                "required": ["components"],
                "additionalProperties": False,
                "properties": {
                    "components": _list("components", "What runs: each becomes objects of Kubernetes."),
                    "policies": _list("policies", "Where and how components are deployed."),
                    "workflow": {
                        "type": "object",
                        "description": "The steps of a deployment. Default: all components, by what depends on what",
                        "additionalProperties": False,
                        "properties": {
                            "ref": _about("Name of a Workflow in the same namespace, in place of steps.", _TEXT),
                            "mode": {
                                "type": "object",
                                "description": "Whether steps run one after another or at once.",
                                "additionalProperties": False,
                                "properties": {
                                    "steps": {"enum": _MODES, "description": "Of steps. Default: StepByStep"},
                                    "subSteps": {
                                        "enum": _MODES,
                                        "description": "Of those in a group. Default: DAG",
                                    },
                                },
                            },
                            "steps": _list("steps", "The steps of a deployment, in their order."),
                        },
                    },
                },
            },
        },
        "definitions": definitions,
    }


_MODES = ["StepByStep", "DAG"]

SUGGESTED: dict[tuple[str, str], dict[tuple[str, ...], tuple[str, ...]]] = {
    ("component", "analytics-dashboard"): {
        ("dashboards", "template"): ("standard-overview", "streaming-metrics", "iot-sensors", "temperature-alerts"),
    },
}
"""Words that an editor offers though others are allowed: the library's dashboards, beside ``configMap/NAME``."""


def _suggested(kind: str, name: str, schema: Schema) -> Schema:
    for path, words in SUGGESTED.get((kind, name), {}).items():
        schema = _offer(schema, path, words)
    return schema


def _offer(schema: Schema, path: tuple[str, ...], words: tuple[str, ...]) -> Schema:
    if not path:
        about: Schema = {key: schema[key] for key in ("description", "default") if key in schema}
        rest = {key: value for key, value in schema.items() if key not in about}
        return {**about, "anyOf": [{"enum": list(words)}, rest]}
    if schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        return {**schema, "items": _offer(schema["items"], path, words)}
    inner = schema.get("properties", {})
    if path[0] not in inner:
        return schema
    return {**schema, "properties": {**inner, path[0]: _offer(inner[path[0]], path[1:], words)}}


def for_editors(schema: Schema) -> Schema:
    """Return a schema with what an editor needs: defaults where the mouse shows them, and no 0 where none fits.

    The YAML language server shows descriptions and no defaults, and writes a 0 where a number is wanted and none is
    known.
    """
    result = dict(schema)
    if "default" in schema and not isinstance(schema["default"], (dict, list)):
        text, said = schema.get("description", ""), json.dumps(schema["default"], ensure_ascii=False)
        if "Default" not in text:
            result["description"] = f"{text} Default: {said}".strip()
    elif schema.get("type") in ["integer", "number"] and not _fits_zero(schema):
        result["defaultSnippets"] = [{"label": "a number", "body": "$1"}]
    for key in ("properties", "patternProperties"):
        if key in schema:
            result[key] = {name: for_editors(inner) for name, inner in schema[key].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            result[key] = for_editors(schema[key])
    for key in ("anyOf", "allOf"):
        if key in schema:
            result[key] = [for_editors(inner) for inner in schema[key]]
    return result


def _fits_zero(schema: Schema) -> bool:
    from vela_realtime.schema.validation import fits

    return "enum" not in schema and fits(schema, 0)


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _about(words: str, schema: Schema) -> Schema:
    return {"description": words, **schema}


def _list(part: str, words: str) -> Schema:
    return {"type": "array", "description": words, "items": _ref(part)}


_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
_DEPENDS = "Names of those that have to be healthy, or done, before."
_INPUTS = "Values that others put out, each as {from, parameterKey}."
_OUTPUTS = "Values for others, each as {name, valueFrom}."

FIELDS: dict[str, dict[str, Any]] = {
    "components": {
        "name": _about("Name of the component: small letters, digits and dashes.", _TEXT),
        "type": _about("Definition of the component.", _TEXT),
        "properties": {"type": "object", "description": "Parameters of the type."},
        "traits": {**_list("traits", "What is added to the component, or changed in it.")},
        "dependsOn": _about(_DEPENDS, _TEXTS),
        "inputs": _about(_INPUTS, _OBJECTS),
        "outputs": _about(_OUTPUTS, _OBJECTS),
        "externalRevision": _about("Name that the component's revision gets.", _TEXT),
        "replicaKey": _TEXT,
        "scopes": _NAMES,
    },
    "traits": {
        "type": _about("Definition of the trait.", _TEXT),
        "properties": {"type": "object", "description": "Parameters of the type."},
    },
    "policies": {
        "name": _about("Name of the policy, by which steps refer to it.", _TEXT),
        "type": _about("Definition of the policy.", _TEXT),
        "properties": {"type": "object", "description": "Parameters of the type."},
    },
    "steps": {
        "name": _about("Name of the step.", _TEXT),
        "type": _about("Definition of the step.", _TEXT),
        "properties": {"type": "object", "description": "Parameters of the type."},
        "meta": {"type": "object"},
        "if": _about('When the step runs: always, or a condition such as status.one.phase == "failed".', _TEXT),
        "timeout": _about("How long the step may take: 30s, 5m, 1h30m.", _TEXT),
        "dependsOn": _about(_DEPENDS, _TEXTS),
        "inputs": _about(_INPUTS, _OBJECTS),
        "outputs": _about(_OUTPUTS, _OBJECTS),
        "mode": {"enum": _MODES, "description": "Whether the steps in a group run one after another. Default: DAG"},
        "subSteps": _about("The steps of a step-group.", _OBJECTS),
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
        choice: Schema = {"enum": names}
        if any(words := [schemas[kind, name].get("description", "") for name in names]):
            choice["enumDescriptions"] = words
        properties["type"] = {"description": properties["type"]["description"], "anyOf": [choice, _TEXT]}
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
