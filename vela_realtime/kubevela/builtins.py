"""The definitions that KubeVela's chart installs, and the schemas of its resources: what ``builtins.json`` has.

The file is written by ``scripts/kubevela-builtins`` from the pinned versions of KubeVela. It has facts about
parameters (names, types, what is required, defaults, choices), and none of KubeVela's texts. Every entry stands in it
with its history: the version that a form holds from, and the form, ``null`` where there is no such thing any more.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from vela_realtime.errors import ToolError

Schema: TypeAlias = "dict[str, Any]"
"""A JSON Schema, as OpenAPI 3.0 has it."""

NATIVE: dict[tuple[str, str], dict[str, Any]] = {
    # pkg/appfile/parser.go, parsePolicies: types of policies that need no definition.
    ("policy", "debug"): {"schema": {"type": "object"}},
    ("policy", "env-binding"): {"schema": {"type": "object"}, "deprecated": True},
    # pkg/workflow/template/load.go: this template is part of the controller.
    ("workflow-step", "builtin-apply-component"): {"schema": {"type": "object"}},
}
"""What the controller knows by itself, in every version, in the form of the file's entries."""


STRICT = {("policy", "override"), ("policy", "replication"), ("policy", "topology"), ("workflow-step", "deploy")}
"""What is read by Go's StrictUnmarshal (pkg/policy, pkg/workflow), which refuses names that it does not know."""


_TEXT: Schema = {"type": "string"}
_OBJECT: Schema = {
    "type": "object",
    "properties": {"apiVersion": _TEXT, "kind": _TEXT},
    "required": ["apiVersion", "kind"],
    "additionalProperties": True,
}
READ: dict[tuple[str, str], tuple[tuple[tuple[str, ...], Schema], ...]] = {
    # What these render is what is written: an object without a kind is none.
    ("component", "k8s-objects"): (
        ((), {"required": ["objects"]}),
        (("objects",), {"type": "array", "items": _OBJECT}),
    ),
    ("component", "raw"): (((), _OBJECT),),
    # apis/core.oam.dev/v1alpha1 of KubeVela, whose Go types the controller reads policies by.
    ("policy", "apply-once"): (
        (("rules", "strategy", "affect"), {"type": "string", "enum": ["onUpdate", "onStateKeep", "always"]}),
    ),
    ("policy", "garbage-collect"): ((("order",), {"type": "string", "enum": ["dependency"]}),),
    ("policy", "override"): ((("components", "externalRevision"), _TEXT),),
}
"""What is asked for beyond what a definition says: by the way to it, without lists' places."""


@dataclass(frozen=True)
class Builtin:
    """A definition of KubeVela's own. ``schema`` is None where its parameters cannot be told."""

    kind: str
    name: str
    schema: Schema | None
    deprecated: bool


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((Path(__file__).parent / "builtins.json").read_bytes())
    return data


def versions() -> list[str]:
    """Return the versions of KubeVela that are known, the oldest first."""
    return list(_data()["versions"])


def version(text: str = "") -> str:
    """Return the known version that a text names: all of it (``v1.10.8``) or its line (``1.10``); the newest if empty.

    Raises:
        ToolError: there is none.
    """
    plain = text.removeprefix("v")
    line = re.match(r"\d+\.\d+", plain)
    for known in reversed(versions()):
        if not plain or known == plain or (line and known.startswith(f"{line[0]}.")):
            return known
    raise ToolError(f"KubeVela {text} is not a version that this tool knows", f"known: {', '.join(versions())}")


def _closed(schema: Schema) -> Schema:
    """Return a schema whose objects have no other properties than those that it names."""
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {key: _closed(value) for key, value in schema["properties"].items()}
        result.setdefault("additionalProperties", False)
    if isinstance(schema.get("items"), dict):
        result["items"] = _closed(schema["items"])
    return result


def _with(schema: Schema, route: tuple[str, ...], inner: Schema) -> Schema:
    """Return a schema with one property more, or another one; with no way, with more said of it itself."""
    if not route:
        return {**schema, **inner}
    if "items" in schema:
        return {**schema, "items": _with(schema["items"], route, inner)}
    properties = schema["properties"]
    value = inner if len(route) == 1 else _with(properties[route[0]], route[1:], inner)
    return {**schema, "properties": {**properties, route[0]: value}}


class Builtins:
    """KubeVela's own definitions of one version, made when they are asked for."""

    def __init__(self, kubevela: str = "") -> None:
        self.version = version(kubevela)
        self._index = versions().index(self.version)

    def find(self, kind: str, name: str) -> Builtin | None:
        """Return a definition by ``component``, ``trait``, ``policy`` or ``workflow-step`` and name."""
        form = NATIVE.get((kind, name)) or self._at(_data()["definitions"].get(f"{kind}/{name}", ()))
        if form is None:
            return None
        schema: Schema | None = form.get("schema")
        if schema is not None:
            for route, inner in READ.get((kind, name), ()):
                schema = _with(schema, route, inner)
            schema = _closed(schema) if (kind, name) in STRICT else schema
        return Builtin(kind, name, schema, form.get("deprecated", False))

    def names(self, kind: str, *, deprecated: bool = False) -> list[str]:
        """Return the names of all definitions of a type, sorted; the deprecated ones only where they are asked for."""
        keys = [*NATIVE, *(tuple(key.split("/")) for key in _data()["definitions"])]
        found = [item for known, name in keys if known == kind and (item := self.find(known, name)) is not None]
        return sorted(item.name for item in found if deprecated or not item.deprecated)

    def elsewhere(self, kind: str, name: str) -> str:
        """Return another version of KubeVela that has a definition, the newest, empty where none has it."""
        others = (other for other in reversed(versions()) if other != self.version)
        return next((other for other in others if Builtins(other).find(kind, name) is not None), "")

    def resource(self, kind: str) -> Schema:
        """Return the schema that the API server holds an ``Application``, a ``Policy`` or a ``Workflow`` against."""
        schema: Schema = self._at(_data()["resources"][kind])
        return schema

    def _at(self, history: Any) -> Any:
        value = None
        for since, form in history:
            if versions().index(since) <= self._index:
                value = form
        return value
