"""Tokens into a tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vela_realtime.cue.syntax.scanner import Scanner, Token
from vela_realtime.cue.syntax.tree import (
    Apply,
    Attribute,
    Binary,
    Clause,
    Comprehension,
    CueSyntaxError,
    Declaration,
    Embedding,
    Expr,
    Field,
    Ident,
    Import,
    Label,
    Let,
    ListLiteral,
    Literal,
    Position,
    Rest,
    Selector,
    Source,
    Struct,
    Text,
    Unary,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PRECEDENCE = {
    "|": 1, "&": 2, "||": 3, "&&": 4, "==": 5, "!=": 5, "<": 5, "<=": 5, ">": 5, ">=": 5, "=~": 5, "!~": 5,
    "+": 6, "-": 6, "*": 7, "/": 7,
}  # fmt: skip
_PREFIXES = {"+", "-", "!", "*", "<", "<=", ">", ">=", "!=", "=~", "!~", "=="}


@dataclass
class _Parser:
    scanner: Scanner
    tokens: Sequence[Token]
    index: int = 0
    attributes: list[Attribute] = field(default_factory=list)

    # tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def peek(self, ahead: int = 1) -> Token:
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def at(self, *texts: str) -> bool:
        return self.token.kind in {"op", "name"} and self.token.text in texts

    def next(self) -> Token:
        token = self.token
        self.index += token.kind != "end"
        return token

    def expect(self, text: str) -> Token:
        if not (self.token.kind in {"op", "name"} and self.token.text == text):
            found = self.token.text or "the end of the file"
            raise self.scanner.problem(f"expected {text!r}, found {found!r}", self.token.offset)
        return self.next()

    def here(self) -> Position:
        return self.scanner.position(self.token.offset)

    # declarations

    def declarations(self, end: str) -> tuple[Declaration, ...]:
        found: list[Declaration] = []
        while not (self.token.kind == "end" if not end else self.at(end)):
            if self.token.kind == "end":
                self.expect(end)
            if self.at(","):
                self.next()
                continue
            found.append(self.declaration())
            if not self.at(",", end) and self.token.kind != "end":
                raise self.scanner.problem(f"unexpected {self.token.text!r}", self.token.offset)
        return tuple(found)

    def declaration(self) -> Declaration:
        at = self.here()
        if self.token.kind == "attribute":
            attribute = Attribute(self.next().text, at)
            self.attributes.append(attribute)
            return attribute
        if self.at("..."):
            return self.ellipsis()
        if self.at("let") and self.peek().kind == "name" and self.peek(2).text == "=":
            self.next()
            name = self.next().text
            self.next()
            return Let(name, self.expr(), at)
        if self.starts_comprehension():
            return self.comprehension()
        return self.entry()[0]

    def starts_comprehension(self) -> bool:
        if not self.at("for", "if") or self.peek().text in {":", "="}:
            return False
        return not (self.peek().text in {"?", "!"} and self.peek(2).text == ":")

    def ellipsis(self) -> Rest:
        at = self.here()
        self.expect("...")
        return Rest(None if self.at(",", "]", "}") or self.token.kind == "end" else self.expr(), at)

    def comprehension(self) -> Comprehension:
        at, clauses = self.here(), list[Clause]()
        while not self.at("{"):
            kind = self.next().text
            if kind == "for":
                names = [self.next().text]
                if self.at(","):
                    self.next()
                    names.append(self.next().text)
                self.expect("in")
                clauses.append(Clause("for", tuple(names), self.expr()))
            elif kind == "let":
                name = self.next().text
                self.expect("=")
                clauses.append(Clause("let", (name,), self.expr()))
            elif kind == "if":
                clauses.append(Clause("if", (), self.expr()))
            else:
                raise self.scanner.problem(f"expected a struct, found {kind!r}", self.tokens[self.index - 1].offset)
            if self.at(","):
                self.next()
        return Comprehension(tuple(clauses), self.struct(), at)

    def entry(self) -> tuple[Field | Embedding, str]:
        """Read a field or an embedding, and the alias that stands before an embedding: ``X={...}``."""
        at, aliases = self.here(), list[str]()
        if self.token.kind == "name" and self.peek().text == "=":
            aliases.append(self.next().text)
            self.next()
        computed, marker = self.at("("), ""
        expr = self.expr()
        if self.at("?", "!") and self.peek().text == ":":
            marker = self.next().text
        if not self.at(":"):
            return Embedding(expr, at), aliases[0] if aliases else ""
        self.next()
        label = Label(None, False, False, expr) if computed else self.label(expr, aliases)
        value = self.value(aliases)
        while self.token.kind == "attribute":
            self.attributes.append(Attribute(self.token.text, self.here()))
            self.next()
        return Field(label, marker, value, tuple(aliases), self.doc(at), at), ""

    def value(self, aliases: list[str]) -> Expr:
        """Read what follows a colon: a value, or one more label of the short form ``a: b: 1``."""
        at = self.here()
        inner, alias = self.entry()
        if isinstance(inner, Field):
            return Struct((inner,), at, braces=False)
        if alias:
            aliases.append(alias)
        return inner.expr

    def label(self, expr: Expr, aliases: list[str]) -> Label:
        match expr:
            case Ident(name=name):
                return Label(name, True, False, None)
            case Literal(text=text):
                return Label(text, text.isidentifier(), False, None)
            case Text(value=str(value)):
                return Label(value, False, False, None)
            case ListLiteral(elements=(element,)):
                if isinstance(element, Let):  # [Name=string]
                    aliases.append(element.name)
                    element = element.expr
                if isinstance(element, (Ident, Literal, Text, Unary, Binary, Selector, Apply, ListLiteral, Struct)):
                    return Label(None, False, True, element)
        return Label(None, False, False, expr)

    def doc(self, at: Position) -> tuple[str, ...]:
        line, found = at.line - 1, list[str]()
        while line in self.scanner.comments:
            found.append(self.scanner.comments[line])
            line -= 1
        return tuple(reversed(found))

    # expressions

    def expr(self, lowest: int = 1) -> Expr:
        left = self.unary()
        while self.token.kind == "op" and _PRECEDENCE.get(self.token.text, 0) >= lowest:
            at = self.here()
            op = self.next().text
            left = Binary(op, left, self.expr(_PRECEDENCE[op] + 1), at)
        return left

    def unary(self) -> Expr:
        if self.token.kind == "op" and self.token.text in _PREFIXES:
            at = self.here()
            return Unary(self.next().text, self.unary(), at)
        return self.primary()

    def primary(self) -> Expr:
        expr = self.operand()
        while True:
            at = self.here()
            if self.at("."):
                self.next()
                token = self.next()
                expr = Selector(expr, token.value if token.value is not None else token.text, at)
            elif self.at("["):
                self.next()
                expr = Apply(expr, self.arguments("]"), "[", at)
            elif self.at("("):
                self.next()
                expr = Apply(expr, self.arguments(")"), "(", at)
            else:
                return expr

    def arguments(self, end: str) -> tuple[Expr, ...]:
        found: list[Expr] = []
        while not self.at(end):
            if self.at(",", ":"):
                self.next()
                continue
            found.append(self.expr())
            if not self.at(",", ":", end):
                self.expect(end)
        self.next()
        return tuple(found)

    def operand(self) -> Expr:
        at, token = self.here(), self.token
        if token.kind == "name":
            self.next()
            return Literal(token.text, at) if token.text in {"true", "false", "null"} else Ident(token.text, at)
        if token.kind == "number":
            self.next()
            return Literal(token.text, at)
        if token.kind == "text":
            self.next()
            parts = tuple(_Parser(self.scanner, tokens).expr() for tokens in token.inner)
            return Text(token.value, parts, at)
        if self.at("{"):
            return self.struct()
        if self.at("["):
            return self.list()
        if self.at("("):
            self.next()
            expr = self.expr()
            if self.at(","):
                self.next()
            self.expect(")")
            return expr
        found = token.text or "the end of the file"
        raise self.scanner.problem(f"expected a value, found {found!r}", token.offset)

    def struct(self) -> Struct:
        at = self.here()
        self.expect("{")
        declarations = self.declarations("}")
        self.expect("}")
        return Struct(declarations, at)

    def list(self) -> ListLiteral:
        at = self.here()
        self.expect("[")
        elements: list[Declaration | Expr] = []
        while not self.at("]"):
            if self.at(","):
                self.next()
            elif self.at("..."):
                elements.append(self.ellipsis())
            elif self.starts_comprehension():
                elements.append(self.comprehension())
            elif self.token.kind == "name" and self.peek().text == "=":
                inner = self.here()
                name = self.next().text
                self.next()
                elements.append(Let(name, self.expr(), inner))
            else:
                elements.append(self.expr())
                if not self.at(",", "]"):
                    self.expect("]")
        self.next()
        return ListLiteral(tuple(elements), at)


def parse(path: Path, text: str) -> Source:
    """Read a CUE file.

    Raises:
        CueSyntaxError: the text is not CUE.
    """
    try:
        return _parse(path, text)
    except CueSyntaxError as error:
        error.path = path
        raise


def _parse(path: Path, text: str) -> Source:
    scanner = Scanner(text)
    parser = _Parser(scanner, scanner.scan()[0])
    package, imports, preamble = "", list[Import](), set[int]()

    def skip_commas() -> None:
        while parser.at(","):
            parser.next()

    while parser.token.kind == "attribute":
        parser.declaration()
        skip_commas()
    if parser.at("package") and parser.peek().kind == "name":
        preamble.add(parser.here().line)
        parser.next()
        package = parser.next().text
        skip_commas()
    while parser.at("import") and parser.peek().text not in {":", "?", "!"}:
        first = parser.here().line
        parser.next()
        grouped = parser.at("(")
        if grouped:
            parser.next()
        while not parser.at(")"):
            at = parser.here()
            alias = parser.next().text if parser.token.kind == "name" else ""
            imports.append(Import(parser.next().value or "", alias, at))
            last = at.line
            if not grouped:
                break
            skip_commas()
        if grouped:
            last = parser.here().line
            parser.next()
        preamble.update(range(first, last + 1))
        skip_commas()
    declarations = parser.declarations("")
    scanner = parser.scanner
    return Source(
        path,
        text,
        package,
        tuple(imports),
        declarations,
        tuple(parser.attributes),
        frozenset(preamble),
        frozenset(line for line, comment in scanner.comments.items() if not comment.startswith("+")),
        frozenset(scanner.inside_text),
    )
