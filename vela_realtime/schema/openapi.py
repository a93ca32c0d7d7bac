"""What ``cue`` exports as OpenAPI, as plain JSON Schema: references followed, conjunctions merged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from vela_realtime import cue
from vela_realtime.schema.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Schema: TypeAlias = "dict[str, Any]"

_REF = "#/components/schemas/"
_MARKER = re.compile(r"^\+(\w+)(?:=(.*))?$")
_SAME_WORDS = re.compile(r"^#\w+ (?:is|are|of|that) ")


def export(text: str, folder: Path) -> dict[str, Schema]:
    """Return the schema of every definition in a CUE text, by name without the ``#``.

    Raises:
        ExportError: ``cue`` cannot export it.
        ToolError: there is no ``cue``.
    """
    done = cue.run(["def", "--out", "openapi", "cue:", "-"], folder=folder, stdin=text)
    if not done.ok:
        raise ExportError(cue.failure(done, folder)[0].text)
    components: dict[str, Schema] = cue.answer(done)["components"]["schemas"]
    return components


class Reader:
    """Turns exported schemas into plain ones."""

    def __init__(self, components: dict[str, Schema]) -> None:
        self.components = components
        self._active: list[str] = []
        self._words = {
            schema["enum"][0]: _words(schema["description"])
            for schema in components.values()
            if schema.get("type") == "string" and len(schema.get("enum", ())) == 1 and schema.get("description")
        }

    def named(self, name: str) -> Schema:
        """Return the schema of a definition; an empty one where it is not there, or is inside of itself."""
        if name not in self.components or name in self._active:
            return {}
        self._active.append(name)
        schema = self.plain(self.components[name])
        self._active.pop()
        return schema

    def plain(self, schema: Schema) -> Schema:
        """Return a schema without references, ``allOf`` and what is OpenAPI's own."""
        parts = list(self._parts(schema))
        result: Schema = {}
        for part in parts:
            result = merge(result, part)
        return result

    def _parts(self, schema: Schema) -> Iterator[Schema]:
        rest = dict(schema)
        if ref := rest.pop("$ref", None):
            inner = self.named(ref.removeprefix(_REF))
            if "pattern" in inner and inner.get("description"):
                inner.setdefault("patternErrorMessage", f"must be {_words(inner['description'])}")
            inner.pop("description", None)
            yield inner
        for item in rest.pop("allOf", ()):
            yield self.plain(item)
        yield self._own(rest)

    def _own(self, schema: Schema) -> Schema:
        result = {key: value for key, value in schema.items() if key not in {"nullable", "description"}}
        if text := _description(schema.get("description", "")):
            result["description"] = text
        if text := _marked(schema.get("description", ""), "deprecated"):
            # The names that editors read: https://json-schema.org, and VS Code's own for the words.
            result["deprecated"], result["deprecationMessage"] = True, text
        if choices := result.pop("oneOf", None):
            result["anyOf"] = [*result.get("anyOf", ()), *choices]
        if "anyOf" in result:
            result["anyOf"] = [self.plain(item) for item in result["anyOf"]]
        if "not" in result:
            result["not"] = self.plain(result["not"])
        for end in ("Minimum", "Maximum"):
            if result.get(f"exclusive{end}") is True:
                result[f"exclusive{end}"] = result.pop(end.lower())
        if "properties" in result:
            result["properties"] = {name: self.plain(value) for name, value in result["properties"].items()}
        for key in ("items", "additionalProperties"):
            if isinstance(result.get(key), dict):
                result[key] = self.plain(result[key])
        if schema.get("nullable") and isinstance(result.get("type"), str):
            result["type"] = [result["type"], "null"]
        if words := self._words.get(str(result.get("pattern"))):
            result["patternErrorMessage"] = f"must be {words}"
        return result


def _description(text: str) -> str:
    """Return a comment's words: of ``+usage=``, else of the lines without a marker."""
    plain = []
    for line in text.split("\n"):
        marker = _MARKER.match(line.strip())
        if marker and marker[1] == "usage":
            return marker[2] or ""
        if not marker:
            plain.append(line)
    return "\n".join(plain).strip()


def _marked(text: str, name: str) -> str:
    """Return what a comment's line says that begins with a marker; an empty text where there is none."""
    markers = [_MARKER.match(line.strip()) for line in text.split("\n")]
    return next((marker[2] or "" for marker in markers if marker and marker[1] == name), "")


def _words(text: str) -> str:
    """Return what a definition's comment says that it is, as the end of a sentence: "a DNS label"."""
    text = _SAME_WORDS.sub("", " ".join(_description(text).split())).rstrip(".")
    return text.split(". ")[0]


_UNION = ("properties", "patternProperties")
_TIGHTER = {"minimum": max, "exclusiveMinimum": max, "minLength": max, "minItems": max, "minProperties": max}
_TIGHTER |= {"maximum": min, "exclusiveMaximum": min, "maxLength": min, "maxItems": min, "maxProperties": min}


def merge(one: Schema, other: Schema) -> Schema:
    """Return the schema of what fits both."""
    result = dict(one)
    for key, value in other.items():
        if key not in result:
            result[key] = value
        elif key == "type":
            result[key] = _types(result[key], value)
        elif key in _UNION:
            names = [*result[key], *(name for name in value if name not in result[key])]
            result[key] = {name: merge(result[key].get(name, {}), value.get(name, {})) for name in names}
        elif key in {"items", "additionalProperties"}:
            result[key] = merge(result[key], value) if isinstance(value, dict) else value
        elif key == "required":
            result[key] = list(dict.fromkeys([*result[key], *value]))
        elif key == "enum":
            result[key] = [item for item in result[key] if item in value]
        elif key in _TIGHTER:
            result[key] = _TIGHTER[key](result[key], value)
        elif key == "anyOf" and (both := _alternatives(result[key], value)):
            result[key] = both
        elif key in {"pattern", "not", "anyOf"} and value != result[key]:
            extra = {key: value}
            if key == "pattern" and "patternErrorMessage" in other:
                extra["patternErrorMessage"] = other["patternErrorMessage"]
            result["allOf"] = [*result.get("allOf", ()), extra]
        elif key == "allOf":
            result[key] = [*result[key], *(item for item in value if item not in result[key])]
    return result


def _alternatives(one: list[Schema], other: list[Schema]) -> list[Schema]:
    """Return the alternatives that fit one of either side, without those that nothing can fit."""
    pairs = [merge(first, second) for first in one for second in other if _kinds(first) & _kinds(second)]
    return [pair for pair in pairs if pair.get("enum") != []]


def _kinds(schema: Schema) -> set[str]:
    if "type" in schema:
        found = set(schema["type"] if isinstance(schema["type"], list) else [schema["type"]])
    elif "enum" in schema:
        names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
        found = {names.get(type(value), "null") for value in schema["enum"]}
    else:
        found = {"boolean", "integer", "number", "string", "array", "object", "null"}
    return found | {"number"} if "integer" in found else found


def _types(one: Any, other: Any) -> Any:
    first = one if isinstance(one, list) else [one]
    second = other if isinstance(other, list) else [other]
    common = [kind for kind in first if kind in second]
    if "integer" in {*first, *second} - set(common) and "number" in {*first, *second}:
        common.append("integer")
    return common[0] if len(common) == 1 else common
