"""A new Application: an example under a name of its own, from which its author goes on."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime.documents import application
from vela_realtime.documents.fix import edited, replaced
from vela_realtime.errors import InputError
from vela_realtime.files import display, read_text, write_text
from vela_realtime.findings.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.findings import Edit
    from vela_realtime.library import Library

EXAMPLE = "simple-setup"
"""The example that a new Application is made from where no other is named: the smallest platform."""

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,30}[a-z0-9])?")
_REFERENCES = {"platform", "realtime"}
"""Properties whose value is a platform's name."""

_SCHEMA = re.compile(r"^# yaml-language-server: .*\n", re.MULTILINE)


def create(library: Library, name: str, example: str = EXAMPLE, folder: Path | None = None) -> Path:
    """Write ``NAME.yaml`` into a folder, the current one where none is given, and return its path.

    The Application is called ``name``, and so is what its first component makes; who refers to it follows.

    Raises:
        InputError: the name is none, there is no such example, or the file is there already.
    """
    if not _NAME.fullmatch(name):
        hint = "small letters, digits and dashes, a letter first: plant-streaming"
        raise InputError(f"{name} is no name for an Application", hint)
    source = library.examples / f"{example}.yaml"
    if not source.is_file():
        known = sorted(path.stem for path in library.examples.glob("*.yaml"))
        raise InputError(
            f"there is no example {example}", did_you_mean([example], known, f"there are {', '.join(known)}")
        )
    path = (folder or Path()) / f"{name}.yaml"
    if path.exists():
        raise InputError(f"{display(path)} is there already", "choose another name")
    text = read_text(source)
    documents, _ = application.parse(display(source), text)
    text, _ = edited(text, _renamed(documents, name))
    write_text(path, _SCHEMA.sub(_schema(library, path.parent), text))
    return path


def _schema(library: Library, folder: Path) -> str:
    """Return the line that tells an editor the schema: one in a checkout lies where other people have it too."""
    if library.packaged:
        return ""
    place = os.path.relpath(library.definitions / "schemas" / "application.json", folder.absolute())
    return f"# yaml-language-server: $schema={Path(place).as_posix()}\n"


def _renamed(documents: list[Document], name: str) -> Iterator[Edit]:
    first = next(document for document in documents if document.kind == "Application")
    yield from replaced(first, ("metadata", "name"), name)
    made = next(
        (
            properties["name"]
            for component in first.data["spec"]["components"]
            if isinstance((properties := component.get("properties") or {}).get("name"), str)
        ),
        None,
    )
    for document in documents:
        for route, value in _scalars(document.data, ()):
            if value == made and (route[-2:] == ("properties", "name") or route[-1] in _REFERENCES):
                yield from replaced(document, route, name)


def _scalars(value: Any, route: Route) -> Iterator[tuple[Route, Any]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in entries:
        if isinstance(inner, (dict, list)):
            yield from _scalars(inner, (*route, step))
        else:
            yield (*route, step), inner
