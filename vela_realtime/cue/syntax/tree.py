"""The tree of a CUE file, and the names that it declares and uses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


class CueSyntaxError(Exception):
    """The text is not CUE as far as this reader can tell; ``line`` and ``column`` count from 1."""

    def __init__(self, message: str, line: int, column: int, path: Path | None = None) -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.path = message, line, column, path


@dataclass(frozen=True)
class Position:
    """A place in a file, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Ident:
    """A name: a reference, or a predeclared type such as ``string``."""

    name: str
    at: Position


@dataclass(frozen=True)
class Literal:
    """A number, or one of ``true``, ``false``, ``null`` and ``_|_``, as written."""

    text: str
    at: Position


@dataclass(frozen=True)
class Text:
    """A string or bytes literal.

    ``value`` is the content of a plain string on one line, None where it has escapes or interpolations.
    """

    value: str | None
    parts: tuple[Expr, ...]
    at: Position


@dataclass(frozen=True)
class Unary:
    """An operator before an operand; ``*`` marks a default."""

    op: str
    operand: Expr
    at: Position


@dataclass(frozen=True)
class Binary:
    """Two operands with an operator between them."""

    op: str
    left: Expr
    right: Expr
    at: Position


@dataclass(frozen=True)
class Selector:
    """``operand.name``."""

    operand: Expr
    name: str
    at: Position


@dataclass(frozen=True)
class Apply:
    """A call ``operand(arguments)`` or an index ``operand[arguments]``, told apart by ``bracket``."""

    operand: Expr
    arguments: tuple[Expr, ...]
    bracket: str
    at: Position


@dataclass(frozen=True)
class ListLiteral:
    """``[elements]``; an element may be a comprehension or an ellipsis."""

    elements: tuple[Declaration | Expr, ...]
    at: Position


@dataclass(frozen=True)
class Struct:
    """``{declarations}``; without ``braces`` what follows a label in ``a: b: 1``."""

    declarations: tuple[Declaration, ...]
    at: Position
    braces: bool = True


Expr: TypeAlias = "Ident | Literal | Text | Unary | Binary | Selector | Apply | ListLiteral | Struct"


@dataclass(frozen=True)
class Label:
    """What stands before a field's colon.

    ``name`` is set where it is fixed (``size``, ``"a-b"``); ``referable`` only where other expressions can
    name it, which a quoted label does not allow. ``expr`` is the pattern or the computed name otherwise.
    """

    name: str | None
    referable: bool
    pattern: bool
    expr: Expr | None


@dataclass(frozen=True)
class Field:
    """``label: value``. ``marker`` is ``?``, ``!`` or empty; ``doc`` are the comment lines right above it."""

    label: Label
    marker: str
    value: Expr
    aliases: tuple[str, ...]
    doc: tuple[str, ...]
    at: Position


@dataclass(frozen=True)
class Embedding:
    """An expression that stands alone in a struct."""

    expr: Expr
    at: Position


@dataclass(frozen=True)
class Let:
    """``let name = expr``."""

    name: str
    expr: Expr
    at: Position


@dataclass(frozen=True)
class Clause:
    """One clause of a comprehension: ``for``, ``if`` or ``let``, with the names that it brings."""

    kind: str
    names: tuple[str, ...]
    expr: Expr


@dataclass(frozen=True)
class Comprehension:
    """``for ... if ... {body}``."""

    clauses: tuple[Clause, ...]
    body: Struct
    at: Position


@dataclass(frozen=True)
class Rest:
    """``...`` or ``...T``."""

    expr: Expr | None
    at: Position


@dataclass(frozen=True)
class Attribute:
    """``@name(...)`` that stands alone or follows a field."""

    name: str
    at: Position


Declaration: TypeAlias = "Field | Embedding | Let | Comprehension | Rest | Attribute"


@dataclass(frozen=True)
class Import:
    """One imported package: its path, and the alias where one is given."""

    path: str
    alias: str
    at: Position

    @property
    def name(self) -> str:
        """The name by which the file refers to the package."""
        return self.alias or re.split("[/:]", self.path)[-1]


