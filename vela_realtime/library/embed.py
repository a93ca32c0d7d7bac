"""Scripts and other files inside definitions: real files on disk, CUE strings in the library.

All of ``cue/scripts/`` becomes ``cue/scripts_gen.cue``: ``kafka-start.sh`` is ``#KafkaStartSh`` in it. A definition
carries those that it refers to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vela_realtime.cue.syntax import CueSyntaxError
from vela_realtime.errors import InputError
from vela_realtime.files import display, read_text
from vela_realtime.library import defaults

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from vela_realtime.library import Library

FILE = "scripts_gen.cue"
_HEADER = "// Generated from scripts/"
_GENERATED = re.compile(r"// Generated from \S+ by `vela-realtime build`")


def definition_name(file: str) -> str:
    """Return the CUE definition that holds a file: ``#KafkaStartSh`` for ``kafka-start.sh``."""
    return "#" + "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", file) if word)


def literal(text: str) -> str:
    """Write a text as a CUE string over several lines that reads back as the very same characters.

    The string is raw, with as many ``#`` as keep its content from ending it or from being read as an escape.
    What YAML or CUE would not carry unchanged (control characters, other line separators) is escaped.
    """
    hashes = "#"
    while f'"""{hashes}' in text or f"\\{hashes}" in text:
        hashes += "#"
    escaped = _NOT_PLAIN.sub(lambda match: f"\\{hashes}u{ord(match[0]):04x}", text)
    lines = "\n".join(f"\t{line}" if line else "" for line in escaped.split("\n"))
    return f'{hashes}"""\n{lines}\n\t"""{hashes}'


_NOT_PLAIN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


_COMMENT = re.compile(r"\s*#(\s|$)")
_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?")


def without_comments(script: str) -> str:
    """Return a shell or awk script without the lines that hold only a comment.

    They are for readers of the source; a definition that carries them has no room for what runs.
    """
    kept, end = list[str](), ""
    for line in script.split("\n"):
        if end:
            end = "" if line.strip() == end else end
        elif _COMMENT.match(line):
            continue
        elif heredoc := _HEREDOC.search(line):
            end = heredoc[1]
        kept.append(line)
    return "\n".join(kept)


def shipped(source: Path) -> str:
    """Return what a definition carries of a file."""
    text = read_text(source)
    return without_comments(text) if source.suffix in {".sh", ".awk"} else text


def render(library: Library, *, use_cache: bool = True) -> dict[Path, tuple[str, tuple[Path, ...]]]:
    """Return every generated file of a library: the text that it should have, and what it is made from.

    Raises:
        InputError: a file is not UTF-8, or two files ask for one name.
    """
    try:
        parameters = defaults.render(library, use_cache=use_cache)
    except CueSyntaxError:
        parameters = {}  # what compiles the definitions says it better
    return _scripts(library) | parameters


def _scripts(library: Library) -> dict[Path, tuple[str, tuple[Path, ...]]]:
    names: dict[str, Path] = {}
    texts: list[str] = []
    for source in _sources(library):
        name = definition_name(source.name)
        if (other := names.setdefault(name, source)) is not source:
            raise InputError(f"{display(other)} and {display(source)} would both become {name}", "rename one of them")
        texts.append(f"// {name} is {source.name}.\n{name}: {literal(shipped(source))}\n")
    if not texts:
        return {}
    head = f"{_HEADER} by `vela-realtime build`; edit the files there instead.\npackage realtime\n\n"
    return {library.cue / FILE: (head + "\n".join(texts), (library.cue / "scripts",))}


def _sources(library: Library) -> list[Path]:
    found = sorted((library.cue / "scripts").glob("*"))
    return [path for path in found if path.is_file() and not path.name.startswith(".")]


def stale(library: Library, wanted: Collection[Path]) -> list[Path]:
    """Return the files that an earlier build made and that are not among those that are ``wanted`` now."""
    present = (path for path in library.cue.glob("*_gen.cue") if path not in wanted)
    return sorted(path for path in present if _GENERATED.match(read_text(path)))
