"""Rules for ``parameter``: what people read, and what KubeVela's schema generator survives.

The controller turns ``parameter`` into an OpenAPI schema for forms. Where its generator fails, the definition is
accepted all the same, its condition ``Synced`` is False with "unsupported op for number &", and there is no
schema. It fails on a default joined with a bound (``*1 | int & >0``, ``*1883 | uint16``, ``*1 | int`` and
``>0``), on ``!=""`` and on ``list.MinItems`` beside a list, written out or by way of a definition. Bounds
belong into a second definition that the template applies by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vela_realtime.cue.syntax.tree import (
    Apply,
    Binary,
    Comprehension,
    Embedding,
    Field,
    Ident,
    ListLiteral,
    Literal,
    Rest,
    Selector,
    Struct,
    Unary,
    is_definition,
    named,
)
from vela_realtime.files import display
from vela_realtime.findings import Finding
from vela_realtime.findings.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vela_realtime.cue.syntax.tree import Declaration, Expr, Position, Source

BOOLEAN_WORDS = {"n", "no", "off", "on", "y", "yes"}
"""Names that YAML 1.1, which people's tools speak, reads as true or false."""

BOUNDS = {"<", "<=", ">", ">="}
BOUNDED_TYPES = {f"{kind}{size}" for kind in ("int", "uint") for size in (8, 16, 32, 64, 128)} | {
    "uint",
    "rune",
    "float32",
    "float64",
}
NUMBERS = {"int", "float", "number"} | BOUNDED_TYPES
_LIST_CHECKS = {"MinItems", "MaxItems", "UniqueItems"}


@dataclass(frozen=True)
class _Value:
    """An expression, the file it stands in, and whether it is closed: all that is in it too, or only itself."""

    expr: Expr
    source: Source
    closed: bool
    deep: bool = True

    def inside(self, expr: Expr) -> _Value:
        """Return what stands one level below."""
        return _Value(expr, self.source, self.closed and self.deep)


@dataclass
class _Member:
    """All that is said about one property."""

    values: list[_Value] = field(default_factory=list)
    places: list[tuple[Source, Field]] = field(default_factory=list)


