"""Mending what can be mended without doubt: comments, order and layout stay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime.documents.application import STDIN, parse, scalar_start
from vela_realtime.files import write_text
from vela_realtime.findings import Edit
from vela_realtime.findings.suggest import is_slip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.findings import Finding


def key_edit(document: Document, route: Route, text: str) -> Edit | None:
    """Return the change of a key's name, None where it is more than a slip, or cannot be made in place."""
    if not is_slip(str(route[-1]), text):
        return None
    parent = document.value_node(route[:-1])
    for key, _ in getattr(parent, "value", ()) if route else ():
        if key.value == route[-1]:
            return _edit(document, key, text)
    return None


def value_edit(document: Document, route: Route, text: str) -> Edit | None:
    """Return the change of a value, None where it is more than a slip, or does not stand on one line.

    The value stays in quotes if it was, and plain if it was that.
    """
    node = document.value_node(route)
    if node is None or not isinstance(node.value, str) or not is_slip(node.value, text):
        return None
    if node.start_mark.index < document.value_node(route[:-1]).start_mark.index:
        return None  # an alias: what it leads to may be right elsewhere
    return _edit(document, node, text)


def _edit(document: Document, node: object, text: str) -> Edit | None:
    start, end = node.start_mark, node.end_mark  # type: ignore[attr-defined]
    style = getattr(node, "style", None)
    if start.line != end.line or style not in {None, "", "'", '"'}:
        return None
    quote = style or ""
    line = document.text.split("\n")[start.line - (document.first_line - 1)]
    column = scalar_start(line, node) + 1
    return Edit(document.file, start.line + 1, column, end.line + 1, end.column + 1, f"{quote}{text}{quote}")


def apply(findings: Iterable[Finding], texts: Mapping[str, str]) -> dict[str, int]:
    """Write the edits of findings into their files, and return the number of edits by file.

    A file whose text would no longer be read, or that is standard input, is left alone.

    Raises:
        InputError: a file cannot be written.
    """
    edits: dict[str, list[Edit]] = {}
    for finding in findings:
        if finding.edit is not None and finding.edit.file != STDIN:
            edits.setdefault(finding.edit.file, []).append(finding.edit)
    done = {}
    for file, wanted in edits.items():
        text, count = edited(texts[file], wanted)
        documents, faults = parse(file, text)
        if count and documents and not faults:
            write_text(Path(file), text)
            done[file] = count
    return done


def edited(text: str, edits: Iterable[Edit]) -> tuple[str, int]:
    """Return a text with edits applied, and their number; of edits that overlap, the first is applied."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    lines = text.removeprefix("\ufeff").split("\n")
    count, taken = 0, set[tuple[int, int]]()
    ordered = sorted(set(edits), key=lambda edit: (edit.line, edit.column), reverse=True)
    for edit in ordered:
        if edit.line != edit.end_line or (edit.line, edit.column) in taken:
            continue
        line = lines[edit.line - 1]
        lines[edit.line - 1] = line[: edit.column - 1] + edit.text + line[edit.end_column - 1 :]
        taken.add((edit.line, edit.column))
        count += 1
    return mark + "\n".join(lines), count
