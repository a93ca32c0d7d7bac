"""The form in which a cluster gets a definition's CUE: what it says in as few bytes as a reader can bear."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vela_realtime.cue.syntax.scanner import Scanner

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 2
"""Levels that are indented: what is deeper than that stands in long rows, and each space is a byte in every one."""

WIDEST = 200
"""Characters of a line that a struct or a list is put on."""

_UNFINISHED = ("&", "|", "+", "-", "*", "/", "=", ":", "<", ">", "{", "[", "(")
_NARROW = {":", ",", "&", "|", "&&", "||", "==", "!=", ">"}
"""What needs no space: a word, a sign of a number or ``<-`` would be read as another beside these."""

_TEXT_LINE = "\0"
_CLOSING = re.compile(r"[]})]+,?")
_TEXT = re.compile(r"(#*)(\"\"\"|''')\n.*?\n(\t*)\2\1", re.DOTALL)


def compact(cue: str) -> str:
    """Return CUE as a cluster gets it: a space a level instead of a tab, no empty line, a short struct or list on one
    line, brackets beside what they hold, no space behind a colon or a comma, nor beside what compares or joins two
    values. A text of several lines stays as it is, with its own tabs only.

    ``kubectl get -o yaml`` prints a string that has a tab as one long line in quotes, and a tab or the end of a line is
    two bytes in JSON.
    """
    indents = dict[int, int]()
    for text in _TEXT.finditer(cue):
        first = cue.count("\n", 0, text.start()) + 1
        indents |= dict.fromkeys(range(first, first + text[0].count("\n")), len(text[3]))
    lines = list[str]()
    opened = list[int]()  # lines that end in a bracket, as numbers in `lines`
    for number, line in enumerate(cue.rstrip("\n").split("\n")):
        bare = line.lstrip("\t")
        if number in indents:
            lines.append(_TEXT_LINE + line[indents[number] :])
            opened.clear()
        elif _CLOSING.fullmatch(bare) and "//" not in lines[-1]:
            lines[-1] = lines[-1].removesuffix(",") + bare
            if opened and len(bare.rstrip(",")) == 1:
                block = lines[opened.pop() :]
                joined = _joined(block)
                if joined and (len(joined) <= WIDEST or len(block) == 2):
                    lines[-len(block) :] = [joined]
            else:
                opened.clear()
        elif bare:
            lines.append(" " * min(len(line) - len(bare), DEEPEST) + bare)
            if re.match(r"[]})]", bare):
                opened.clear()
        if bare.endswith(("{", "[", "(")) and number not in indents:
            opened.append(len(lines) - 1)
    compacted = "\n".join(_behind_brackets(lines)).replace(_TEXT_LINE, "") + "\n" * cue.endswith("\n")
    return "".join(_without_spaces(compacted))


def _without_spaces(cue: str) -> Iterator[str]:
    """Yield the text but for the spaces behind its colons and commas, and beside operators."""
    start = 0
    for token in Scanner(cue).scan()[0]:
        # A comma that the end of a line stands for is no character of the text.
        if token.kind == "op" and token.text in _NARROW and cue.startswith(token.text, token.offset):
            yield cue[start : token.offset].rstrip(" ") + token.text
            start = token.offset + len(token.text)
            while cue[start : start + 1] == " ":
                start += 1
    yield cue[start:]


def _behind_brackets(lines: list[str]) -> Iterator[str]:
    """Yield lines with the first that a bracket holds behind it, where there is room."""
    last = lines[0]
    for line in lines[1:]:
        bare = line.lstrip(" ")
        fits = last.endswith(("{", "[", "(")) and len(last) + len(bare) <= WIDEST
        if fits and "//" not in last and not last.startswith(_TEXT_LINE) and not bare.startswith(("//", _TEXT_LINE)):
            last += bare
        else:
            yield last
            last = line
    yield last


def _joined(block: list[str]) -> str:
    """Return a struct or list on one line, "" where it has a comment or what goes over lines."""
    first, *rest = block
    if any("//" in line or line.endswith(_UNFINISHED) for line in (*rest, first[:-1])):
        return ""
    return first + ", ".join(line.strip().removesuffix(",") for line in rest) + "," * rest[-1].endswith(",")
