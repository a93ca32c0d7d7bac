"""Rules that keep a definition's package and its bundle the same.

A bundle is the files' texts one after another, in one scope. CUE gives each file a scope of its own for imports,
lets and comprehensions, so what depends on that scope works in the package and breaks in the cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.cue.syntax.tree import Comprehension, Embedding, Field, Let
from vela_realtime.files import display
from vela_realtime.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vela_realtime.cue.syntax.tree import Position, Source

RULE = "package"
PACKAGE = "realtime"

# CueX providers call out while they render: to the cluster, to a server. A definition must not.
_STANDARD = {
    "crypto",
    "encoding",
    "html",
    "list",
    "math",
    "net",
    "path",
    "regexp",
    "strconv",
    "strings",
    "struct",
    "text",
    "time",
    "uuid",
}


def check_file(source: Source) -> Iterator[Finding]:
    """Check one file by itself."""
    if source.package != PACKAGE:
        yield _finding(source, None, f"must start with `package {PACKAGE}`")
    for item in source.imports:
        if item.alias:
            yield _finding(source, item.at, f'import "{item.path}" without an alias: a bundle has one import clause')
        if item.path.partition("/")[0] not in _STANDARD:
            yield _finding(
                source,
                item.at,
                f'import "{item.path}": only CUE\'s standard packages can be imported',
                "KubeVela resolves no other package, and rendering must not call out",
            )
    for attribute in source.attributes:
        if attribute.name in {"if", "embed", "extern", "ignore"}:
            yield _finding(source, attribute.at, f"@{attribute.name}(...) belongs to a file, and a bundle has none")
    for declaration in source.declarations:
        if isinstance(declaration, Let):
            yield _finding(
                source,
                declaration.at,
                f"let {declaration.name} at the top level is seen by this file alone",
                f"make it a hidden field: _{declaration.name}",
            )
        elif isinstance(declaration, Comprehension):
            word = declaration.clauses[0].kind
            message = f"`{word}` at the top level adds fields that no other file can refer to"
            yield _finding(source, declaration.at, message, "put it inside of a field")
        elif isinstance(declaration, Embedding):
            yield _finding(source, declaration.at, "a value at the top level replaces the whole package")
        elif isinstance(declaration, Field) and declaration.aliases and not declaration.label.pattern:
            message = f"alias {declaration.aliases[0]} at the top level is seen by this file alone"
            yield _finding(source, declaration.at, message, "refer to the field by its name")


def check_bundle(sources: Sequence[Source]) -> Iterator[Finding]:
    """Check the files of one bundle together."""
    imported: dict[str, tuple[str, Source]] = {}
    for source in sources:
        for item in source.imports:
            path, other = imported.setdefault(item.name, (item.path, source))
            if path != item.path:
                message = f'"{item.path}" and "{path}" of {display(other.path)} are both called {item.name}'
                yield _finding(source, item.at, message, "a bundle has one import clause: use one of them")
    for source in sources:
        for name, at in source.declared().items():
            if name in imported:
                path, other = imported[name]
                message = f'{name} is also the package "{path}" that {display(other.path)} imports'
                yield _finding(source, at, message, "give the field another name")


def _finding(source: Source, at: Position | None, message: str, hint: str = "") -> Finding:
    line, column = (at.line, at.column) if at else (1, 1)
    return Finding(display(source.path), line, column, RULE, message, hint=hint)
