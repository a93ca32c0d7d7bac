"""Text into tokens: strings of all forms, interpolations, comments, and the commas that line ends mean."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from vela_realtime.cue.syntax.tree import CueSyntaxError, Position


@dataclass(frozen=True)
class Token:
    kind: str  # name, number, text, op, attribute, end
    text: str
    offset: int
    value: str | None = None
    inner: tuple[tuple[Token, ...], ...] = ()


_BLANK = re.compile(r"[ \t\r]+")
_NAME = re.compile(r"(?:_?#)?[$\w]+|#")
_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F_]+|0b[01_]+|0o[0-7_]+"
    r"|(?:[0-9][0-9_]*)?\.?[0-9][0-9_]*(?:[eE][+-]?[0-9]+)?(?:[KMGTP]i?)?"
)
_OPERATOR = re.compile(r"_\|_|\.\.\.|&&|\|\||==|!=|<=|>=|=~|!~|[-+*/&|=<>!.,:?()\[\]{};~]")
_QUOTE = re.compile(r"(#*)(\"\"\"|'''|\"|')")
_ATTRIBUTE = re.compile(r"@(\w+)\(")
_CLOSERS = {"(": ")", "[": "]", "{": "}"}


class Scanner:
    """Cut text into tokens; newlines become commas where the language says so."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.comments: dict[int, str] = {}  # offset of the line -> comment that stands alone on it
        self.inside_text: set[int] = set()  # lines that begin inside of a string
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def position(self, offset: int) -> Position:
        line = bisect_right(self._lines, offset)
        return Position(line, offset - self._lines[line - 1] + 1)

    def problem(self, message: str, offset: int) -> CueSyntaxError:
        at = self.position(offset)
        return CueSyntaxError(message, at.line, at.column)

    def scan(self, start: int = 0, closing: str = "") -> tuple[list[Token], int]:
        """Return the tokens from ``start`` to the end, or to the bracket that ends an interpolation."""
        text, tokens, offset, depth = self.text, list[Token](), start, 0
        fresh_line = start == 0
        while offset < len(text):
            char = text[offset]
            if char == "\n":
                if tokens and _ends_element(tokens[-1]):
                    tokens.append(Token("op", ",", offset))
                offset, fresh_line = offset + 1, True
                continue
            if blank := _BLANK.match(text, offset):
                offset = blank.end()
                continue
            if text.startswith("//", offset):
                end = text.find("\n", offset)
                end = len(text) if end < 0 else end
                if fresh_line:
                    self.comments[self.position(offset).line] = text[offset + 2 : end].strip()
                offset = end
                continue
            fresh_line = False
            if closing and not depth and char == closing:
                return tokens, offset + 1
            if quote := _QUOTE.match(text, offset):
                token, offset = self._string(offset, quote[1], quote[2])
                tokens.append(token)
                continue
            if char == "@" and (name := _ATTRIBUTE.match(text, offset)):
                end = self._attribute_end(name.end())
                tokens.append(Token("attribute", name[1], offset))
                offset = end
                continue
            token = self._plain(offset)
            if token.text in _CLOSERS:
                depth += 1
            elif token.text in _CLOSERS.values():
                depth -= 1
            tokens.append(token)
            offset += len(token.text)
        if closing:
            raise self.problem("interpolation is not closed", start)
        if tokens and _ends_element(tokens[-1]):
            tokens.append(Token("op", ",", offset))
        tokens.append(Token("end", "", offset))
        return tokens, offset

    def _plain(self, offset: int) -> Token:
        text = self.text
        if text.startswith("_|_", offset):
            return Token("number", "_|_", offset)
        char = text[offset]
        if (char.isdigit() or (char == "." and text[offset + 1 : offset + 2].isdigit())) and (
            number := _NUMBER.match(text, offset)
        ):
            return Token("number", number[0], offset)
        if name := _NAME.match(text, offset):
            return Token("name", name[0], offset)
        if operator := _OPERATOR.match(text, offset):
            return Token("op", operator[0], offset)
        raise self.problem(f"unexpected character {char!r}", offset)

    def _string(self, start: int, hashes: str, quote: str) -> tuple[Token, int]:
        text, offset, plain = self.text, start + len(hashes) + len(quote), True
        multiline, inner, pieces = len(quote) == 3, list[tuple[Token, ...]](), list[str]()
        stop = re.compile(rf"{quote}{hashes}|\\{hashes}|\n")
        begin = offset
        while match := stop.search(text, offset):
            offset = match.end()
            if match[0] == "\n":
                if not multiline:
                    raise self.problem("string is not closed on its line", start)
            elif match[0].startswith("\\"):
                plain = False
                if text.startswith("(", offset):
                    tokens, offset = self.scan(offset + 1, ")")
                    inner.append((*tokens, Token("end", "", offset)))
                else:
                    offset += 1
            else:
                pieces.append(text[begin : match.start()])
                if multiline:
                    self.inside_text.update(range(self.position(start).line + 1, self.position(offset).line + 1))
                value = pieces[0] if plain and not multiline else None
                return Token("text", text[start:offset], start, value, tuple(inner)), offset
        raise self.problem("string is not closed", start)

    def _attribute_end(self, offset: int) -> int:
        depth, start = 1, offset
        while offset < len(self.text) and depth:
            if quote := _QUOTE.match(self.text, offset):
                _, offset = self._string(offset, quote[1], quote[2])
                continue
            depth += {"(": 1, ")": -1}.get(self.text[offset], 0)
            offset += 1
        if depth:
            raise self.problem("attribute is not closed", start)
        return offset


_CLAUSE_WORDS = ("for", "if", "in", "let", "import", "package")


def _ends_element(token: Token) -> bool:
    if token.kind == "op":
        return token.text in {")", "]", "}", "?", "..."}
    return not (token.kind == "name" and token.text in _CLAUSE_WORDS)
