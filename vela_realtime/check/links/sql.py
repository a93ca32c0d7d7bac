"""The tables of SQL queries against the topics that a processor declares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vela_realtime.check.links import queries
from vela_realtime.check.links.landscape import PROCESSOR, strings
from vela_realtime.documents.application import show_path
from vela_realtime.documents.fix import value_edit
from vela_realtime.findings import Finding, Severity
from vela_realtime.findings.suggest import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape, Part
    from vela_realtime.check.links.neighbours import Neighbours
    from vela_realtime.check.links.queries import Table
    from vela_realtime.documents.application import Document, Route


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:
    """Yield queries that are none, tables that ``topics`` does not have, and topics that no query has."""
    for part in landscape.of_type(PROCESSOR):
        yield from _processor(landscape, neighbours, part)


def _processor(landscape: Landscape, neighbours: Neighbours, part: Part) -> Iterator[Finding]:
    document = landscape.document
    read, written, complete = set[str](), set[str](), True
    tables: list[tuple[Route, str, Table, bool]] = []
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
        read |= {table.name for table in query.reads}
        written |= {table.name for table in query.writes}
        tables += [(route, sql, table, True) for table in query.writes]
        tables += [(route, sql, table, False) for table in query.reads]
    if not tables:
        return
    inputs = [topic for _, topic in strings(part.items("topics", "input"))]
    outputs = [topic for _, topic in strings(part.items("topics", "output"))]
    owner = neighbours.kafka_of(landscape, part).owner
    elsewhere = neighbours.topics(owner) - set(outputs) if owner is not None else set()
    for route, sql, table, writes in tables:
        declared = set(outputs) | elsewhere if writes else {*inputs, *outputs} | elsewhere
        if table.name in declared:
            continue
        key, verb = ("output", "writes to") if writes else ("input", "reads from")
        free = [topic for topic in (outputs if writes else inputs) if topic not in (written if writes else read)]
        meant = nearest(table.name, free) or nearest(table.name, declared)
        message = f"the query {verb} {shown(table.name)}, which topics.{key} does not have"
        hint = f"did you mean {meant}?" if meant else f"add it to topics.{key}"
        line, column = _place(document, route, sql, table)
        yield Finding(document.file, line, column, "sql-topics", message, Severity.WARNING, show_path(route), hint)
    if not complete:
        return
    for key, names, used in (("input", inputs, read), ("output", outputs, written)):
        for index, topic in enumerate(names):
            if topic in used:
                continue
            route = part.at("topics", key, index)
            does = "reads from" if key == "input" else "writes to"
            meant = nearest(topic, used - {*inputs, *outputs})
            edit = value_edit(document, route, meant) if meant else None
            hint = f"did you mean {meant}?" if meant else ""
            message = f"no query {does} {shown(topic)}"
            yield document.finding(
                route, "sql-topics", message, hint=hint, at_value=True, severity=Severity.WARNING, edit=edit
            )


def _place(document: Document, route: Route, sql: str, table: Table) -> tuple[int, int]:
    """Return line and column of a table inside of a text, however YAML has it."""
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
        return document.locate(route)
    before = text[: found[number]]
    return start.line + before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
