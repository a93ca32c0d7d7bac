"""The JSON Schemas of a library's definitions, and of the Applications that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime import process
from vela_realtime.schema import APPLICATION, COMMENT, ExportError, application, parameters, write
from vela_realtime.schema.application import DIALECT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vela_realtime.library.bundle import Sources
    from vela_realtime.library.definition import Definition
    from vela_realtime.schema.openapi import Schema


def render(
    sources: Sources, definitions: Sequence[Definition], command: str
) -> dict[str, tuple[str, tuple[Path, ...]]]:
    """Return the schemas of the library's definitions by name, each with what it is made from.

    Raises:
        ExportError: parameters cannot be written as JSON Schema.
        ToolError: there is no ``cue``.
    """
    made = process.in_parallel(lambda item: _of_folder(sources, item.folder), definitions)
    comment = f"{COMMENT}{command}`; edit the definition's parameter.cue instead."
    result: dict[str, tuple[str, tuple[Path, ...]]] = {}
    described: dict[tuple[str, str], Schema] = {}
    for item, schema in zip(definitions, made, strict=True):
        about: Schema = {"description": item.description} if item.description else {}
        described[item.type, item.name] = {**about, **schema}
        head = {"$schema": DIALECT, "$comment": comment, "title": item.name}
        result[item.name] = (write({**head, **about, **schema}), (item.folder,))
    whole = application.of_application(described)
    folders = tuple(item.folder for item in definitions)
    result[APPLICATION] = (write({"$schema": whole["$schema"], "$comment": comment, **whole}), folders)
    return result


def _of_folder(sources: Sources, folder: Path) -> Schema:
    """Return the schema of a definition from its source: there the comments are."""
    try:
        return parameters.of_sources(sources.files(folder))
    except ExportError as error:
        error.path = folder
        raise
