"""Rules for what a definition does with its parts: what each gives is collected, and its image can be replaced.

CUE does not mind a part whose edges nobody asks for. It then lies under the policy that denies everything, and only a
cluster would show it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vela_realtime.cue.syntax.tree import (
    Apply,
    Binary,
    Comprehension,
    Embedding,
    Field,
    Ident,
    Selector,
    Struct,
    Text,
    children,
    named,
    walk,
)
from vela_realtime.files import display
from vela_realtime.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vela_realtime.cue.syntax.tree import Declaration, Expr, Position, Source
    from vela_realtime.library.bundle import Piece

COLLECTED = "uncollected"
IMAGE = "image-parameter"

RESULTS = {
    "edges": "its pods are cut off: add them to the #edges of #NetworkPolicies",
    "objects": "none of it is rendered: embed it in _objects",
    "workload": "it does not run: embed it in output or _objects",
}
"""What a part may give, and what it means that nobody takes it."""


@dataclass(frozen=True)
class _Use:
    """A part that a definition has: ``#kafka: #Kafka & {...}``."""

    field: str
    part: str
    source: Source
    at: Position


def collected(own: Sequence[Source], reached: Sequence[Piece]) -> Iterator[Finding]:
    """Report what a part gives and nothing of the definition, or of the library that it uses, takes."""
    declarations = [(source, item) for source in own for item in source.declarations]
    declarations += [(piece.source, item) for piece in reached for item in piece.declarations]
    taken = {pair for _, item in declarations for node in walk(item) for pair in _taken(node)}
    known = named([*own, *(piece.source for piece in reached)])
    for source in own:
        for declaration in source.declarations:
            for use in _uses(declaration, "", source):
                given = {name for _, field in known.get(use.part, ()) for name in _given(field.value)}
                for name, hint in RESULTS.items():
                    if name in given and (use.field, name) not in taken:
                        message = f"nobody takes the {name} of {use.field}"
                        yield Finding(display(source.path), use.at.line, use.at.column, COLLECTED, message, hint=hint)


def _taken(node: Declaration | Expr) -> Iterator[tuple[str, str]]:
    match node:
        case Selector(operand=Ident(name=field) | Selector(name=field), name=name):
            yield field, name
        case Comprehension(clauses=clauses, body=body):
            # What is taken of `page` in `for page in #pages` is taken of #pages.
            for clause in clauses:
                match clause.expr:
                    case Ident(name=field) | Selector(name=field) if clause.kind == "for":
                        yield from ((field, name) for one, name in _taken_below(body) if one == clause.names[-1])


def _taken_below(body: Struct) -> Iterator[tuple[str, str]]:
    for node in walk(body):
        if isinstance(node, Selector) and isinstance(node.operand, Ident):
            yield node.operand.name, node.name


def _uses(node: Declaration | Expr, field: str, source: Source) -> Iterator[_Use]:
    """Yield the parts below a node, each with the innermost field that holds it."""
    match node:
        case Field(label=label, value=value):
            yield from _uses(value, label.name or field, source)
        case Binary(op="&", left=Ident(name=name, at=at)) if field and re.match("#[A-Z]", name):
            yield _Use(field, name, source, at)
        case Struct(declarations=declarations):
            for item in declarations:
                yield from _uses(item, field, source)
        case Comprehension(body=body):
            yield from _uses(body, field, source)
        case Embedding(expr=expr):
            yield from _uses(expr, field, source)


def _given(value: Expr) -> Iterator[str]:
    """Yield the results that a part's struct declares, behind an ``if`` too."""
    for item in value.declarations if isinstance(value, Struct) else ():
        match item:
            case Field(label=label) if label.name in RESULTS:
                yield label.name or ""
            case Comprehension(body=body):
                yield from _given(body)


def images(own: Sequence[Source], reached: Sequence[Piece]) -> Iterator[Finding]:
    """Report an image that no parameter ``images`` replaces, and one of these parameters that no part uses."""
    declarations = [(source, item) for source in own for item in source.declarations]
    declarations += [(piece.source, item) for piece in reached for item in piece.declarations]
    used: dict[str, tuple[Source, Position]] = {}
    for source, declaration in declarations:
        for node in walk(declaration):
            match node:
                case Selector(operand=Selector(operand=Ident(name="_instance"), name="images"), name=name, at=at):
                    used.setdefault(name, (source, at))
                case Selector(operand=Ident(name="images"), name=name, at=at):
                    used.setdefault(name, (source, at))  # one that another falls back on
                case Apply(
                    operand=Selector(operand=Ident(name="_instance"), name="images"),
                    arguments=(Text(value=str(name)),),
                    at=at,
                ):
                    used.setdefault(name, (source, at))
    parameters = {
        inner.label.name: (source, inner)
        for source in own
        for field in source.fields("#Parameter")
        for item in children(field.value)
        if isinstance(item, Field) and item.label.name == "images" and isinstance(item.value, Struct)
        for inner in item.value.declarations
        if isinstance(inner, Field) and inner.label.name
    }
    if not parameters:
        return
    # One that is not in the table of images falls back on another.
    table = {
        field.label.name
        for _, declared in named([*own, *(piece.source for piece in reached)]).get("#Images", ())
        for field in children(declared.value)
        if isinstance(field, Field)
    }
    for name in sorted((set(used) & table) - set(parameters)):
        source, at = used[name]
        message = f"the image {name} has no parameter images.{name}"
        hint = "without it nobody can run another: add it to images in parts.cue or parameter.cue"
        yield Finding(display(source.path), at.line, at.column, IMAGE, message, hint=hint)
    for name in sorted(set(parameters) - set(used)):
        source, field = parameters[name]
        message = f"images.{name} has no effect: no part runs it"
        yield Finding(display(source.path), field.at.line, field.at.column, IMAGE, message, hint="take it away")
