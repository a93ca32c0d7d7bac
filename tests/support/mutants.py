"""Mistakes planted into Applications: one a mutant, and where it ought to be reported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from vela_realtime.documents import application
from vela_realtime.findings import Edit
from vela_realtime.kubevela.uses import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.kubevela.catalog import Catalog
    from vela_realtime.schema.openapi import Schema
    from vela_realtime.schema.store import Store

LINKS = {"realtime", "platform"}


@dataclass(frozen=True)
class Mutant:
    """A text with one mistake: its sort, the path to it, and the lines that a finding about it may name."""

    sort: str
    path: str
    text: str
    lines: frozenset[int]


def of(text: str, catalog: Catalog, schemas: Store) -> Iterator[Mutant]:
    """Yield the mutants of all Applications of a file."""
    documents, _ = application.parse("app.yaml", text)
    for document in documents:
        if document.kind == "Application" and str(document.data["apiVersion"]).startswith("core.oam.dev/"):
            for sort, route, edit, lines in _mutations(document, catalog, schemas):
                yield Mutant(sort, application.show_path(route), _applied(text, edit), frozenset(lines))


_Mutation = "tuple[str, Route, Edit, set[int]]"


def _mutations(document: Document, catalog: Catalog, schemas: Store) -> Iterator[Any]:
    resolved = resolve(document, catalog)
    definitions = resolved.definitions
    for use in resolved.uses:
        if len(use.route) > 6:
            continue  # what an override policy names
        yield from _structure(document, use.route)
        schema = schemas.of(definitions[use.kind, use.name]) if (use.kind, use.name) in definitions else None
        node = document.value_node((*use.route[:-1], "properties"))
        if schema is not None and node is not None:
            yield from _properties(document, schema, (*use.route[:-1], "properties"), node)


def _structure(document: Document, route: Route) -> Iterator[Any]:
    """Break a type and the key of the properties."""
    node = document.value_node(route)
    name = node.value.partition("@")[0]
    yield "type", route, _edit(node, name[:-2] + name[-1]), {_line(node)}
    for key, _ in document.value_node(route[:-1]).value:
        if key.value == "properties":
            yield "key", (*route[:-1], "properties"), _edit(key, "propertes"), {_line(key)}


def _properties(document: Document, schema: Schema, route: Route, node: Any) -> Iterator[Any]:
    if isinstance(node, yaml.MappingNode):
        known: dict[str, Any] = schema.get("properties", {})
        for key, value in node.value:
            here, inner = (*route, key.value), known.get(key.value)
            if inner is not None and len(key.value) > 2:
                yield "key", here, _edit(key, _misspelt(key.value, known)), {_line(key)}
            if inner is None and isinstance(schema.get("additionalProperties"), dict):
                inner = schema["additionalProperties"]
            if key.value in schema.get("required", ()) and (edit := _removal(document, key, value)):
                yield "missing", here, edit, _parents(document, route)
            if inner is not None:
                yield from _value(document, inner, here, value)
    elif isinstance(node, yaml.SequenceNode) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(node.value):
            yield from _value(document, schema["items"], (*route, index), item)


def _value(document: Document, schema: Schema, route: Route, node: Any) -> Iterator[Any]:
    line = {node.start_mark.line + 1}
    for choice in schema.get("anyOf", ()):
        kind = {yaml.MappingNode: "object", yaml.SequenceNode: "array"}.get(type(node))
        if kind is not None and choice.get("type") == kind:
            schema = choice
    if not isinstance(node, yaml.ScalarNode):
        yield from _properties(document, schema, route, node)
        return
    kind = schema.get("type") if isinstance(schema.get("type"), str) else ""
    if node.style in {"|", ">"} or node.start_mark.line != node.end_mark.line:
        return
    if kind in {"integer", "number", "boolean"}:
        yield "wrong-type", route, _edit(node, '"some text"'), line
    elif kind == "string":
        yield "wrong-type", route, _edit(node, "{a: 1}"), line
    if "enum" in schema:
        yield "enum", route, _edit(node, "nonsense" if kind == "string" else "99"), line
    if "minimum" in schema:
        yield "bound", route, _edit(node, str(schema["minimum"] - 1)), line
    if "maximum" in schema:
        yield "bound", route, _edit(node, str(schema["maximum"] + 1)), line
    if "pattern" in schema and kind == "string":
        wrong = next(text for text in ("*not / this*", "a/#/b", "") if not re.search(schema["pattern"], text))
        yield "pattern", route, _edit(node, f'"{wrong}"'), line
    if route[-1] in LINKS and len(node.value) > 4:
        yield "link", route, _edit(node, node.value[:2] + node.value[3:]), line
    # Topics of Kafka: those of devices are filters, which may be any.
    kafka = "streaming" in route or "input" in route or "output" in route
    if kafka and "topics" in route and len(node.value) > 4 and kind == "string":
        yield "topic", route, _edit(node, node.value[:2] + node.value[3:]), line


def _misspelt(word: str, known: dict[str, Any]) -> str:
    """Leave out a letter, without hitting another word that is known."""
    for index in range(len(word) // 2, len(word)):
        wrong = word[:index] + word[index + 1 :]
        if wrong not in known and wrong != word:
            return wrong
    return f"{word}x"


def _removal(document: Document, key: Any, value: Any) -> Edit | None:
    """Return the edit that takes out a key on a line of its own; None for the only thing that keeps a list item."""
    start, end = key.start_mark, value.end_mark
    line = document.text.split("\n")[start.line - (document.first_line - 1)]
    if start.line != end.line or line[: start.column].strip() or line[end.column :].strip():
        return None
    return Edit("", start.line + 1, start.column + 1, end.line + 1, end.column + 1, "")


def _parents(document: Document, route: Route) -> set[int]:
    """Return the lines of what a missing property belongs to: its key, and that of the part's type."""
    lines = {document.locate(route)[0]}
    node = document.value_node(route)
    if node is not None:
        lines.add(node.start_mark.line + 1)
    if route[-1] == "properties":
        lines.add(document.locate((*route[:-1], "type"))[0])
    return lines


def _edit(node: Any, text: str) -> Edit:
    start, end = node.start_mark, node.end_mark
    return Edit("", start.line + 1, start.column + 1, end.line + 1, end.column + 1, text)


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _applied(text: str, edit: Edit) -> str:
    lines = text.split("\n")
    line = lines[edit.line - 1]
    lines[edit.line - 1] = line[: edit.column - 1] + edit.text + line[edit.end_column - 1 :]
    return "\n".join(lines)
