"""Mending what can be mended without doubt: comments, order and layout stay."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime.documents.application import STDIN, parse, scalar_start
from vela_realtime.files import write_text
from vela_realtime.findings import Edit
from vela_realtime.findings.suggest import is_slip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.findings import Finding


def key_edit(document: Document, route: Route, text: str) -> Edit | None:
    """Return the change of a key's name, None where it is more than a slip, or cannot be made in place."""
    return renamed(document, route, text) if is_slip(str(route[-1]), text) else None


def renamed(document: Document, route: Route, text: str) -> Edit | None:
    """Return the change of a key's name into any other, None where it cannot be made in place."""
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


def replaced(document: Document, route: Route, text: str) -> Iterator[Edit]:
    """Yield the change of a value into any other; none where it does not stand on one line, or is an alias."""
    node = document.value_node(route)
    if node is None or node.start_mark.index < document.value_node(route[:-1]).start_mark.index:
        return
    edit = _edit(document, node, text)
    if edit is not None:
        yield edit


def text_edit(document: Document, place: tuple[int, int], word: str, text: str) -> Edit | None:
    """Return the change of a word inside of a longer text, None where it is more than a slip, or is not there."""
    line, column = place
    row = document.text.split("\n")[line - document.first_line]
    if not is_slip(word, text) or row[column - 1 : column - 1 + len(word)] != word:
        return None
    return Edit(document.file, line, column, line, column + len(word), text)


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

    Two that would turn one word into the other and back are left alone: there is no telling which is right.

    A file whose text would no longer be read, or that is standard input, is left alone.

    Raises:
        InputError: a file cannot be written.
    """
    edits: dict[str, list[Edit]] = {}
    wanted = [item.edit for item in findings if item.edit is not None and item.edit.file != STDIN]
    changes = {_change(edit, texts[edit.file]) for edit in wanted}
    for edit in wanted:
        old, new = _change(edit, texts[edit.file])
        if (new, old) not in changes:  # two that want each other's word: nobody knows which is right
            edits.setdefault(edit.file, []).append(edit)
    done = {}
    for file, of_file in edits.items():
        text, count = edited(texts[file], of_file)
        documents, faults = parse(file, text)
        if count and documents and not faults:
            write_text(Path(file), text)
            done[file] = count
    return done


def _change(edit: Edit, text: str) -> tuple[str, str]:
    """Return the word that an edit takes away, and the one that it puts there, both without quotes."""
    line = text.removeprefix("\ufeff").split("\n")[edit.line - 1]
    return line[edit.column - 1 : edit.end_column - 1].strip("\"'"), edit.text.strip("\"'")


_WORDS = re.compile(r"[\w.-]+|\s+|.", re.DOTALL)


def changes(before: str, after: str) -> int:
    """Return the number of places in which one text differs from another that has the same lines."""
    count = 0
    for old, new in zip(before.split("\n"), after.split("\n"), strict=True):
        if old != new:
            matcher = SequenceMatcher(None, _WORDS.findall(old), _WORDS.findall(new), autojunk=False)
            count += sum(tag != "equal" for tag, *_ in matcher.get_opcodes())
    return count


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
