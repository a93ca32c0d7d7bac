"""Whether each of a parameter's choices, ``"postgres" | "mysql"``, is within its bounds.

A choice that is added to ``#Parameter`` alone, and not to the table that ``#Strict`` takes its bound from, would be
offered and then refused; without such a bound it would be taken for one of the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vela_realtime import cue
from vela_realtime.cue.syntax.tree import (
    Binary,
    Embedding,
    Field,
    Ident,
    ListLiteral,
    Rest,
    Struct,
    Unary,
)
from vela_realtime.cue.syntax.tree import named as top_level
from vela_realtime.files import display
from vela_realtime.findings import Finding
from vela_realtime.library import defaults

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vela_realtime.cue.syntax.tree import Expr, Position, Source


@dataclass(frozen=True)
class Choice:
    """One literal of several: its path, ``("dataSources", 0, "type")`` with 0 for any element of a list, and place."""

    path: tuple[str | int, ...]
    value: Any
    source: Source
    at: Position

    @property
    def given(self) -> str:
        """A parameter with this choice alone, as CUE: ``{"dataSources": [{"type": "mysql"}]}``."""
        given = self.value
        for key in reversed(self.path):
            given = [given] if isinstance(key, int) else {key: given}
        return json.dumps(given)


def check(library: Path, folder: Path, own: Sequence[Source], shared: Sequence[Source]) -> list[Finding]:
    """Report the choices of a definition's parameters that its ``#Strict`` refuses, each at its line.

    ``library`` is the folder of the library's CUE, ``folder`` the definition's.
    """
    if not any(source.fields("#Strict") for source in own):
        return []
    known = top_level([*own, *shared])
    found = [
        item for source in own for field in source.fields("#Parameter") for item in _of(known, field.value, source)
    ]
    if not found:
        return []
    tried = ", ".join(f"#Strict & {item.given}" for item in found)
    done = cue.run(["eval", "--all-errors", f"./{folder.name}", "-e", f"[{tried}]"], folder=library)
    findings = dict[Choice, Finding]()
    for problem in cue.failure(done, library):
        index, _, _ = problem.path.partition(".")
        if index.isdecimal() and int(index) < len(found):
            item = found[int(index)]
            name = ".".join(str(key) for key in item.path if isinstance(key, str))
            message = f"{json.dumps(item.value, ensure_ascii=False)} cannot be a choice of {name}: #Strict refuses it"
            file = display(item.source.path)
            findings.setdefault(item, Finding(file, item.at.line, item.at.column, "choice", message))
    return list(findings.values())


def _of(
    known: dict[str, list[tuple[Source, Field]]], expr: Expr, source: Source, path: tuple[str | int, ...] = ()
) -> Iterator[Choice]:
    match expr:
        case Struct(declarations=declarations):
            for declaration in declarations:
                match declaration:
                    case Embedding(expr=inner):
                        yield from _of(known, inner, source, path)
                    case Field(label=label, value=value) if label.name and label.name[0] not in "#_":
                        yield from _of(known, value, source, (*path, label.name))
        case Ident(name=name) if name in known and name.startswith("#"):
            for other, field in known[name]:
                yield from _of(known, field.value, other, path)
        case ListLiteral(elements=elements):
            for element in elements:
                if isinstance(element, Rest) and element.expr is not None:
                    yield from _of(known, element.expr, source, (*path, 0))
        case Binary(op="|"):
            for item in defaults.alternatives(expr):
                operand = item.operand if isinstance(item, Unary) and item.op == "*" else item
                for value in defaults.literal(operand):
                    yield Choice(path, value, source, item.at)
                if isinstance(operand, Struct | ListLiteral):
                    yield from _of(known, operand, source, path)
