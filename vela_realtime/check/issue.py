"""A finding together with what would mend it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vela_realtime.documents.application import show_path
from vela_realtime.findings import Finding, Severity
from vela_realtime.findings.suggest import is_slip

if TYPE_CHECKING:
    from vela_realtime.documents.application import Document, Route


@dataclass(frozen=True)
class Edit:
    """A change to a file: the text from one place up to another, lines and columns counted from 1."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True)
class Issue:
    """One thing that is wrong, and the change that mends it where there is no doubt about it."""

    finding: Finding
    edit: Edit | None = None


def issue(
    document: Document,
    route: Route,
    rule: str,
    message: str,
    *,
    hint: str = "",
    at_value: bool = False,
    severity: Severity = Severity.ERROR,
    edit: Edit | None = None,
) -> Issue:
    """Return an issue at a key of a document, or at its value where ``at_value`` says so and it is on that line."""
    line, column = document.locate(route)
    node = document.value_node(route) if at_value else None
    if node is not None and (node.start_mark.line + 1 == line or isinstance(route[-1], int)):
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
    finding = Finding(document.file, line, column, rule, message, severity, show_path(route), hint)
    return Issue(finding, edit)


def key_edit(document: Document, route: Route, text: str) -> Edit | None:
    """Return the change of a key's name, None where it is more than a slip, or cannot be made in place."""
    if not is_slip(str(route[-1]), text):
        return None
    parent = document.value_node(route[:-1])
    for key, _ in getattr(parent, "value", ()) if route else ():
        if key.value == route[-1]:
            return _edit(document, key, text)
    return None


def value_edit(document: Document, route: Route, text: str) -> Edit | None:
    """Return the change of a value, None where it is more than a slip, or does not stand on one line.

    The value stays in quotes if it was, and plain if it was that.
    """
    node = document.value_node(route)
    if node is None or not isinstance(node.value, str) or not is_slip(node.value, text):
        return None
    return _edit(document, node, text)


def _edit(document: Document, node: object, text: str) -> Edit | None:
    start, end = node.start_mark, node.end_mark  # type: ignore[attr-defined]
    style = getattr(node, "style", None)
    if start.line != end.line or style not in {None, "", "'", '"'}:
        return None
    quote = style or ""
    return Edit(document.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1, f"{quote}{text}{quote}")


def with_severity(found: Issue, severity: Severity) -> Issue:
    """Return the same issue, weighed otherwise."""
    return replace(found, finding=replace(found.finding, severity=severity))
