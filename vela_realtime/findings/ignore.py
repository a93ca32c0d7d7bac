"""Findings that the author of a file has answered: ``# vela-realtime: ignore[rule] reason``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_COMMENT = re.compile(r"(?:^|\s)#\s*vela-realtime:\s*(?P<what>[\w-]+)(?:\[(?P<rules>[^\]]*)\])?(?P<reason>[^\n]*)")
RULE = "ignore"


@dataclass(frozen=True)
class _Answer:
    """A comment: the line that it stands on, the lines that it is about (empty: all of the file), and the rules."""

    line: int
    column: int
    lines: frozenset[int]
    rules: frozenset[str]


def apply(
    findings: Iterable[Finding],
    texts: Mapping[str, str],
    known: Iterable[str],
    open_rules: Mapping[str, frozenset[str]],
) -> list[Finding]:
    """Leave out what is answered in the files; report answers that are wrong, or that nothing is left to answer.

    ``open_rules`` has the rules that a file was not held against: what answers one of them may well be needed.
    A comment is about its own line, or where it stands alone, about the next line that is no comment. With
    ``ignore-file`` it is about the whole file.
    """
    rules, kept = set(known), list[Finding]()
    answers: dict[str, list[_Answer]] = {}
    for file, text in texts.items():
        if "vela-realtime:" in text:
            found, faults = _read(file, text, rules)
            answers[file] = found
            kept += faults
    used: set[tuple[str, int, str]] = set()
    by_line = {file: _by_line(found) for file, found in answers.items()}
    for finding in findings:
        near = by_line.get(finding.file, {})
        matching = [item for line in (0, finding.line) for item in near.get(line, ()) if finding.rule in item.rules]
        used |= {(finding.file, answer.line, finding.rule) for answer in matching}
        if not matching:
            kept.append(finding)
    for file, found in answers.items():
        for answer in found:
            held = answer.rules - open_rules.get(file, frozenset())
            idle = sorted(rule for rule in held if (file, answer.line, rule) not in used)
            if idle:
                message = f"there is no {', '.join(idle)} here to ignore"
                kept.append(Finding(file, answer.line, answer.column, RULE, message, Severity.WARNING))
    return kept


def _by_line(answers: Iterable[_Answer]) -> dict[int, list[_Answer]]:
    """Return answers by the lines that they are about, under 0 what is about all of the file."""
    found: dict[int, list[_Answer]] = {}
    for answer in answers:
        for line in answer.lines or {0}:
            found.setdefault(line, []).append(answer)
    return found


def _read(file: str, text: str, known: set[str]) -> tuple[list[_Answer], list[Finding]]:
    lines = text.split("\n")
    answers, faults = list[_Answer](), list[Finding]()
    for number, line in enumerate(lines, start=1):
        match = _COMMENT.search(line)
        if match is None:
            continue
        column = line.index("#", match.start()) + 1
        rules = frozenset(rule.strip() for rule in (match["rules"] or "").split(",") if rule.strip())
        if problem := _problem(match, rules, known):
            faults.append(Finding(file, number, column, RULE, problem, hint="the form is ignore[rule] reason"))
            continue
        about = frozenset({number}) if line[: match.start()].strip() else frozenset(_next(lines, number))
        answers.append(_Answer(number, column, frozenset() if match["what"] == "ignore-file" else about, rules))
    return answers, faults


def _problem(match: re.Match[str], rules: frozenset[str], known: set[str]) -> str:
    if match["what"] not in {"ignore", "ignore-file"}:
        return f"there is no {match['what']}: only ignore and ignore-file"
    if not rules:
        return "say which rules are ignored"
    if unknown := sorted(rules - known):
        return f"there is no rule {', '.join(unknown)}"
    if not match["reason"].strip():
        return "say why it is ignored"
    return ""


def _next(lines: list[str], number: int) -> Iterator[int]:
    """Yield the line after a comment that stands alone, others like it passed over."""
    for later in range(number, len(lines)):
        stripped = lines[later].strip()
        if stripped and not stripped.startswith("#"):
            yield later + 1
            return
    yield number
