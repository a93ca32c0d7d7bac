"""One self-contained text out of a definition's folder and the part of the library that it uses.

A CUE instance is its files unified, so their texts one after another mean the same as the package, as long
as nothing in them depends on a file's own scope; ``vela_realtime.library.vet.package`` keeps it so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from vela_realtime.cue import syntax
from vela_realtime.cue.syntax import tree
from vela_realtime.files import read_text
from vela_realtime.library import CONTEXT_FILE, METADATA_FILE, immutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from vela_realtime.library import Library


CHECKS = ("parameter", "strict")
"""The fields that stand first in a bundle: the parameters, and the bounds applied to them.

KubeVela 1.10 reports the first error it meets, and a wrong parameter says more than what follows from it. All
else keeps the package's order: CUE's newer evaluator sees cycles where a template stands before its parts.
"""


@dataclass(frozen=True)
class Bundle:
    """A template: the packages it imports, its lines, and where each line comes from."""

    imports: tuple[str, ...]
    lines: tuple[str, ...]
    origins: tuple[tuple[Path, int] | None, ...]
    """For each line, the source file and the line in it, counted from 1; None for lines that we add."""

    sources: tuple[Path, ...]
    """The files that went in, each once."""

    @property
    def header(self) -> str:
        """The import clause with an empty line after it, or nothing."""
        if not self.imports:
            return ""
        if len(self.imports) == 1:
            return f'import "{self.imports[0]}"\n\n'
        return "import (\n" + "".join(f'\t"{path}"\n' for path in self.imports) + ")\n\n"

    @property
    def body(self) -> str:
        """The template without imports."""
        return "\n".join(self.lines) + "\n"

    @property
    def text(self) -> str:
        """The whole template as KubeVela reads it."""
        return self.header + self.body

    def origin(self, line: int) -> tuple[Path, int] | None:
        """Return the source of a line of ``text``, counted from 1; None where there is none."""
        index = line - 1 - self.header.count("\n")
        return self.origins[index] if 0 <= index < len(self.origins) else None

    def with_site(self, declaration: str) -> Bundle:
        """Return the bundle with one more declaration at its end: the site's own values."""
        return self.with_lines(declaration.rstrip("\n").split("\n"))

    def with_lines(self, lines: Sequence[str]) -> Bundle:
        """Return the bundle with one more declaration at its end, where there is one."""
        if not lines:
            return self
        added = ("", *lines)
        return Bundle(self.imports, self.lines + added, self.origins + (None,) * len(added), self.sources)


class Sources:
    """The files of a library, each read once."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._read: dict[Path, syntax.Source] = {}

    def read(self, path: Path) -> syntax.Source:
        """Return a file's tree.

        Raises:
            InputError: the file cannot be read.
            CueSyntaxError: it is not CUE.
        """
        if path not in self._read:
            self._read[path] = _parsed(path, read_text(path))
        return self._read[path]

    def shared(self) -> list[syntax.Source]:
        """Return the library's own files."""
        return [self.read(path) for path in self.library.shared_files()]

    def own(self, folder: Path) -> list[syntax.Source]:
        """Return a definition's own files, sorted by name."""
        excluded = {METADATA_FILE, CONTEXT_FILE}
        return [self.read(path) for path in sorted(folder.glob("*.cue")) if path.name not in excluded]

    def reached(self, folder: Path) -> list[Piece]:
        """Return what a definition uses of the library, directly or through other parts of it, sorted by file.

        Every declaration of a used name counts, since CUE unifies them.
        """
        own = self.own(folder)
        names = {name for source in own for name in source.used()}
        return self.reached_from(names, [item for source in own for item in source.declarations])

    def reached_from(self, names: set[str], said: Iterable[syntax.Declaration] = ()) -> list[Piece]:
        """Return what some names of the library lead to, sorted by file.

        A table may be declared row by row, ``#Images: grafana: {...}``: of it come the rows whose name something that
        is reached mentions, or one of the declarations ``said``.
        """
        declaring = syntax.named(self.shared())
        todo = set(names)
        seen: set[str] = set()
        found: dict[Path, list[syntax.Declaration]] = {}
        rows: list[tuple[str, syntax.Source, syntax.Declaration]] = []
        words = {word for declaration in said for word in _words(declaration)}
        while todo:
            seen |= todo
            tables = {name for name in todo if all(_row(item) for _, item in declaring.get(name, ()))}
            rows += [(_row(item), source, item) for name in tables for source, item in declaring.get(name, ())]
            taken: list[tuple[syntax.Source, syntax.Declaration]]
            taken = [pair for name in todo - tables for pair in declaring.get(name, ())]
            todo = set()
            while taken:
                for source, declaration in taken:
                    found.setdefault(source.path, []).append(declaration)
                    words |= _words(declaration)
                    todo |= syntax.free(declaration)
                taken = [(source, declaration) for row, source, declaration in rows if row in words]
                rows = [item for item in rows if item[0] not in words]
            todo -= seen
        return [Piece(self.read(path), _in_order(found[path])) for path in sorted(found)]

    def files(self, folder: Path) -> list[syntax.Source]:
        """Return the definition's own files and those of the library that it uses something of."""
        return [*self.own(folder), *(piece.source for piece in self.reached(folder))]

    def bundle(self, folder: Path) -> Bundle:
        """Return a definition's template.

        Raises:
            InputError: a file cannot be read.
            CueSyntaxError: a file is not CUE.
        """
        first: list[Piece] = []
        rest: list[Piece] = []
        for source in self.own(folder):
            checks = tuple(item for item in source.declarations if _name(item) in CHECKS)
            others = tuple(item for item in source.declarations if _name(item) not in CHECKS)
            first += [Piece(source, checks)] if checks else []
            rest += [Piece(source, others)] if others else []
        reached = self.reached(folder)
        fixed = immutable.of(self.own(folder), [piece.source for piece in reached])
        return join([*first, *rest, *reached]).with_lines(immutable.declaration(fixed))


