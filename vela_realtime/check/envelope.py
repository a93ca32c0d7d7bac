"""What stands around an Application's properties, held against the schema that the API server has of it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from vela_realtime.documents.loader import load
from vela_realtime.kubevela.builtins import Builtins
from vela_realtime.schema import validation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.schema.openapi import Schema
    from vela_realtime.schema.validation import Fault

_TEXT: Schema = {"type": "string"}
_NAMES: Schema = {"type": "object", "additionalProperties": _TEXT}
_METADATA: Schema = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": _TEXT,
        "namespace": _TEXT,
        "labels": _NAMES,
        "annotations": _NAMES,
        "generateName": _TEXT,
        "finalizers": {"type": "array", "items": _TEXT},
        "ownerReferences": {"type": "array"},
        "uid": _TEXT,
        "resourceVersion": _TEXT,
        "generation": {"type": "integer"},
        "creationTimestamp": _TEXT,
        "managedFields": {"type": "array"},
        "selfLink": _TEXT,
        "deletionTimestamp": _TEXT,
        "deletionGracePeriodSeconds": {"type": "integer"},
    },
}
"""What every object of Kubernetes has; a resource's own schema says nothing of it."""


@lru_cache(maxsize=8)
def schema_of(kind: str, version: str = "") -> Schema:
    """Return the schema of an ``Application``, a ``Policy`` or a ``Workflow`` as JSON Schema."""
    schema = _closed(Builtins(version).resource(kind))
    fixed = {"metadata": _METADATA, "status": {}}
    return {**schema, "properties": {**schema["properties"], **fixed}, "required": ["metadata", *_required(schema)]}


def _required(schema: Schema) -> list[str]:
    return [*schema.get("required", ()), *(("spec",) if "spec" in schema["properties"] else ())]


def _closed(schema: Schema) -> Schema:
    """Return Kubernetes' form of a schema as JSON Schema: a name that is not in it goes nowhere."""
    free = schema.get("x-kubernetes-preserve-unknown-fields", False)
    result = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    if "properties" in schema:
        result["properties"] = {name: _closed(inner) for name, inner in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            result[key] = _closed(schema[key])
    if schema.get("type") == "object":
        result.setdefault("additionalProperties", bool(free or "properties" not in schema))
    return result


def faults(schema: Schema, data: dict[str, Any]) -> Iterator[Fault]:
    """Yield what is of another type than the schema says, and what is missing; names that it does not have are not.

    What is null counts as not there, as it does for an API server.
    """
    for fault in validation.check(schema, without_null(data)):
        if fault.sort in {"missing", "type", "value"}:
            yield fault


def without_null(value: Any) -> Any:
    """Return a value without what is null in its objects: an API server drops it before it looks at the rest."""
    if isinstance(value, dict):
        return {key: without_null(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_null(item) for item in value]
    return value


def unknown(schema: Schema, value: Any, route: Route = ()) -> Iterator[tuple[Route, str, list[str]]]:
    """Yield every name that the schema does not have: the way to its object, the name, and those that there are."""
    if isinstance(value, dict) and "properties" in schema:
        for key, inner in value.items():
            if key in schema["properties"]:
                yield from unknown(schema["properties"][key], inner, (*route, key))
            elif schema.get("additionalProperties") is False:
                yield route, str(key), list(schema["properties"])
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            yield from unknown(schema["items"], item, (*route, index))


def conformed(document: Document, schema: Schema) -> Document:
    """Return a document of which everything that the schema names has the type that it says there.

    Places stay as they are: an item of a list that is of another type is empty, and what is required and missing is
    an empty text. A part whose properties are no object has no type either, so that nothing is said of them.
    """
    data = document.data
    return replace(document, data=_conformed(schema, data))


def is_companion(document: Document) -> bool:
    """Tell whether a document is a Policy or a Workflow of KubeVela: Argo and Kyverno have kinds of these names."""
    version = str(document.data.get("apiVersion", ""))
    return document.kind in {"Policy", "Workflow"} and version.startswith("core.oam.dev/")


def companions(documents: Sequence[Document]) -> list[Document]:
    """Return the Policies and Workflows among documents, each conformed to its schema; without a type it is none."""
    found = [conformed(item, schema_of(item.kind)) for item in documents if is_companion(item)]
    return [item for item in found if item.kind == "Workflow" or item.data["type"]]


def _conformed(schema: Schema, value: Any) -> Any:
    kind = schema.get("type")
    if kind == "string":
        return value if isinstance(value, str) else ""
    if kind == "array":
        items = schema.get("items", {})
        return [_conformed(items, item) for item in value] if isinstance(value, list) else []
    if kind != "object":
        return value
    known = schema.get("properties")
    others = schema.get("additionalProperties")
    given = value if isinstance(value, dict) else {}
    if known is None:
        if isinstance(others, dict):
            kept = (key for key, inner in given.items() if isinstance(key, str) and validation.fits(others, inner))
            return {key: given[key] for key in kept}
        return given
    result = {key: inner for key, inner in given.items() if key not in known}
    required = schema.get("required", ())
    for key, inner in known.items():
        if given.get(key) is not None and validation.has_type(inner, given[key]):
            result[key] = _conformed(inner, given[key])
        elif key in required:
            result[key] = _conformed(inner, None)
    if "type" in result and "properties" in known and not isinstance(given.get("properties", {}), (dict, type(None))):
        result["type"] = ""
    return result


def hint(fault: Fault, value: Any) -> str:
    """Return what would mend a value of the wrong type, as far as the envelope knows more than its type."""
    name = str(fault.route[-1]) if fault.route else ""
    if name == "timeout" and isinstance(value, int) and not isinstance(value, bool):
        return f"write a duration: {value}s"
    if name == "mode" and isinstance(value, str):
        return f"write an object: {{steps: {value}}}"
    if isinstance(value, dict) and "must be a list" in fault.message:
        return "each item of a list starts with a dash"
    if isinstance(value, list) and fault.route == ("spec", "workflow"):
        return "its steps are a list: write steps: above them, and indent them more"
    if isinstance(value, str) and "must be an object" in fault.message and _is_object(value):
        return "it is a text of several lines: take the | or > behind the key away"
    return str(fault.hint)


def _is_object(text: str) -> bool:
    """Tell whether a text would be an object if it were not a text."""
    if "\n" not in text:
        return False
    try:
        return isinstance(load(text), dict)
    except (yaml.YAMLError, ValueError, RecursionError):
        return False
