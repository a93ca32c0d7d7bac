"""Findings as text for people, as JSON for programs, as annotations for GitHub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

WIDEST_LINE = 160
"""Characters of a source line that are shown; of a longer one, the part around the finding."""


def text(findings: Sequence[Finding], *, color: bool = False) -> str:
    """Return findings for people: place, message, the line itself with a caret below it, and the hint."""
    return "".join(f"{line}\n" for finding in findings for line in _text_lines(finding, color))


def _text_lines(finding: Finding, color: bool) -> Iterator[str]:
    def styled(words: str, **style: object) -> str:
        import click

        return click.style(words, **style) if color else words  # type: ignore[arg-type]

    fatal = finding.severity is Severity.ERROR
    severity = styled(finding.severity.value, fg="red" if fatal else "yellow", bold=True)
    rule = styled(f"[{finding.rule}]", dim=True)
    yield f"{styled(place(finding), bold=True)}: {severity}: {finding.message} {rule}"
    yield from _excerpt(finding)
    if finding.hint:
        yield f"  hint: {finding.hint}"


def place(finding: Finding) -> str:
    """Return ``file:line:column``, as far as it is known."""
    if not finding.line:
        return finding.file
    return f"{finding.file}:{finding.line}:{finding.column}" if finding.column else f"{finding.file}:{finding.line}"


def _excerpt(finding: Finding) -> Iterator[str]:
    if not finding.line:
        return
    try:
        lines = Path(finding.file).read_bytes().decode("utf-8", "replace").split("\n")
        line = lines[finding.line - 1].rstrip("\r")
    except (OSError, IndexError, ValueError):
        return
    column = max(finding.column, 1)
    if len(line) > WIDEST_LINE:
        start = max(0, column - 1 - WIDEST_LINE // 2)
        line, column = line[start : start + WIDEST_LINE], column - start
    number = str(finding.line)
    yield f"  {number} | {line}"
    if finding.column:
        # Tabs stay tabs, so that the caret stands below its character at any tab width.
        indent = "".join("\t" if char == "\t" else " " for char in line[: column - 1])
        yield f"  {' ' * len(number)} | {indent}^"


def as_json(findings: Sequence[Finding]) -> str:
    """Return findings as a JSON object with ``findings`` and ``summary``."""
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    data = {
        "findings": [finding.to_dict() for finding in findings],
        "summary": {"errors": errors, "warnings": len(findings) - errors},
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def github(findings: Sequence[Finding]) -> str:
    """Return findings as GitHub workflow commands, which become annotations in a pull request.

    The form is that of "Workflow commands for GitHub Actions", escapes included.
    """
    lines = []
    for finding in findings:
        values = {"file": finding.file, "line": finding.line, "col": finding.column, "title": finding.rule}
        properties = ",".join(f"{key}={_property(str(value))}" for key, value in values.items() if value)
        words = f"{finding.message}\n{finding.hint}" if finding.hint else finding.message
        lines.append(f"::{finding.severity.value} {properties}::{_data(words)}\n")
    return "".join(lines)


def _data(words: str) -> str:
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    return _data(words).replace(":", "%3A").replace(",", "%2C")


FORMATS: dict[str, Callable[[Sequence[Finding]], str]] = {"text": text, "json": as_json, "github": github}
"""The formats by the name that ``--format`` takes."""
