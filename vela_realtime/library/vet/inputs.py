"""Rules for the inputs of a part: ``#Part & {#input: value}``.

CUE closes a definition for its regular fields alone. A misspelt ``#input`` is one more definition beside the part's
own: nothing fails, and the part takes its default. One that is left out is an incomplete value, of which CUE names the
place in the part and not the one that forgot it; and what waits for ``#rendered`` (CONTRIBUTING.md) is such a one too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeGuard

from vela_realtime.cue.syntax.tree import (
    Binary,
    Comprehension,
    Embedding,
    Field,
    Ident,
    ListLiteral,
    Literal,
    Selector,
    Struct,
    Text,
    Unary,
    bindings,
    children,
    free,
    is_definition,
    named,
    walk,
)
from vela_realtime.files import display
from vela_realtime.findings import Finding
from vela_realtime.findings.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vela_realtime.cue.syntax.tree import Declaration, Expr, Source

RULE = "unknown-input"
MISSING = "missing-input"
DEFAULT = "input-default"
WAITING = ("objects", "workload")
"""What of a part is worked out only where it is embedded beside ``#rendered: true``."""

_PART = re.compile(r"_?#[A-Z]")
_INPUT = re.compile(r"_?#[a-z]")
_TYPES = {"string", "bytes", "bool", "int", "float", "number"}


def check(sources: Iterable[Source], scope: Iterable[Source]) -> Iterator[Finding]:
    """Check files; ``scope`` are those whose top-level definitions they can refer to, themselves among them."""
    known = _Definitions(scope)
    for source in sources:
        for declaration in source.declarations:
            yield from _check(source, declaration, known, frozenset())
            match declaration:
                case Field(label=label, value=Struct() as struct) if label.name in {"output", "outputs", "_objects"}:
                    yield from _not_rendered(source, struct)


def defaults(sources: Iterable[Source]) -> Iterator[Finding]:
    """Report the inputs that have a default of their own.

    A default stands once, in ``parameter.cue``. Of two, CUE takes neither where they differ: whoever changes the one in
    ``parameter.cue`` is told of an unresolved disjunction in the middle of an object.
    """
    for source in sources:
        for name, field in _declared(source):
            if any(isinstance(node, Unary) and node.op == "*" for node in walk(field.value)):
                message = f"{name}.{field.label.name} has a default"
                hint = "a default stands once, in parameter.cue: let who uses the part give the input"
                yield Finding(display(source.path), field.at.line, field.at.column, DEFAULT, message, hint=hint)


def _declared(source: Source) -> Iterator[tuple[str, Field]]:
    """Yield the inputs that the top-level definitions of a file declare, each with the definition's name."""
    for declaration in source.declarations:
        match declaration:
            case Field(label=label, value=Struct(declarations=inner)) if _PART.match(label.name or ""):
                yield from ((label.name or "", field) for field in inner if _is_input(field))


def _is_input(declaration: Declaration) -> TypeGuard[Field]:
    return isinstance(declaration, Field) and bool(_INPUT.match(declaration.label.name or ""))


def _check(source: Source, node: Declaration | Expr, known: _Definitions, local: frozenset[str]) -> Iterator[Finding]:
    """Check what is below a node; names in ``local`` are bound around it and hide those of the top level."""
    whole = True
    if isinstance(node, Field) and _PART.match(node.label.name or ""):
        # A part that is made of another may leave inputs to who uses it.
        node, whole = node.value, False
    if isinstance(node, Struct):
        local |= bindings(node.declarations)
    if isinstance(node, Binary) and node.op == "&":
        operands = list(_operands(node))
        yield from _inputs(source, operands, known, local, whole=whole)
        for operand in operands:
            yield from _check(source, operand, known, local)
        return
    for child in children(node):
        yield from _check(source, child, known, local)


def _inputs(
    source: Source, operands: Sequence[Expr], known: _Definitions, local: frozenset[str], *, whole: bool
) -> Iterator[Finding]:
    parts = [item for item in operands if not isinstance(item, Struct)]
    names = [item.name for item in parts if isinstance(item, Ident)]
    if not names or len(names) < len(parts) or not all(is_definition(name) for name in names):
        return
    declared: set[str] = set()
    for part in parts:
        inputs = known.inputs(part, local)
        if inputs is None:
            return
        declared |= inputs
    for struct in operands:
        if not isinstance(struct, Struct):
            continue
        used = {name for inner in struct.declarations for name in free(inner)}
        for field in _fields(struct.declarations):
            name = field.label.name or ""
            # What the struct refers to is its own: a definition that is made of another and takes more than that.
            if name in declared or used.intersection((name, *field.aliases)):
                continue
            hint = did_you_mean([name], sorted(declared), f"it has {', '.join(sorted(declared)) or 'none'}")
            message = f"{' & '.join(names)} has no input {name}"
            yield Finding(display(source.path), field.at.line, field.at.column, RULE, message, hint=hint)
    structs = [item for item in operands if isinstance(item, Struct)]
    if whole and structs and not any(True for item in structs for _ in _embedded(item.declarations)):
        given = {field.label.name for item in structs for field in _fields(item.declarations)}
        for name in names:
            for missing in sorted(known.required(name) - given):
                at = structs[0].at
                hint = f"give it {missing}"
                yield Finding(display(source.path), at.line, at.column, MISSING, f"{name} needs {missing}", hint=hint)


