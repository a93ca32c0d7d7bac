"""Closedness and rules for names, which ``cue`` leaves out of its export, read from the tree of the template."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vela_realtime.cue.syntax.tree import (
    Apply,
    Binary,
    Comprehension,
    Embedding,
    Field,
    Ident,
    ListLiteral,
    Rest,
    Struct,
    Unary,
    is_definition,
)
from vela_realtime.schema import conditions
from vela_realtime.schema.openapi import Reader, Schema, merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vela_realtime.cue.syntax.tree import Declaration, Expr
    from vela_realtime.schema.template import Template


@dataclass(frozen=True)
class _Value:
    """An expression, and whether it is closed: all that is in it too, or only itself."""

    expr: Expr
    closed: bool
    deep: bool = True


@dataclass
class _Group:
    """One struct with all that is embedded in it: which names it has, and which it allows."""

    closed: bool
    fields: dict[str, list[_Value]] = field(default_factory=dict)
    patterns: list[tuple[Schema, Schema]] = field(default_factory=list)
    ellipsis: bool = False
    unknown: bool = False
    """It has something in it whose names are not to be told."""

    asked: set[str] = field(default_factory=set)
    """The names of its regular fields that no ``if`` stands before."""

    guarded: list[str] = field(default_factory=list)
    """The names of its fields that an ``if`` stands before, once for each."""

    depending: list[tuple[Field, tuple[conditions.Condition, ...], bool]] = field(default_factory=list)
    """Its fields that nothing else than conditions stand before, with these, and whether their values are closed."""

    structs: set[int] = field(default_factory=set)
    """The structs that it is written as, by the identity of their trees."""

    def allows(self, name: str) -> bool:
        return name in self.fields or any(_fits(key, name) for key, _ in self.patterns)

    @property
    def restricts(self) -> bool:
        """Whether it refuses names that it does not have."""
        return self.closed and not self.ellipsis and not self.unknown


def _fits(key: Schema, name: str) -> bool:
    """Tell whether a property's name fits the schema of a pattern."""
    if "pattern" in key and not re.search(key["pattern"], name):
        return False
    if "enum" in key and name not in key["enum"]:
        return False
    refused = key.get("not", {}).get("pattern")
    return refused is None or not re.search(refused, name)