@lru_cache(maxsize=1_000)
def _parsed(path: Path, text: str) -> syntax.Source:
    """Return a file's tree, made once for as long as the file stays as it is: whoever builds also vets."""
    return syntax.parse(path, text)


@dataclass(frozen=True)
class Piece:
    """What a bundle takes of one file: some of its top-level declarations."""

    source: syntax.Source
    declarations: tuple[syntax.Declaration, ...]

    def lines(self) -> set[int]:
        """Return the numbers of the lines, those with comments above a declaration left out."""
        return {line for declaration in self.declarations for line in self.source.lines(declaration)}

    def imports(self) -> set[str]:
        """Return the paths of the packages that the declarations need."""
        used = {name for declaration in self.declarations for name in syntax.free(declaration)}
        return {item.path for item in self.source.imports if item.name in used}


def join(pieces: Sequence[Piece]) -> Bundle:
    """Put files one after another: package clauses dropped, imports merged.

    What only a reader of the source needs stays there, since every revision of an Application carries the text:
    comments but for KubeVela's markers, empty lines inside of a declaration, and the blanks that align values.
    """
    lines: list[str] = []
    origins: list[tuple[Path, int] | None] = []
    for piece in pieces:
        source = piece.source
        kept = _trimmed(_compact(source, piece.lines()))
        if lines and kept:
            lines.append("")
            origins.append(None)
        for number, line in kept:
            lines.append(line)
            origins.append((source.path, number))
    imports = sorted({path for piece in pieces for path in piece.imports()})
    sources = dict.fromkeys(piece.source.path for piece in pieces)
    return Bundle(tuple(imports), tuple(lines), tuple(origins), tuple(sources))


def _row(declaration: syntax.Declaration) -> str:
    """Return the name of the row that a declaration adds to a table, ``#Images: grafana: {...}``; else nothing."""
    match declaration:
        case tree.Field(value=tree.Struct(declarations=(tree.Field(label=label),), braces=False)):
            return label.name or ""
    return ""


def _words(declaration: syntax.Declaration) -> set[str]:
    """Return all that a declaration names in any way: fields, selectors, texts."""
    words = set[str]()
    for node in tree.walk(declaration):
        match node:
            case tree.Field(label=tree.Label(name=str(name))) | tree.Selector(name=name):
                words.add(name)
            case tree.Text(value=str(text)):
                words.add(text)
    return words


def _in_order(declarations: list[syntax.Declaration]) -> tuple[syntax.Declaration, ...]:
    return tuple(sorted(declarations, key=lambda item: (item.at.line, item.at.column)))


def _name(declaration: syntax.Declaration) -> str | None:
    return declaration.label.name if isinstance(declaration, syntax.Field) else None


_ALIGNED = re.compile(r'^(\s*(?:[\w#$.-]+|"[^"\\]*")[?!]?:) {2,}')


def _compact(source: syntax.Source, wanted: set[int]) -> list[tuple[int, str]]:
    kept: list[tuple[int, str]] = []
    for number, line in enumerate(source.text.split("\n"), start=1):
        if number in source.inside_text and number in wanted:
            kept.append((number, line))
            continue
        if number not in wanted or number in source.preamble or number in source.comments:
            continue
        if line[:1].isspace() and kept and not kept[-1][1].strip() and kept[-1][0] not in source.inside_text:
            kept.pop()
        kept.append((number, _ALIGNED.sub(r"\1 ", line)))
    return kept


def _trimmed(lines: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    kept = list(lines)
    while kept and not kept[0][1].strip():
        kept.pop(0)
    while kept and not kept[-1][1].strip():
        kept.pop()
    return kept
