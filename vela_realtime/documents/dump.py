"""Writing YAML that every parser reads alike, and that people like to read."""

from __future__ import annotations

import json
import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*\Z")
_NOT_TEXT = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"}
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]")


def dump(value: Any, *, indent: int = 2) -> str:
    """Return a value made of plain JSON types as a YAML document, keys in their order.

    ``indent`` is the number of spaces by which a mapping's content stands below its key. Words that some YAML
    versions take for a boolean are quoted; texts of several lines become literal blocks.
    """
    return "".join(f"{line}\n" for line in _lines(value, indent))


def dump_all(values: list[Any]) -> str:
    """Return several values as one stream of YAML documents."""
    return "".join(f"---\n{dump(value)}" for value in values)


def _lines(value: Any, indent: int) -> list[str]:
    if isinstance(value, dict) and value:
        return [line for key, item in value.items() for line in _entry(f"{_scalar(key)}:", item, indent)]
    if isinstance(value, list) and value:
        return [line for item in value for line in _entry("-", item, indent)]
    return _entry("", value, indent)


def _entry(prefix: str, value: Any, indent: int) -> list[str]:
    """Return the lines of a mapping's or list's entry; ``prefix`` is its key with a colon, or a dash."""
    space = f"{prefix} " if prefix else ""
    if isinstance(value, str) and "\n" in value and not _UNPRINTABLE.search(value):
        return [space + _block_header(value, indent), *_indented(_block_lines(value), indent)]
    if not isinstance(value, (dict, list)) or not value:
        return [space + _scalar(value)]
    lines = _lines(value, indent)
    if prefix == "-":
        return [f"- {lines[0]}", *_indented(lines[1:], 2)]
    # Lists stand below their key without further indent, as kubectl prints them.
    return [prefix, *_indented(lines, 0 if isinstance(value, list) else indent)]


def _block_header(text: str, by: int) -> str:
    """Say that a literal block follows: its indent where the text could hide it, and what its end is."""
    indent = str(by) if text[0] in " \n" else ""
    if not text.endswith("\n"):
        return f"|{indent}-"
    return f"|{indent}+" if text.endswith("\n\n") or text == "\n" else f"|{indent}"


def _block_lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")


def _indented(lines: list[str], by: int) -> list[str]:
    return [" " * by + line if line else "" for line in lines]


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.match(value) and value.lower() not in _NOT_TEXT:
            return value
        text = json.dumps(value, ensure_ascii=False)
        return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    text = json.dumps(value)
    # YAML 1.1 reads 1e+16 as a string; 1.0e+16 is a number everywhere.
    return text.replace("e", ".0e") if isinstance(value, float) and "e" in text and "." not in text else text