class Shaper:
    """Adds to the schemas of one template."""

    def __init__(self, template: Template, reader: Reader) -> None:
        self.template = template
        self.reader = reader
        self._active: list[str] = []
        self._conditions = conditions.Reader(expr for values in template.values.values() for expr in values)
        self._scopes: list[conditions.Scope] = []
        self._way: list[str | None] = []

    def shape(self, schema: Schema) -> Schema:
        """Return the schema of the template's parameters with all that the tree says."""
        values = []
        for name in self.template.roots:
            values += [_Value(expr, name.startswith("#")) for expr in self.template.values[name]]
        return self._at(schema, values)

    def _at(self, schema: Schema, values: Sequence[_Value]) -> Schema:
        conjuncts = [inner for value in values for inner in self._conjuncts(value)]
        choices = [value for value in conjuncts if isinstance(value.expr, Binary) and value.expr.op == "|"]
        if choices and "anyOf" in schema:
            rest = [value for value in conjuncts if value not in choices]
            return self._choices(schema, choices[0], rest)
        # *"a" | "b", or a struct with a default: what is one thing for the schema is one thing here.
        flat = [inner for value in conjuncts for inner in self._alternatives(value)]
        structs = [value for value in flat if isinstance(value.expr, Struct)]
        lists = [value for value in flat if isinstance(value.expr, ListLiteral)]
        if structs and "object" in _as_list(schema.get("type", "object")):
            return self._object(schema, structs, certain=all(value in conjuncts for value in structs))
        if lists and isinstance(schema.get("items"), dict):
            inner = [
                _Value(item.expr, value.closed and value.deep)
                for value in lists
                for item in _elements(value.expr)
                if isinstance(item, Rest) and item.expr is not None
            ]
            return {**schema, "items": self._below(conditions.ITEMS, schema["items"], inner)} if inner else schema
        return schema

    def _choices(self, schema: Schema, choice: _Value, rest: list[_Value]) -> Schema:
        """Shape the alternatives that are objects or lists; ``cue`` exports them in their order."""
        result = list(schema["anyOf"])
        for kind, node in (("object", Struct), ("array", ListLiteral)):
            places = [index for index, item in enumerate(result) if item.get("type", schema.get("type")) == kind]
            values = [
                value
                for alternative in self._alternatives(choice)
                for value in self._conjuncts(alternative)
                if isinstance(value.expr, node)
            ]
            if len(places) == len(values):
                for index, value in zip(places, values, strict=True):
                    result[index] = self._below(conditions.NOWHERE, result[index], [value, *rest])
        return {**schema, "anyOf": result}

    def _below(self, step: str | None, schema: Schema, values: Sequence[_Value]) -> Schema:
        """Shape what is one step further down."""
        self._way.append(step)
        result = self._at(schema, values)
        self._way.pop()
        return result

    def _object(self, schema: Schema, structs: Sequence[_Value], *, certain: bool) -> Schema:
        groups = [self._group(value) for value in structs]
        scope = self._scope(schema, groups, certain=certain)
        self._scopes.append(scope)
        depending = self._depending(groups) if certain else set()
        result = self._open(schema, groups, depending)
        self._scopes.pop()
        if rules := scope.rules():
            result["allOf"] = [*result.get("allOf", ()), *rules]
        return result

    def _scope(self, schema: Schema, groups: Sequence[_Group], *, certain: bool) -> conditions.Scope:
        asked = {name for group in groups for name in group.asked}
        return conditions.Scope(
            frozenset(item for group in groups for item in group.structs) if certain else frozenset(),
            schema.get("properties", {}),
            frozenset(asked),
            frozenset(name for group in groups for name in group.guarded),
            len(self._way),
            root=not self._scopes,
        )

    def _depending(self, groups: Sequence[_Group]) -> set[str]:
        """Note what conditions ask for, where they can be decided, and return the names of all that depends on one."""
        names = set()
        for group in groups:
            for item, stated, deep in group.depending:
                found = self._conditions.all_of(stated, self._scopes)
                number, name = self.template.guarded.get(id(item)), str(item.label.name)
                if found is None or number is None:
                    continue
                scope, condition = found
                way = self._way[scope.depth :]
                if conditions.NOWHERE in way:
                    continue
                self._way.append(conditions.NOWHERE)
                inner = self._at(self.reader.named(f"G{number}"), [_Value(item.value, deep)])
                self._way.pop()
                scope.add(condition, way, name, inner, needed=item.marker != "?")
                names.add(name)
        return names

    def _open(self, schema: Schema, groups: Sequence[_Group], depending: set[str]) -> Schema:
        """Return the schema of an object without what depends on conditions."""
        properties: dict[str, Any] = {}
        names = dict.fromkeys([*schema.get("properties", ()), *(name for group in groups for name in group.fields)])
        for name in names:
            if not all(group.allows(name) for group in groups if group.restricts):
                continue
            inner = schema.get("properties", {}).get(name, {})
            for group in groups:
                for key, value in group.patterns:
                    if _fits(key, name):
                        inner = merge(inner, value)
            values = [value for group in groups for value in group.fields.get(name, ())]
            guarded = sum(group.guarded.count(name) for group in groups)
            # Several types, each with its own condition: the one that cue exports is that of the defaults.
            several = guarded == len(values) and (guarded > 1 or name in depending)
            properties[name] = {} if several else self._below(name, inner, values)
        result = {key: value for key, value in schema.items() if key != "additionalProperties"}
        result["type"] = "object"
        if properties:
            result["properties"] = properties
        if "required" in result:
            # cue knows conditions by the defaults alone: what is asked for under one may not be, with other values.
            asked = {name for group in groups for name in group.asked}
            sometimes = {name for group in groups for name in group.guarded} - asked
            result["required"] = [name for name in result["required"] if name in properties and name not in sometimes]
        self._others(result, groups)
        return result

    def _others(self, result: Schema, groups: Sequence[_Group]) -> None:
        """Say what holds for names that no field has."""
        for group in groups:
            if not group.restricts or group.fields or len(group.patterns) != 1:
                continue
            key, value = group.patterns[0]
            if set(key) <= {"type", "description"}:
                continue
            result["propertyNames"] = merge(result.get("propertyNames", {}), key)
            group.patterns[:] = [({}, value)]
        patterns = [pattern for group in groups for pattern in group.patterns]
        for key, value in patterns:
            if "pattern" in key:
                named = result.setdefault("patternProperties", {})
                named[key["pattern"]] = merge(named.get(key["pattern"], {}), value)
        everyone = [value for key, value in patterns if "pattern" not in key and "enum" not in key]
        others: Schema = {}
        for value in everyone:
            others = merge(others, value)
        strict = [group for group in groups if group.restricts]
        if any(not group.patterns for group in strict):
            result["additionalProperties"] = False
        elif any(all("pattern" in key for key, _ in group.patterns) for group in strict):
            for pattern, schema in result.get("patternProperties", {}).items():
                result["patternProperties"][pattern] = merge(schema, others)
            result["additionalProperties"] = False
        elif everyone:
            result["additionalProperties"] = others
        elif any(group.ellipsis or group.unknown for group in groups):
            result["additionalProperties"] = True
        # Else nothing is said: KubeVela takes other names and ignores them.

    def _group(self, value: _Value) -> _Group:
        group = _Group(value.closed)
        self._fill(group, value)
        return group

    def _fill(
        self,
        group: _Group,
        value: _Value,
        *,
        guarded: bool = False,
        stated: tuple[conditions.Condition, ...] | None = (),
    ) -> None:
        """Add what a struct has; ``guarded`` and ``stated`` say what stands before it, None where that is no ``if``."""
        deep = value.closed and value.deep
        group.structs.add(id(value.expr))
        for item in _declarations(value.expr):
            if isinstance(item, Rest):
                group.ellipsis = True
            elif isinstance(item, Comprehension):
                own = conditions.conditions_of(item, id(value.expr))
                both = (*stated, *own) if stated is not None and own is not None else None
                self._fill(group, _Value(item.body, value.closed, value.deep), guarded=True, stated=both)
            elif isinstance(item, Embedding):
                for inner in self._conjuncts(_Value(item.expr, value.closed, value.deep)):
                    if isinstance(inner.expr, Struct):
                        group.closed = group.closed or inner.closed
                        self._fill(group, inner, guarded=guarded, stated=None if guarded else ())
                    else:
                        group.unknown = True
            elif isinstance(item, Field):
                self._field(group, item, deep, guarded)
                if guarded and stated is not None and item.label.name and not item.label.name.startswith(("#", "_")):
                    group.depending.append((item, stated, deep))

    def _field(self, group: _Group, item: Field, deep: bool, guarded: bool) -> None:
        if (name := item.label.name) is not None:
            if not name.startswith(("#", "_")):
                group.fields.setdefault(name, []).append(_Value(item.value, deep))
                if guarded:
                    group.guarded.append(name)
                elif item.marker != "?":
                    group.asked.add(name)
            return
        number = self.template.numbers.get(id(item))
        if number is None:
            group.unknown = True
            return
        key = self.reader.named(f"K{number}")
        value = self._below(conditions.NOWHERE, self.reader.named(f"V{number}"), [_Value(item.value, deep)])
        group.patterns.append((key, value))

    def _conjuncts(self, value: _Value) -> Iterator[_Value]:
        """Yield what is unified in a value: references to definitions followed, ``&`` and ``close`` taken apart."""
        match value.expr:
            case Binary(op="&", left=left, right=right):
                yield from self._conjuncts(_Value(left, value.closed, value.deep))
                yield from self._conjuncts(_Value(right, value.closed, value.deep))
            case Ident(name=name) if name in self.template.values and name not in self._active:
                self._active.append(name)
                for expr in self.template.values[name]:
                    closed = value.closed or is_definition(name)
                    yield from self._conjuncts(_Value(expr, closed, True))
                self._active.pop()
            case Apply(operand=Ident(name="close"), arguments=(inner,), bracket="("):
                yield _Value(inner, True, value.closed)
            case _:
                yield value

    def _alternatives(self, value: _Value) -> Iterator[_Value]:
        match value.expr:
            case Binary(op="|", left=left, right=right):
                yield from self._alternatives(_Value(left, value.closed, value.deep))
                yield from self._alternatives(_Value(right, value.closed, value.deep))
            case Unary(op="*", operand=operand):
                yield from self._alternatives(_Value(operand, value.closed, value.deep))
            case _:
                yield value


def _declarations(expr: Expr) -> Iterable[Declaration]:
    return expr.declarations if isinstance(expr, Struct) else ()


def _elements(expr: Expr) -> Iterable[Declaration | Expr]:
    return expr.elements if isinstance(expr, ListLiteral) else ()


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
