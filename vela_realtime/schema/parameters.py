"""The JSON Schema of a definition's parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime.cue.syntax import CueSyntaxError
from vela_realtime.schema import template as templates
from vela_realtime.schema.errors import ExportError
from vela_realtime.schema.openapi import Reader, Schema, export, merge
from vela_realtime.schema.shape import Shaper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vela_realtime.cue.syntax import Source


def of_template(text: str) -> Schema:
    """Return the schema of a template's ``parameter``, with everything that the template unifies with it.

    Descriptions are those of ``+usage=``; a property is required where it has no default. Where the template says
    that an object takes no other properties, ``additionalProperties`` is false; where it says nothing, so that
    KubeVela takes them and ignores them, there is no ``additionalProperties``.

    Raises:
        ExportError: the parameters cannot be written as JSON Schema.
        ToolError: there is no ``cue``.
    """
    try:
        template = templates.read(templates.body(text))
    except CueSyntaxError as error:
        raise ExportError(f"line {error.line}: {error.message}") from error
    if template is None:
        return {"type": "object", "additionalProperties": False}
    reader = Reader(export(template.text, Path.cwd()))
    schema: Schema = {}
    for name in template.roots:
        schema = merge(schema, reader.named(name.removeprefix("#")))
    schema = Shaper(template, reader).shape(schema)
    _settle_required(schema)
    schema.pop("description", None)
    return schema


def of_sources(files: Sequence[Source], text: str = "") -> Schema:
    """Return the schema of the ``parameter`` in some files, or in more text that is added to them.

    Raises:
        ExportError: the parameters cannot be written as JSON Schema.
        ToolError: there is no ``cue``.
    """
    imports = sorted({item.path for source in files for item in source.imports})
    texts = [f'import "{path}"\n' for path in imports]
    for source in files:
        lines = enumerate(source.text.split("\n"), start=1)
        texts.append("\n".join(line for number, line in lines if number not in source.preamble) + "\n")
    return of_template("".join([*texts, text]))


def _settle_required(schema: Schema) -> None:
    """Keep in ``required``, here and below, only what has to be given."""
    for inner in _below(schema):
        _settle_required(inner)
    properties = schema.get("properties", {})
    needed = [name for name in schema.get("required", ()) if not _has_default(properties.get(name, {}))]
    if needed:
        schema["required"] = needed
    else:
        schema.pop("required", None)
    for inner in properties.values():
        if str(inner.get("default", "")).startswith(templates.CONTEXT_VALUE):
            del inner["default"]


def _has_default(schema: Schema) -> bool:
    """Tell whether CUE fills in a value: a default, the only choice, an empty list, an object of such values."""
    if "default" in schema or len(schema.get("enum", ())) == 1:
        return True
    if "anyOf" in schema:
        return False  # CUE does not choose among them
    kind = schema.get("type")
    return kind == "array" or (kind == "object" and not schema.get("required"))


def _below(schema: Schema) -> list[Schema]:
    found: list[Any] = [*schema.get("properties", {}).values(), *schema.get("patternProperties", {}).values()]
    found += [*schema.get("anyOf", ()), *schema.get("allOf", ())]
    found += [schema[key] for key in ("items", "additionalProperties", "then") if isinstance(schema.get(key), dict)]
    return found
