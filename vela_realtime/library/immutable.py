"""Parameters that must not change once there is data: those with the line ``// +immutable`` above them.

KubeVela 1.11 refuses a change of them at admission, but reads only a field ``parameter`` whose value is written as a
struct (``pkg/schema/immutable.go`` of its source). Ours is ``parameter: #Parameter``, so a bundle declares it a second
time, with nothing but those fields. Older versions read it as a comment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vela_realtime.cue.syntax.tree import Embedding, Field, Ident, Struct, named
from vela_realtime.kubevela.immutable import MARKER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vela_realtime.cue.syntax.tree import Expr, Source


@dataclass(frozen=True)
class Immutable:
    """A parameter: its path, and for each step whether it may be left out."""

    path: tuple[str, ...]
    optional: tuple[bool, ...]


def of(own: Sequence[Source], shared: Sequence[Source]) -> list[Immutable]:
    """Return the immutable parameters of ``#Parameter`` as ``own`` declares it, those that it embeds included."""
    known = named([*own, *shared])
    found = {
        item.path: item for source in own for field in source.fields("#Parameter") for item in _walk(field.value, known)
    }
    return list(found.values())


def _walk(
    expr: Expr,
    known: dict[str, list[tuple[Source, Field]]],
    path: tuple[str, ...] = (),
    optional: tuple[bool, ...] = (),
) -> Iterator[Immutable]:
    match expr:
        case Struct(declarations=declarations):
            for declaration in declarations:
                match declaration:
                    case Embedding(expr=inner):
                        yield from _walk(inner, known, path, optional)
                    case Field(label=label, value=value, marker=marker, doc=doc) if label.name:
                        here, may = (*path, label.name), (*optional, marker == "?")
                        if any(line.strip() == MARKER for line in doc):
                            yield Immutable(here, may)
                        else:
                            yield from _walk(value, known, here, may)
        case Ident(name=name) if name in known and name.startswith("#"):
            for _, field in known[name]:
                yield from _walk(field.value, known, path, optional)


def declaration(items: Sequence[Immutable]) -> list[str]:
    """Return the lines of the second declaration of ``parameter``; none where nothing is immutable."""
    return ["parameter: {", *_fields(items, 0), "\t...", "}"] if items else []


def _fields(items: Sequence[Immutable], depth: int) -> Iterator[str]:
    indent = "\t" * (depth + 1)
    groups: dict[str, list[Immutable]] = {}
    for item in items:
        groups.setdefault(item.path[depth], []).append(item)
    for name, inside in groups.items():
        mark = "?" if inside[0].optional[depth] else ""
        if len(inside[0].path) == depth + 1:
            yield f"{indent}// {MARKER}"
            yield f"{indent}{name}{mark}: _"
        else:
            yield f"{indent}{name}{mark}: {{"
            yield from _fields(inside, depth + 1)
            yield f"{indent}\t..."
            yield f"{indent}}}"
