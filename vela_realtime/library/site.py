"""The site file: what an organisation sets for all its Applications, as YAML that fits ``#Site`` of the library."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vela_realtime import cue
from vela_realtime.cue.syntax import CueSyntaxError
from vela_realtime.errors import SourceError
from vela_realtime.files import display, read_text
from vela_realtime.findings import Finding
from vela_realtime.library.bundle import Sources
from vela_realtime.schema import ExportError, parameters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vela_realtime.documents.application import Document
    from vela_realtime.library import Library
    from vela_realtime.schema.openapi import Schema

ROOT = "#Site"


def schema(library: Library) -> Schema:
    """Return the JSON Schema of a site file.

    Raises:
        ExportError: the settings cannot be written as JSON Schema.
        CueSyntaxError: a file of the library has something that our reader does not understand.
        ToolError: there is no ``cue``.
    """
    files = [piece.source for piece in Sources(library).reached_from({ROOT})]
    return parameters.of_sources(files, f"parameter: {ROOT}\n")


def declaration(library: Library, site: Path) -> str:
    """Return the declaration that bakes a site file into a definition.

    Raises:
        SourceError: the file is not YAML, or has something that #Site does not allow; places are the file's own, and
            all mistakes are in it.
    """
    values: dict[str, Any] = {}
    if (document := _read(site)) is not None:
        if found := list(_faults(library, document)):
            raise SourceError(found)
        values = document.data
    # The schema says in plain words what is wrong; whether all is right, cue says.
    done = cue.run(["vet", "-E", "-c=false", ".", site.absolute(), "-d", ROOT], folder=library.cue)
    if not done.ok:
        raise SourceError(cue.findings(cue.failure(done, library.cue), "site", prefer=site.absolute()))
    text = json.dumps(values, ensure_ascii=False, indent="\t")
    return f"// The values of {site.name}.\nsite: {text}\n"


def _read(site: Path) -> Document | None:
    """Return the document of a site file, None where it has none."""
    from vela_realtime.documents import application

    documents, found = application.parse(display(site), read_text(site))
    if len(documents) > 1:
        message = "a site file is one document: this is one more"
        found.append(Finding(display(site), documents[1].first_line, 1, "yaml", message))
    if found:
        raise SourceError(found)
    return documents[0] if documents else None


def _faults(library: Library, document: Document) -> Iterator[Finding]:
    from vela_realtime.schema import validation

    try:
        known = schema(library)
    except (ExportError, CueSyntaxError):
        return
    for fault in validation.check(known, document.data):
        route = fault.route[:-1] if fault.sort == "missing" else fault.route
        at_value = fault.sort in {"type", "value"}
        yield document.finding(route, "site", fault.message, hint=fault.hint, at_value=at_value)