class _Walk:
    """One pass over a definition's parameters."""

    def __init__(self, sources: Sequence[Source], *, may_be_open: bool) -> None:
        self.may_be_open = may_be_open
        self.findings: list[Finding] = []
        self.definitions: dict[str, list[_Value]] = {}
        self._active: list[str] = []
        for name, fields in named(sources).items():
            closed = is_definition(name)
            self.definitions[name] = [_Value(item.value, source, closed) for source, item in fields]

    def add(self, source: Source, at: Position, rule: str, message: str, hint: str = "") -> None:
        self.findings.append(Finding(display(source.path), at.line, at.column, rule, message, hint=hint))

    # what an expression stands for

    def conjuncts(self, value: _Value) -> Iterator[_Value]:
        """Yield what is unified in a value: references to definitions followed, ``&`` and ``close`` taken apart."""
        match value.expr:
            case Binary(op="&", left=left, right=right):
                yield from self.conjuncts(_Value(left, value.source, value.closed))
                yield from self.conjuncts(_Value(right, value.source, value.closed))
            case Ident(name=name) if name in self.definitions and name not in self._active:
                self._active.append(name)
                for inner in self.definitions[name]:
                    yield from self.conjuncts(_Value(inner.expr, inner.source, value.closed or inner.closed))
                self._active.pop()
            case Apply(operand=Ident(name="close"), arguments=(inner_expr,), bracket="("):
                yield _Value(inner_expr, value.source, True, value.closed)
            case _:
                yield value

    def alternatives(self, value: _Value) -> Iterator[_Value]:
        """Yield the alternatives of a disjunction, each with its default mark; of anything else, itself."""
        match value.expr:
            case Binary(op="|", left=left, right=right):
                yield from self.alternatives(_Value(left, value.source, value.closed))
                yield from self.alternatives(_Value(right, value.source, value.closed))
            case Ident(name=name) if len(self.definitions.get(name, ())) == 1 and name not in self._active:
                (inner,) = self.definitions[name]
                self._active.append(name)
                found = list(self.alternatives(inner))
                self._active.pop()
                yield from found if len(found) > 1 else [value]
            case _:
                yield value

    # structs

    def members(self, value: _Value, into: dict[str, _Member], maps: list[_Value]) -> None:
        """Collect the properties that a value declares, embedded ones and those behind an ``if`` too."""
        for part in self.conjuncts(value):
            if isinstance(part.expr, Struct):
                if len(part.expr.declarations) == 1 and isinstance(part.expr.declarations[0], Rest):
                    continue  # {...} says on purpose that anything goes, as for a pod's own structures
                for declaration in part.expr.declarations:
                    self._member(declaration, part, into, maps)

    def _member(self, declaration: Declaration, part: _Value, into: dict[str, _Member], maps: list[_Value]) -> None:
        match declaration:
            case Field(label=label, value=expr):
                value = part.inside(expr)
                if label.name is not None:
                    if not label.name.startswith(("#", "_")):
                        member = into.setdefault(label.name, _Member())
                        member.values.append(value)
                        member.places.append((part.source, declaration))
                elif label.pattern:
                    maps.append(value)
            case Embedding(expr=expr):
                self.members(_Value(expr, part.source, part.closed, part.deep), into, maps)
            case Comprehension(body=body):
                self.members(_Value(body, part.source, part.closed, part.deep), into, maps)
            case Rest(at=at) if not self.may_be_open:
                message = "parameters end with `...`: a misspelt property would pass without a word"
                self.add(part.source, at, "parameter-open", message, "name the properties, or use [string]: T")

    def struct(self, values: Iterable[_Value], path: str) -> None:
        """Check the properties of a struct."""
        into: dict[str, _Member] = {}
        maps: list[_Value] = []
        for value in values:
            self.members(value, into, maps)
        for name, member in into.items():
            self.member(f"{path}.{name}" if path else name, name, member)
        for value in maps:
            self.value([value], f"{path}.*")

    def member(self, path: str, name: str, member: _Member) -> None:
        """Check one property."""
        source, first = member.places[0]
        if name.lower() in BOOLEAN_WORDS:
            message = f"{path}: YAML reads {name} as true or false"
            self.add(source, first.at, "parameter-name", message, "give the parameter another name")
        docs = [line for _, place in member.places for line in place.doc]
        if not any(line.startswith(("+usage=", "+ignore")) for line in docs):
            message = f"{path} has no `// +usage=` above it"
            self.add(source, first.at, "parameter-usage", message, "say what it is: it becomes help and documentation")
        self.value(member.values, path)

    # bounds

    def bounds(self, bounded: Iterable[_Value], declared: Iterable[_Value], path: str) -> None:
        """Report the properties that are bounded and not declared: a misspelt bound bounds nothing."""
        known: dict[str, _Member] = {}
        strict: dict[str, _Member] = {}
        maps: list[_Value] = []
        for value in self.inside(declared):
            self.members(value, known, maps)
        if maps or not known:
            return  # any name goes
        for value in self.inside(bounded):
            self.members(value, strict, [])
        for name, member in strict.items():
            here = f"{path}.{name}" if path else name
            if name in known:
                self.bounds(member.values, known[name].values, here)
                continue
            source, place = member.places[0]
            if source.path.parent not in {value.source.path.parent for value in self.definitions["parameter"]}:
                continue  # bounds that several definitions share
            hint = did_you_mean([name], sorted(known.keys() - strict.keys()) or sorted(known))
            self.add(source, place.at, "unknown-bound", f"{here} is bounded, and there is no such parameter", hint)

    def inside(self, values: Iterable[_Value]) -> Iterator[_Value]:
        """Yield the alternatives of values, and of lists what they hold."""
        for value in values:
            for alternative in self.alternatives(value):
                for part in self.conjuncts(alternative):
                    if isinstance(part.expr, ListLiteral):
                        items = [item.expr for item in part.expr.elements if isinstance(item, Rest)]
                        yield from self.inside(part.inside(item) for item in items if item is not None)
                    elif part.expr != alternative.expr:
                        yield from self.inside([part])
                    else:
                        yield part

    # values

    def value(self, values: Sequence[_Value], path: str) -> None:
        """Check what may be said of a property, then what is inside of it."""
        parts = [part for value in values for part in self.conjuncts(value)]
        self.constraints(parts, path)
        structs = [part for part in parts if isinstance(part.expr, Struct)]
        for part in parts:
            for alternative in self.alternatives(part):
                inner = [item for item in self.conjuncts(alternative) if isinstance(item.expr, Struct)]
                structs += [item for item in inner if item not in structs]
                for item in self.conjuncts(alternative):
                    if isinstance(item.expr, ListLiteral):
                        self.elements(item.expr.elements, item, path)
        if structs:
            if not self.may_be_open:
                self.closedness(structs, path)
            self.struct(structs, path)

    def closedness(self, structs: Sequence[_Value], path: str) -> None:
        if not any(item.closed for item in structs):
            first = structs[0]
            message = f"{path or 'parameter'} is open: a misspelt property would pass without a word"
            self.add(first.source, first.expr.at, "parameter-open", message, "write it as a definition: #Parameter")

    def elements(self, elements: Iterable[object], value: _Value, path: str) -> None:
        """Check what a list may hold."""
        for element in elements:
            if isinstance(element, Rest) and element.expr is not None:
                self.value([value.inside(element.expr)], f"{path}[]")

    def constraints(self, parts: Sequence[_Value], path: str) -> None:
        """Report what the schema generator dies of."""
        defaulted = [part for part in parts if any(_is_default(item.expr) for item in self.alternatives(part))]
        for part in parts:
            for alternative in self.alternatives(part):
                self.alternative(alternative, part in defaulted, path)
        bounds = [part for part in parts if part not in defaulted and self.bounded(part)]
        if defaulted and bounds:
            first = bounds[0]
            self.generator(first, f"{path}: a default is joined with a bound", path)
        if len(parts) > 1:
            for part in parts:
                if _list_check(part.expr):
                    self.generator(part, f"{path}: list.{_list_check(part.expr)} is joined with a list", path)

    def alternative(self, value: _Value, has_default: bool, path: str) -> None:
        expr = value.expr.operand if _is_default(value.expr) and isinstance(value.expr, Unary) else value.expr
        parts = list(self.conjuncts(_Value(expr, value.source, value.closed)))
        for part in parts:
            if isinstance(part.expr, Unary) and part.expr.op == "!=":
                self.generator(part, f"{path}: `!=` has no counterpart in a schema", path)
        if not has_default:
            return
        numeric = [part for part in parts if _is_number(part.expr)]
        if any(isinstance(part.expr, Ident) and part.expr.name in BOUNDED_TYPES for part in parts):
            self.generator(value, f"{path}: a default beside a type with bounds of its own", path)
        elif len(numeric) > 1:
            self.generator(value, f"{path}: a default beside a number with bounds", path)

    def bounded(self, value: _Value) -> bool:
        parts = [item for alternative in self.alternatives(value) for item in self.conjuncts(alternative)]
        return any(
            (isinstance(part.expr, Unary) and part.expr.op in BOUNDS)
            or (isinstance(part.expr, Ident) and part.expr.name in BOUNDED_TYPES)
            for part in parts
        )

    def generator(self, value: _Value, message: str, path: str) -> None:
        self.add(
            value.source,
            value.expr.at,
            "parameter-schema",
            f"{message}: KubeVela's schema generator fails on it",
            f"leave the type and the default in #Parameter, and bound {path} in #Strict",
        )


