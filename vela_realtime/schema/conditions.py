"""What a struct has under an ``if``, as JSON Schema's ``if`` and ``then``, as far as the condition can be decided."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vela_realtime.cue.syntax.tree import (
    Apply,
    Binary,
    Comprehension,
    Field,
    Ident,
    Literal,
    Selector,
    Struct,
    Text,
    Unary,
    children,
)
from vela_realtime.schema.openapi import merge
from vela_realtime.schema.template import CONTEXT_VALUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vela_realtime.cue.syntax.tree import Declaration, Expr
    from vela_realtime.schema.openapi import Schema

ITEMS = None
"""The step of a way that leads into the items of a list; others are names of properties."""

NOWHERE = ""
"""The step of a way that no schema has a word for: into an alternative, or what only some names have."""

_NO_DEFAULT = object()


@dataclass
class Scope:
    """An object of the parameters whose fields conditions can be about."""

    structs: frozenset[int]
    """The structs that it is written as, by the identity of their trees."""

    properties: Mapping[str, Schema]
    asked: frozenset[str]
    """Its fields that are no optional ones."""

    sometimes: frozenset[str]
    """Its fields that depend on a condition themselves."""

    depth: int
    """How many steps lead to it."""

    root: bool
    """Whether it is the ``parameter`` itself."""

    found: dict[str, tuple[Schema, Schema]] = field(default_factory=dict)
    """Each condition, by its text, and what holds where it does."""

    def add(self, condition: Schema, way: Sequence[str | None], name: str, inner: Schema, *, needed: bool) -> None:
        """Note what a property below is, and whether it is asked for, where a condition holds."""
        then: Schema = {"properties": {name: inner}}
        if needed:
            then["required"] = [name]
        for step in reversed(way):
            then = {"items": then} if step is ITEMS else {"properties": {step: then}}
        key = json.dumps(condition, sort_keys=True)
        _, before = self.found.get(key, (condition, {}))
        self.found[key] = (condition, merge(before, then))

    def rules(self) -> list[Schema]:
        """Return the conditions with what holds under them, as the parts of an ``allOf``."""
        return [{"if": condition, "then": then} for condition, then in self.found.values()]


@dataclass(frozen=True)
class Condition:
    """A condition, and the struct that it stands in, by the identity of its tree."""

    expr: Expr
    inside: int


class Reader:
    """Turns the conditions of a template into schemas; ``values`` is what it declares."""

    def __init__(self, values: Iterable[Expr]) -> None:
        self._around: dict[int, tuple[Struct, ...]] = {}  # the structs around each one, itself last
        for value in values:
            self._note(value, ())

    def _note(self, node: Declaration | Expr, around: tuple[Struct, ...]) -> None:
        if isinstance(node, Struct):
            around = (*around, node)
            self._around[id(node)] = around
        for child in children(node):
            self._note(child, around)

    def all_of(self, conditions: Sequence[Condition], scopes: Sequence[Scope]) -> tuple[Scope, Schema] | None:
        """Return the object that conditions are about, and the schema by which all of them hold for it.

        None where they cannot be decided by what an Application says, or are about several objects.
        """
        return _joined("allOf", [self._of(item.expr, item.inside, scopes, wanted=True) for item in conditions])

    def _of(self, expr: Expr, inside: int, scopes: Sequence[Scope], *, wanted: bool) -> tuple[Scope, Schema] | None:
        match expr:
            case Unary(op="!", operand=operand):
                return self._of(operand, inside, scopes, wanted=not wanted)
            case Binary(op="&&" | "||" as op, left=left, right=right):
                both = [self._of(part, inside, scopes, wanted=wanted) for part in (left, right)]
                return _joined("allOf" if (op == "&&") == wanted else "anyOf", both)
            case Binary(op="==" | "!=" as op, left=left, right=Literal(text="_|_")):
                found = self._field(left, inside, scopes)
                return _given(*found, wanted=(op == "!=") == wanted) if found is not None else None
            case Binary(op="==" | "!=" as op, left=left, right=right):
                value = _value(right)
                found = self._field(left, inside, scopes)
                if value is _NO_DEFAULT or found is None:
                    return None
                return _equal(*found, value, wanted=(op == "==") == wanted)
        found = self._field(expr, inside, scopes)
        return _equal(*found, True, wanted=wanted) if found is not None else None

    def _field(self, expr: Expr, inside: int, scopes: Sequence[Scope]) -> tuple[Scope, str] | None:
        """Return the field that an expression names, and the object that has it."""
        match expr:
            case Ident(name=name):
                owner = self._declaring(name, inside)
                return next(
                    ((scope, name) for scope in scopes if owner is not None and id(owner) in scope.structs), None
                )
            case (
                Selector(operand=Ident(name="parameter"), name=name)
                | Apply(operand=Ident(name="parameter"), arguments=(Text(value=str(name)),), bracket="[")
            ) if self._declaring("parameter", inside) is None:
                return next(((scope, name) for scope in scopes if scope.root), None)
        return None

    def _declaring(self, name: str, inside: int) -> Struct | None:
        """Return the struct that a name is one of the fields of, None where it stands outside of all."""
        for struct in reversed(self._around.get(inside, ())):
            for item in struct.declarations:
                if isinstance(item, Field) and item.label.referable and item.label.name == name:
                    return struct
        return None


def _joined(key: str, parts: Sequence[tuple[Scope, Schema] | None]) -> tuple[Scope, Schema] | None:
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts) or any(scope is not known[0][0] for scope, _ in known):
        return None
    return known[0][0], known[0][1] if len(known) == 1 else {key: [schema for _, schema in known]}


def _given(scope: Scope, name: str, *, wanted: bool) -> tuple[Scope, Schema] | None:
    """Say that a field is there, or that it is not: what is no optional one always is."""
    if name in scope.sometimes or name in scope.asked:
        return None
    return scope, {"required": [name]} if wanted else {"not": {"required": [name]}}


def _equal(scope: Scope, name: str, value: Any, *, wanted: bool) -> tuple[Scope, Schema] | None:
    """Say that a field has a value, or another one; where it is not given, its default counts."""
    default = _default(scope, name)
    if name in scope.sometimes or str(default).startswith(CONTEXT_VALUE):
        return None
    test: Schema = {"enum": [value]}
    schema: Schema = {"properties": {name: test if wanted else {"not": test}}}
    same = type(default) is type(value) and default == value
    if default is _NO_DEFAULT or same != wanted:
        schema["required"] = [name]
    return scope, schema


def _default(scope: Scope, name: str) -> Any:
    schema = scope.properties.get(name, {})
    if name not in scope.asked:
        return _NO_DEFAULT
    only = schema.get("enum", ())
    return schema.get("default", only[0] if len(only) == 1 else _NO_DEFAULT)


def _value(expr: Expr) -> Any:
    """Return the value that is written there; what is none that JSON has is nothing to compare with."""
    if isinstance(expr, Text) and expr.value is not None:
        return expr.value
    if isinstance(expr, Literal):
        try:
            return json.loads(expr.text)
        except ValueError:
            return _NO_DEFAULT
    return _NO_DEFAULT


def conditions_of(item: Comprehension, inside: int) -> tuple[Condition, ...] | None:
    """Return the conditions of a comprehension in a struct, None where it is more than that."""
    if any(clause.kind != "if" for clause in item.clauses):
        return None
    return tuple(Condition(clause.expr, inside) for clause in item.clauses)
