"""Findings as text for people, as JSON and SARIF for programs, as annotations for GitHub."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

WIDEST_LINE = 160
"""Characters of a source line that are shown; of a longer one, the part around the finding."""


LONGEST_WORD = 200
"""Characters of a word in a message; of a longer one, its beginning and its end."""

LONGEST_MESSAGE = 1_000
"""Characters of a message or a hint that people are shown."""

MOST_ALIKE = 10
"""Findings of one file with the same words that people are shown; the others are counted."""


def text(findings: Sequence[Finding], *, color: bool = False, width: int = 0) -> str:
    """Return findings for people: place, message, the line itself with a caret below it, and the hint.

    ``width`` is that of a terminal, 0 for anything else: there words are not broken, and lines of a file do not wrap.
    Of many that say the same of one file the first are shown, and the last says how many there are.
    """
    files: dict[str, list[str]] = {}
    alike, seen = Counter(map(_words, findings)), Counter[tuple[str, ...]]()
    lines: list[str] = []
    for finding in findings:
        words = _words(finding)
        seen[words] += 1
        if seen[words] <= MOST_ALIKE:
            lines += _text_lines(_printable(finding), files, color, width)
        elif seen[words] == alike[words]:
            more = f"the same {alike[words] - MOST_ALIKE} times more, up to here: {finding.message}"
            lines += _text_lines(_printable(replace(finding, message=more, hint="")), files, color, width)
    return "".join(f"{line}\n" for line in lines)


def _words(finding: Finding) -> tuple[str, ...]:
    return finding.file, finding.rule, finding.severity.value, finding.message, finding.hint


_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")


def _short(words: str) -> str:
    """Return a text that people can read to its end: what is in a file may be of any length."""
    words = _LONG_WORD.sub(lambda match: f"{match[0][: LONGEST_WORD - 50]}…{match[0][-49:]}", words)
    return words if len(words) <= LONGEST_MESSAGE else f"{words[: LONGEST_MESSAGE - 1]}…"


# Controls, and what makes a line read in another order than it stands: https://www.unicode.org/reports/tr36/.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def _escaped(words: str) -> str:
    """Return a text that a terminal shows and does not obey."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), words)


def _printable(finding: Finding) -> Finding:
    return replace(finding, message=_short(_escaped(finding.message)), hint=_short(_escaped(finding.hint)))


def _text_lines(finding: Finding, files: dict[str, list[str]], color: bool, width: int) -> Iterator[str]:
    def styled(words: str, **style: object) -> str:
        import click

        return click.style(words, **style) if color else words  # type: ignore[arg-type]

    color_of = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
    said, severity, rule = _escaped(place(finding)), finding.severity.value, f"[{finding.rule}]"
    first, *rest = _wrapped(f"{said}: {severity}: {finding.message} {rule}", width)
    # Colours are put on after wrapping: they have no width.
    painted = f"{styled(said, bold=True)}: {styled(severity, fg=color_of[finding.severity], bold=True)}: "
    lines = [first.replace(f"{said}: {severity}: ", painted, 1), *rest]
    head, _, tail = lines[-1].rpartition(rule)
    lines[-1] = f"{head}{styled(rule, dim=True)}{tail}"
    yield from lines
    yield from _excerpt(finding, files, width)
    if finding.hint:
        yield from _wrapped(f"  hint: {finding.hint}", width)


def _wrapped(words: str, width: int) -> list[str]:
    """Return a line as those that it becomes on a terminal: broken between words, never inside of one."""
    if not width or _columns(words) <= width:
        return [words]
    import textwrap

    return textwrap.wrap(
        words, max(width, 20), subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    ) or [words]


def _columns(words: str) -> int:
    """Return how many columns a terminal shows a text in."""
    if words.isascii():
        return len(words)
    import unicodedata

    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in words)
    return len(words) + wide - sum(bool(unicodedata.combining(char)) for char in words)


def place(finding: Finding) -> str:
    """Return ``file:line:column``, as far as it is known."""
    if not finding.line:
        return finding.file
    return f"{finding.file}:{finding.line}:{finding.column}" if finding.column else f"{finding.file}:{finding.line}"


def _lines(file: str, files: dict[str, list[str]]) -> list[str]:
    """Return a file's lines, none where it cannot be read; each file is read once."""
    if file not in files:
        try:
            files[file] = Path(file).read_bytes().decode("utf-8", "replace").split("\n")
        except (OSError, ValueError):
            files[file] = []
    return files[file]