def _is_default(expr: Expr) -> bool:
    return isinstance(expr, Unary) and expr.op == "*"


def _is_number(expr: Expr) -> bool:
    match expr:
        case Unary(op=op) if op in BOUNDS:
            return True
        case Ident(name=name):
            return name in NUMBERS
        case Literal(text=text):
            return text[:1].isdigit() or text[:1] == "."
    return False


def _list_check(expr: Expr) -> str:
    match expr:
        case Apply(operand=Selector(operand=Ident(name="list"), name=name)) if name in _LIST_CHECKS:
            return name
    return ""


def check(sources: Sequence[Source], *, may_be_open: bool = False) -> list[Finding]:
    """Check the parameters of a definition, given the files of its bundle.

    ``may_be_open`` is for a definition that takes the place of one of KubeVela's own, whose parameters are open.
    """
    walk = _Walk(sources, may_be_open=may_be_open)
    fields = [(source, item) for source in sources for item in source.fields("parameter")]
    if not fields:
        first = sources[0] if sources else None
        file = display(first.path) if first else "-"
        return [Finding(file, 0, 0, "parameter", "no file of the definition declares `parameter`")]
    declared = [_Value(item.value, source, False) for source, item in fields]
    walk.value(declared, "")
    strict = _Walk(sources, may_be_open=True)  # bounds end with `...`
    strict.bounds(strict.definitions.get("#Strict", ()), declared, "")
    return sorted({*walk.findings, *strict.findings})
