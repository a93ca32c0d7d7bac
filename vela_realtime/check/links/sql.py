"""The tables of SQL queries against the topics that a processor declares."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vela_realtime.check.links import queries
from vela_realtime.check.links.landscape import PROCESSOR, strings
from vela_realtime.documents.application import show_path
from vela_realtime.documents.fix import text_edit, value_edit
from vela_realtime.findings import Finding, Severity
from vela_realtime.findings.suggest import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from vela_realtime.check.links.landscape import Landscape, Part
    from vela_realtime.check.links.neighbours import Neighbours
    from vela_realtime.check.links.queries import Query, Table
    from vela_realtime.documents.application import Document, Route

RULE = "sql-topics"


@dataclass(frozen=True)
class _Mention:
    """A table where a query names it."""

    route: Route
    sql: str
    query: Query
    table: Table
    writes: bool

    @property
    def key(self) -> str:
        """The list of ``topics`` that it belongs to."""
        return "output" if self.writes else "input"


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:
    """Yield queries that are none, tables that ``topics`` does not have, and topics that no query has."""
    for part in landscape.of_type(PROCESSOR):
        yield from _processor(landscape, neighbours, part)


def _processor(landscape: Landscape, neighbours: Neighbours, part: Part) -> Iterator[Finding]:
    document = landscape.document
    mentions, complete = list[_Mention](), True
    for index, item in enumerate(part.items("queries")):
        sql = item.get("sql") if isinstance(item, dict) else None
        if not isinstance(sql, str) or not sql.strip():
            continue
        route = part.at("queries", index, "sql")
        query = queries.read(sql)
        if query.missing:
            complete = False
            message = f"this is no query that Lenses can run: it has no {query.missing}"
            hint = "a query is INSERT INTO topic SELECT STREAM ... FROM topic"
            yield document.finding(route, "sql-form", message, hint=hint, severity=Severity.WARNING)
        mentions += [_Mention(route, sql, query, table, True) for table in query.writes]
        mentions += [_Mention(route, sql, query, table, False) for table in query.reads]
    if not mentions:
        return
    topics = {key: [topic for _, topic in strings(part.items("topics", key))] for key in ("input", "output")}
    owner = neighbours.kafka_of(landscape, part).owner
    elsewhere = neighbours.topics(owner) - set(topics["output"]) if owner is not None else set[str]()
    used = {key: {item.table.name for item in mentions if item.key == key} for key in topics}
    known = {*topics["input"], *topics["output"], *elsewhere}
    # A topic that no query has, and a table that no topic is: often one of them is the other, misspelt.
    paired = set[str]()
    for item in mentions:
        if item.writes and item.table.name in {table.name for table in item.query.reads}:
            yield _table(
                document,
                item,
                f"the query writes to {shown(item.table.name)}, which it reads: its own records come back to it",
            )
        elif item.table.name not in ({*topics["output"], *elsewhere} if item.writes else known):
            idle = [topic for topic in topics[item.key] if topic not in used[item.key]]
            meant = nearest(item.table.name, idle)
            if meant and complete and meant not in elsewhere:
                paired.add(meant)  # neither is known to anybody else: said once, at the topic
            else:
                yield _unknown(document, item, topics, elsewhere, meant)
    for key, names in topics.items() if complete else ():
        for index, topic in enumerate(names):
            if topic not in used[key]:
                rest = used[key] - set(topics["input"]) - set(topics["output"])
                yield from _idle(document, part.at("topics", key, index), topic, rest, elsewhere, topic in paired)


def _unknown(
    document: Document, item: _Mention, topics: dict[str, list[str]], elsewhere: AbstractSet[str], meant: str
) -> Finding:
    """Report a table that is no topic of the processor. What is declared elsewhere is right, and the query wrong."""
    name = item.table.name
    others = {table.name for table in (item.query.reads if item.writes else item.query.writes)}
    known = {*topics["output"], *elsewhere, *(() if item.writes else topics["input"])} - others
    meant = meant or nearest(name, known)
    verb = "writes to" if item.writes else "reads from"
    message = f"the query {verb} {shown(name)}, which topics.{item.key} does not have"
    hint = f"did you mean {meant}?" if meant else f"add it to topics.{item.key}"
    return _table(document, item, message, hint, meant if meant in elsewhere else "")


def _table(document: Document, item: _Mention, message: str, hint: str = "", meant: str = "") -> Finding:
    place = _place(document, item.route, item.sql, item.table)
    line, column = place or document.locate(item.route)
    edit = text_edit(document, place, item.table.name, meant) if place and meant else None
    path = show_path(item.route)
    return Finding(document.file, line, column, RULE, message, Severity.WARNING, path, hint, edit)


def _idle(
    document: Document, route: Route, topic: str, rest: AbstractSet[str], elsewhere: AbstractSet[str], paired: bool
) -> Iterator[Finding]:
    """Report a topic that no query has, unless the query was told that it means it."""
    meant = nearest(topic, rest)
    if topic in elsewhere:
        if nearest(topic, rest - elsewhere):
            return  # said at the query
        meant = ""
    edit = value_edit(document, route, meant) if meant in elsewhere else None
    key = route[-2]
    verb = "reads from" if key == "input" else "writes to"
    hint = f"did you mean {meant}?" if meant else ""
    if paired and not edit:
        hint = f"the query {verb} {meant}: one of the two is misspelt"
    message = f"no query {verb} {shown(topic)}"
    yield document.finding(route, RULE, message, hint=hint, at_value=True, severity=Severity.WARNING, edit=edit)


def _place(document: Document, route: Route, sql: str, table: Table) -> tuple[int, int] | None:
    """Return line and column of a table inside of a text, however YAML has it; None where there is no telling."""
    node = document.value_node(route)
    start, end = node.start_mark, node.end_mark
    lines = document.text.split("\n")
    first = document.first_line - 1
    span = lines[start.line - first : end.line - first + 1]
    offset = start.column
    text = "\n".join(span)
    name = re.compile(rf"(?<![\w.-]){re.escape(table.name)}(?![\w.-])")
    number = sum(1 for match in name.finditer(sql) if match.start() < table.offset)
    found = [match.start() for match in name.finditer(text) if match.start() >= offset]
    if number >= len(found):
        return None
    before = text[: found[number]]
    return start.line + before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
