"""Mending what can be mended without doubt: comments, order and layout stay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime.documents.application import STDIN, parse
from vela_realtime.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vela_realtime.check.issue import Edit, Issue


def apply(issues: Iterable[Issue], texts: Mapping[str, str]) -> dict[str, int]:
    """Write the edits of issues into their files, and return the number of edits by file.

    A file whose text would no longer be read, or that is standard input, is left alone.

    Raises:
        InputError: a file cannot be written.
    """
    edits: dict[str, list[Edit]] = {}
    for issue in issues:
        if issue.edit is not None and issue.edit.file != STDIN:
            edits.setdefault(issue.edit.file, []).append(issue.edit)
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