def _not_rendered(source: Source, struct: Struct, *, said: bool = False) -> Iterator[Finding]:
    """Report what waits for ``#rendered`` where nobody says it."""
    said = said or any(item.label.name == "#rendered" for item in _fields(struct.declarations))
    for item in struct.declarations:
        match item:
            case Field(value=Struct() as inner):
                yield from _not_rendered(source, inner)
            case Comprehension(body=body):
                yield from _not_rendered(source, body, said=said)
            case Embedding(expr=Selector(name=name), at=at) if name in WAITING and not said:
                said = True  # once is enough
                message = f"{name} of a part waits for #rendered, which nobody says"
                hint = "say #rendered: true beside it"
                yield Finding(display(source.path), at.line, at.column, MISSING, message, hint=hint)


class _Definitions:
    """The definitions of the top level, and the inputs that each declares."""

    def __init__(self, scope: Iterable[Source]) -> None:
        self._active: list[str] = []
        self._values = {
            name: [item.value for _, item in fields] for name, fields in named(scope).items() if is_definition(name)
        }

    def inputs(self, value: Expr, local: frozenset[str]) -> set[str] | None:
        """Return the definitions that a value has as fields; None where that is not plain to see."""
        match value:
            case Literal() | Text() | ListLiteral():
                return set()
            case Ident(name=name) if name == "_" or name in _TYPES:
                return set()
            case Ident(name=name) if name in self._values and name not in local:
                if name in self._active:
                    return set()
                self._active.append(name)
                found = self._all((item, frozenset[str]()) for item in self._values[name])
                self._active.pop()
                return found
            case Binary(op="&" | "|", left=left, right=right):
                return self._all([(left, local), (right, local)])
            case Struct(declarations=declarations):
                return self._struct(declarations, local | bindings(declarations))
        return None

    def required(self, name: str) -> set[str]:
        """Return the inputs that a definition's own struct declares by their type alone, without a default."""
        found = set[str]()
        for definition in self._values.get(name, ()):
            for field in definition.declarations if isinstance(definition, Struct) else ():
                match field:
                    case Field(label=label, marker="", value=value) if _plain(value):
                        found |= {label.name} if label.name and is_definition(label.name) else set()
        return found

    def _struct(self, declarations: Sequence[Declaration], local: frozenset[str]) -> set[str] | None:
        found = {field.label.name or "" for field in _fields(declarations)}
        embedded = self._all((item, local) for item in _embedded(declarations))
        return None if embedded is None else found | embedded

    def _all(self, values: Iterable[tuple[Expr, frozenset[str]]]) -> set[str] | None:
        found: set[str] = set()
        for value, local in values:
            inputs = self.inputs(value, local)
            if inputs is None:
                return None
            found |= inputs
        return found


def _plain(expr: Expr) -> bool:
    """Tell whether a type has no value of its own: ``string``, or a choice of such and of literals."""
    match expr:
        case Ident(name=name):
            return name in _TYPES
        case Binary(op="|", left=left, right=right):
            return all(_plain(item) or isinstance(item, (Literal, Text)) for item in (left, right))
    return False


def _operands(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Binary) and expr.op == "&":
        yield from _operands(expr.left)
        yield from _operands(expr.right)
    else:
        yield expr


def _fields(declarations: Iterable[Declaration]) -> Iterator[Field]:
    """Yield the definitions that stand in a struct, behind an ``if`` too."""
    for item in declarations:
        if isinstance(item, Field) and item.label.name and is_definition(item.label.name) and item.label.referable:
            yield item
        elif isinstance(item, Comprehension):
            yield from _fields(item.body.declarations)


def _embedded(declarations: Iterable[Declaration]) -> Iterator[Expr]:
    for item in declarations:
        if isinstance(item, Embedding):
            yield item.expr
        elif isinstance(item, Comprehension):
            yield from _embedded(item.body.declarations)
