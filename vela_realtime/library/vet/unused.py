"""What is declared and never used: an input of a part that nothing in it reads, a parameter that no file reads.

Both come from an edit that was left half done, and CUE says nothing of either: who gives the input or the parameter is
not told that it has no effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from vela_realtime.cue.syntax.tree import (
    Apply,
    Binary,
    Embedding,
    Field,
    Ident,
    Literal,
    Selector,
    Struct,
    Text,
    bindings,
    children,
    is_definition,
    named,
    walk,
)
from vela_realtime.files import display
from vela_realtime.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vela_realtime.cue.syntax.tree import Declaration, Expr, Source

INPUT = "unused-input"
PARAMETER = "unused-parameter"

_Path: TypeAlias = "tuple[str, ...]"
_DECLARING = {"#Parameter", "#Strict", "strict"}
"""What says what the parameters are; it does not use them."""


def inputs(sources: Sequence[Source]) -> Iterator[Finding]:
    """Report the inputs of top-level definitions that nothing inside of them reads.

    One that a definition embeds from another is read there; so is one that somebody reads of the part.
    """
    selected = {
        node.name
        for source in sources
        for declaration in source.declarations
        for node in walk(declaration)
        if isinstance(node, Selector)
    }
    for source in sources:
        for declaration in source.declarations:
            match declaration:
                case Field(label=label, value=Struct(declarations=inner)) if is_definition(label.name or ""):
                    if any(isinstance(item, Embedding) for item in inner):
                        continue
                    for field in inner:
                        if isinstance(field, Field) and is_definition(field.label.name or "") and field.label.referable:
                            names = {field.label.name or "", *field.aliases}
                            others = [item for item in inner if item is not field]
                            if names & (selected | _mentioned(others)):
                                continue
                            message = f"{label.name}.{field.label.name} is never read"
                            at = field.at
                            hint = "use it, or take it away"
                            yield Finding(display(source.path), at.line, at.column, INPUT, message, hint=hint)


def _mentioned(declarations: Iterable[Declaration]) -> set[str]:
    return {node.name for item in declarations for node in walk(item) if isinstance(node, Ident)}


def parameters(own: Sequence[Source], reached: Sequence[Source]) -> Iterator[Finding]:
    """Report the parameters that no file of a definition reads; ``reached`` is what it uses of the library."""
    used = _Uses(own, reached).paths()
    known = named([*own, *reached])
    for source in own:
        for field in source.fields("#Parameter"):
            for path, place, file in _leaves(field.value, source, (), known):
                if any(path[: len(item)] == item[: len(path)] for item in used):
                    continue
                message = f"{'.'.join(path)} is declared, and nothing reads it"
                hint = "use it in template.cue, or take it away"
                yield Finding(display(file.path), place.at.line, place.at.column, PARAMETER, message, hint=hint)


def _leaves(
    expr: Expr, source: Source, path: _Path, known: dict[str, list[tuple[Source, Field]]]
) -> Iterator[tuple[_Path, Field, Source]]:
    """Yield the parameters that hold no struct themselves. What is inside of lists and maps counts as one."""
    match expr:
        case Struct(declarations=declarations):
            for item in declarations:
                match item:
                    case Embedding(expr=inner):
                        yield from _leaves(inner, source, path, known)
                    case Field(label=label, value=value) if label.name and not label.name.startswith(("#", "_")):
                        here = (*path, label.name)
                        inner_fields = isinstance(value, Struct) and all(
                            isinstance(one, Embedding) or (isinstance(one, Field) and one.label.name)
                            for one in value.declarations
                        )
                        if inner_fields:
                            yield from _leaves(value, source, here, known)
                        else:
                            yield here, item, source
        case Ident(name=name):
            for other, field in known.get(name, ()):
                yield from _leaves(field.value, other, path, known)


class _Uses:
    """The paths below ``parameter`` that files read. One that is read as a whole stands for all that is in it."""

    def __init__(self, own: Sequence[Source], reached: Sequence[Source]) -> None:
        self._own = own
        self._known = named([*own, *reached])
        self._found: set[_Path] = set()
        self._seen: set[str] = set()

    def paths(self) -> set[_Path]:
        for source in self._own:
            for declaration in source.declarations:
                if isinstance(declaration, Field) and declaration.label.name in {*_DECLARING, "parameter"}:
                    continue
                self._read(declaration, frozenset({"parameter"}), frozenset())
        return self._found

    def _read(self, node: Declaration | Expr, roots: frozenset[str], hidden: frozenset[str]) -> None:
        """Add what a node reads of the names in ``roots``, but for those that something around it binds."""
        match node:
            case Struct(declarations=declarations):
                hidden |= bindings(declarations)
            case Selector() | Apply(bracket="["):
                path = _path(node)
                if path and path[0] in roots - hidden:
                    # From where a name is computed on, anything may be meant.
                    self._found.add(path[1 : path.index("")] if "" in path else path[1:])
                    for inner in walk(node):
                        if isinstance(inner, Apply):
                            for argument in inner.arguments:
                                self._read(argument, roots, hidden)
                    return
            case Ident(name=name) if name in roots - hidden:
                self._found.add(())
                return
            case Binary(op="==" | "!=", left=Ident(), right=Literal(text="_|_")):
                return  # asks whether there are parameters at all
            case Binary(op="&"):
                if self._handed_on(node, roots, hidden):
                    return
            case Field(label=label, value=value) if not label.pattern and label.name in roots:
                self._read(value, roots, hidden)
                return
        for child in children(node):
            self._read(child, roots, hidden)

    def _handed_on(self, node: Binary, roots: frozenset[str], hidden: frozenset[str]) -> bool:
        """Read ``#Part & {#input: parameter}``: what the part reads of it. Tell whether that was it."""
        operands = list(_operands(node))
        parts = [item.name for item in operands if isinstance(item, Ident) and is_definition(item.name)]
        taken = False
        for struct in operands:
            if not isinstance(struct, Struct):
                continue
            for item in struct.declarations:
                match item:
                    case Field(label=label, value=Ident(name=name)) if name in roots and (
                        name not in hidden or label.name == f"#{name}"
                    ):
                        taken = True
                        for part in parts:
                            self._inside(part, label.name or "")
                    case _:
                        self._read(item, roots, hidden | bindings(struct.declarations))
        return taken

    def _inside(self, part: str, name: str) -> None:
        if f"{part}.{name}" in self._seen:
            return
        self._seen.add(f"{part}.{name}")
        for _, field in self._known.get(part, ()):
            if isinstance(field.value, Struct):
                inputs = [
                    item for item in field.value.declarations if isinstance(item, Field) and item.label.name == name
                ]
                roots = frozenset({name, *(alias for item in inputs for alias in item.aliases)})
                for item in field.value.declarations:
                    if item not in inputs:
                        self._read(item, roots, frozenset())


def _path(node: Expr) -> _Path:
    """Return the names of ``a.b["c"].d``, as far as they are plain; nothing where it begins with no name."""
    match node:
        case Ident(name=name):
            return (name,)
        case Selector(operand=operand, name=name):
            inner = _path(operand)
            return (*inner, name) if inner and inner[-1] else inner
        case Apply(operand=operand, arguments=(Text(value=str(text)),), bracket="["):
            inner = _path(operand)
            return (*inner, text) if inner and inner[-1] else inner
        case Apply(operand=operand, bracket="["):
            inner = _path(operand)
            return (*inner, "") if inner else inner
    return ()


def _operands(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Binary) and expr.op == "&":
        yield from _operands(expr.left)
        yield from _operands(expr.right)
    else:
        yield expr
