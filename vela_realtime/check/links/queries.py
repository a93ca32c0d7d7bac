"""The tables that a Lenses SQL query reads and writes."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|`(?P<quoted>[^`]+)`|(?P<word>[A-Za-z_][\w.-]*)|(?P<sign>[(),;])", re.DOTALL
)
_KEYWORDS = {"select", "stream", "table", "as", "on", "where", "join", "from", "inner", "left", "right", "full", "with"}


@dataclass(frozen=True)
class Table:
    """A table's name, and where it begins in the text of the query."""

    name: str
    offset: int


@dataclass(frozen=True)
class Query:
    """What a query writes and reads, and whether it has the parts of one: ``INSERT INTO ... SELECT ... FROM``."""

    writes: tuple[Table, ...]
    reads: tuple[Table, ...]
    missing: str
    """The words that a query has to have and this one has not, empty where it has all."""


def read(sql: str) -> Query:
    """Read a query; comments and texts in quotes are passed over."""
    tokens = [
        (match["quoted"] or match["word"] or match["sign"], match.start(), bool(match["quoted"]))
        for match in _TOKEN.finditer(sql)
        if match["quoted"] or match["word"] or match["sign"]
    ]
    words = [text.lower() if not quoted else "" for text, _, quoted in tokens]
    named = {tokens[index - 1][0] for index in range(1, len(tokens) - 1) if words[index : index + 2] == ["as", "("]}
    writes, reads = list[Table](), list[Table]()
    for index, word in enumerate(words):
        after = index + 1
        if word == "insert" and words[after : after + 1] == ["into"]:
            after += 1
            target = writes
        elif word in {"from", "join"}:
            target = reads
        else:
            continue
        if after < len(tokens) and (tokens[after][2] or words[after] not in _KEYWORDS | {"(", ")", ",", ";"}):
            name, offset, _ = tokens[after]
            if target is writes or name not in named:
                target.append(Table(name, offset))
    parts = (("INSERT INTO", bool(writes)), ("SELECT", "select" in words), ("FROM", bool(reads) or "from" in words))
    return Query(tuple(writes), tuple(reads), " and ".join(text for text, there in parts if not there))