@dataclass(frozen=True)
class Source:
    """One CUE file, read."""

    path: Path
    text: str
    package: str
    imports: tuple[Import, ...]
    declarations: tuple[Declaration, ...]
    attributes: tuple[Attribute, ...]
    preamble: frozenset[int]
    """The lines that hold the package clause and the imports."""
    comments: frozenset[int] = frozenset()
    """The lines that hold a comment and nothing else, those with a marker such as ``+usage=`` left out."""
    inside_text: frozenset[int] = frozenset()
    """The lines that begin inside of a string over several lines."""

    def declared(self) -> dict[str, Position]:
        """Return the top-level names that other files can refer to, each with its first place."""
        return {name: fields[0][1].at for name, fields in named([self]).items()}

    def used(self) -> set[str]:
        """Return the names that the file refers to and that nothing inside of it binds."""
        names = {name for declaration in self.declarations for name in free(declaration)}
        return names - {item.name for item in self.imports}

    def lines(self, declaration: Declaration) -> range:
        """Return the lines from a top-level declaration to the one after it."""
        later = [other.at.line for other in self.declarations if other.at.line > declaration.at.line]
        return range(declaration.at.line, min(later, default=self.text.count("\n") + 2))

    def fields(self, name: str) -> Iterator[Field]:
        """Yield the top-level fields of this name."""
        for declaration in self.declarations:
            if isinstance(declaration, Field) and declaration.label.name == name:
                yield declaration


def named(sources: Iterable[Source]) -> dict[str, list[tuple[Source, Field]]]:
    """Return the top-level fields of some files that other expressions can refer to, by name, each with its file."""
    found: dict[str, list[tuple[Source, Field]]] = {}
    for source in sources:
        for item in source.declarations:
            if isinstance(item, Field) and item.label.referable and item.label.name:
                found.setdefault(item.label.name, []).append((source, item))
    return found


def is_definition(name: str) -> bool:
    """Tell whether a name is a definition's: CUE closes what it stands for, and renders none of it."""
    return name.startswith(("#", "_#"))


def free(declaration: Declaration) -> set[str]:
    """Return the names that a top-level declaration refers to and does not bind, imported packages among them."""
    names: set[str] = set()
    _free(declaration, frozenset(), names)
    return names


def _free(node: Declaration | Expr, bound: frozenset[str], names: set[str]) -> None:
    """Add to ``names`` what ``node`` refers to beyond ``bound``."""
    match node:
        case Ident(name=name):
            if name not in bound:
                names.add(name)
        case Struct(declarations=declarations):
            inner = bound | bindings(declarations)
            for declaration in declarations:
                _free(declaration, inner, names)
        case Field(label=label, value=value, aliases=aliases):
            if label.expr is not None:
                _free(label.expr, bound, names)
            _free(value, bound.union(aliases), names)
        case Comprehension(clauses=clauses, body=body):
            for clause in clauses:
                _free(clause.expr, bound, names)
                bound = bound.union(clause.names)
            _free(body, bound, names)
        case _:
            for child in children(node):
                _free(child, bound, names)


def bindings(declarations: Sequence[Declaration]) -> frozenset[str]:
    """Return the names that a struct's declarations bind for what is inside of it."""
    names: set[str] = set()
    for declaration in declarations:
        if isinstance(declaration, Field):
            if declaration.label.referable and declaration.label.name:
                names.add(declaration.label.name)
            if not declaration.label.pattern:
                names.update(declaration.aliases)
        elif isinstance(declaration, Let):
            names.add(declaration.name)
    return frozenset(names)


def children(node: Declaration | Expr) -> tuple[Declaration | Expr, ...]:
    """Return the parts of a node, in the order of the text."""
    match node:
        case Text(parts=parts):
            return parts
        case Unary(operand=operand) | Selector(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Apply(operand=operand, arguments=arguments):
            return (operand, *arguments)
        case ListLiteral(elements=elements):
            return elements
        case Struct(declarations=declarations):
            return declarations
        case Field(label=label, value=value):
            return (value,) if label.expr is None else (label.expr, value)
        case Embedding(expr=expr) | Let(expr=expr):
            return (expr,)
        case Comprehension(clauses=clauses, body=body):
            return (*(clause.expr for clause in clauses), body)
        case Rest(expr=inner):
            return () if inner is None else (inner,)
    return ()


def walk(node: Declaration | Expr) -> Iterator[Declaration | Expr]:
    """Yield a node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)