def _excerpt(finding: Finding, files: dict[str, list[str]], width: int) -> Iterator[str]:
    lines = _lines(finding.file, files) if finding.line else []
    if not 0 < finding.line <= len(lines):
        return
    number = str(finding.line)
    line = _escaped_in_place(lines[finding.line - 1].rstrip("\r"))
    widest = min(WIDEST_LINE, max(width - len(number) - 5, 20)) if width else WIDEST_LINE
    line, column = _cut(line, max(finding.column, 1), widest)
    yield f"  {number} | {line}"
    if finding.column:
        # Tabs stay tabs, so that the caret stands below its character at any tab width.
        before = [_columns(part) * " " for part in line[: column - 1].split("\t")]
        yield f"  {' ' * len(number)} | {chr(9).join(before)}^"


def _cut(line: str, column: int, widest: int) -> tuple[str, int]:
    """Return the part of a line around a column that is not wider than that, and the column in it."""
    if _columns(line.expandtabs(8)) <= widest:
        return line, column
    start = 0 if column <= widest * 3 // 4 else column - 1 - widest // 2
    part = line[start : start + widest]
    while _columns(part.expandtabs(8)) > widest:
        if _columns(part[: column - start - 1].expandtabs(8)) > widest // 2:
            part, start = part[1:], start + 1
        else:
            part = part[:-1]
    return part, column - start


def _escaped_in_place(line: str) -> str:
    """Return a line with a dot for each character that cannot be shown, so that columns stay."""
    return _UNPRINTABLE.sub("·", line)


def as_json(findings: Sequence[Finding]) -> str:
    """Return findings as a JSON object with ``findings`` and ``summary``."""
    count = Counter(finding.severity for finding in findings)
    data = {
        "findings": [finding.to_dict() for finding in findings],
        "summary": {
            "errors": count[Severity.ERROR],
            "warnings": count[Severity.WARNING],
            "notRendered": count[Severity.NOTE],
        },
    }
    return _json(data)


def _json(data: object) -> str:
    # What UTF-8 has no form for, half of a surrogate pair, stays an escape.
    return json.dumps(data, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace").decode() + "\n"


def github(findings: Sequence[Finding]) -> str:
    """Return findings as GitHub workflow commands, which become annotations in a pull request.

    The form is that of "Workflow commands for GitHub Actions", escapes included.
    """
    lines = []
    for item in findings:
        finding = _without_surrogates(item)
        values = {"file": finding.file, "line": finding.line, "col": finding.column, "title": finding.rule}
        properties = ",".join(f"{key}={_property(str(value))}" for key, value in values.items() if value)
        words = f"{finding.message}\n{finding.hint}" if finding.hint else finding.message
        level = "notice" if finding.severity is Severity.NOTE else finding.severity.value
        lines.append(f"::{level} {properties}::{_data(words)}\n")
    return "".join(lines)


def _without_surrogates(finding: Finding) -> Finding:
    texts = (_short(finding.message), _short(finding.hint))
    message, hint = (words.encode("utf-8", "backslashreplace").decode() for words in texts)
    return replace(finding, message=message, hint=hint)


def _data(words: str) -> str:
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    return _data(words).replace(":", "%3A").replace(",", "%2C")


def sarif(findings: Sequence[Finding]) -> str:
    """Return findings as a SARIF 2.1.0 log, which code scanning services take."""
    from urllib.parse import quote

    from vela_realtime import __version__
    from vela_realtime.findings import rules as known

    ids = sorted({finding.rule for finding in findings})
    numbers = {name: number for number, name in enumerate(ids)}
    pages = known.pages()
    rules = []
    for name in ids:
        rule: dict[str, object] = {"id": name}
        if (about := known.RULES.get(name)) is not None:
            rule["shortDescription"] = {"text": f"{about.title}."}
            rule["fullDescription"] = {"text": about.why}
            rule["help"] = {"text": about.why, "markdown": pages[f"{name}.md"]}
            rule["defaultConfiguration"] = {"level": about.severity.value}
        rules.append(rule)
    results = []
    for item in findings:
        finding = replace(item, message=_short(item.message), hint=_short(item.hint))
        location: dict[str, object] = {"artifactLocation": {"uri": quote(Path(finding.file).as_posix())}}
        if finding.line:
            location["region"] = {"startLine": finding.line, "startColumn": max(finding.column, 1)}
        results.append(
            {
                "ruleId": finding.rule,
                "ruleIndex": numbers[finding.rule],
                "level": finding.severity.value,
                "message": {"text": f"{finding.message}\n{finding.hint}" if finding.hint else finding.message},
                "locations": [{"physicalLocation": location}],
            }
        )
    driver = {"name": "vela-realtime", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return _json({"$schema": schema, "version": "2.1.0", "runs": [run]})


FORMATS: dict[str, Callable[[Sequence[Finding]], str]] = {
    "text": text,
    "json": as_json,
    "github": github,
    "sarif": sarif,
}
"""The formats by the name that ``--format`` takes."""
