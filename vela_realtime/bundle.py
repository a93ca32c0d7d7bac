"""One self-contained text out of a definition's folder and the part of the library that it uses.

A CUE instance is its files unified, so their texts one after another mean the same as the package, as long
as nothing in them depends on a file's own scope; ``vela_realtime.rules.package`` keeps it so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vela_realtime import syntax
from vela_realtime.files import read_text
from vela_realtime.library import CONTEXT_FILE, METADATA_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from vela_realtime.library import Library


@dataclass(frozen=True)
class Bundle:
    """A template: the packages it imports, its lines, and where each line comes from."""

    imports: tuple[str, ...]
    lines: tuple[str, ...]
    origins: tuple[tuple[Path, int] | None, ...]
    """For each line, the source file and the line in it, counted from 1; None for lines that we add."""

    sources: tuple[Path, ...]
    """The files that went in, in their order."""

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
        added = ("", *declaration.rstrip("\n").split("\n"))
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
            self._read[path] = syntax.parse(path, read_text(path))
        return self._read[path]

    def shared(self) -> list[syntax.Source]:
        """Return the library's own files."""
        return [self.read(path) for path in self.library.shared_files()]

    def own(self, folder: Path) -> list[syntax.Source]:
        """Return a definition's own files; the one that declares ``parameter`` comes first.

        KubeVela reports the first error it meets, and a wrong parameter says more than what follows from it.
        """
        excluded = {METADATA_FILE, CONTEXT_FILE}
        files = [self.read(path) for path in sorted(folder.glob("*.cue")) if path.name not in excluded]
        return sorted(files, key=lambda source: "parameter" not in source.declared())

    def reached(self, folder: Path) -> list[syntax.Source]:
        """Return the library files that a definition uses, directly or through others, sorted by name.

        A file is used when it declares a top-level name that a used file refers to; all files that declare
        the name count, since CUE unifies them.
        """
        shared = self.shared()
        declaring: dict[str, list[syntax.Source]] = {}
        for source in shared:
            for name in source.declared():
                declaring.setdefault(name, []).append(source)
        todo = self.own(folder)
        found: dict[Path, syntax.Source] = {}
        while todo:
            for name in todo.pop().used():
                for source in declaring.get(name, ()):
                    if source.path not in found:
                        found[source.path] = source
                        todo.append(source)
        return [found[path] for path in sorted(found)]

    def bundle(self, folder: Path) -> Bundle:
        """Return a definition's template.

        Raises:
            InputError: a file cannot be read.
            CueSyntaxError: a file is not CUE.
        """
        return join([*self.own(folder), *self.reached(folder)])


def join(sources: Sequence[syntax.Source]) -> Bundle:
    """Put files one after another: package clauses dropped, imports merged, comments kept."""
    lines: list[str] = []
    origins: list[tuple[Path, int] | None] = []
    for source in sources:
        kept = [
            (number, line)
            for number, line in enumerate(source.text.split("\n"), start=1)
            if number not in source.preamble
        ]
        kept = _trimmed(kept)
        if lines and kept:
            lines.append("")
            origins.append(None)
        for number, line in kept:
            lines.append(line)
            origins.append((source.path, number))
    imports = sorted({item.path for source in sources for item in source.imports})
    return Bundle(tuple(imports), tuple(lines), tuple(origins), tuple(source.path for source in sources))


def _trimmed(lines: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    kept = list(lines)
    while kept and not kept[0][1].strip():
        kept.pop(0)
    while kept and not kept[-1][1].strip():
        kept.pop()
    return kept
