"""A comparison written down: text for people, JSON, annotations for GitHub, Markdown for a comment or a changelog."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from vela_realtime.findings import Finding, Severity
from vela_realtime.findings import report as findings_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vela_realtime.diff.kinds import Change
    from vela_realtime.diff.run import Report, Step

_NOTHING = "nothing changed that an Application can notice"


def text(report: Report) -> str:
    """Return the comparison for a terminal: a block a definition, the breaking changes first."""
    lines = [f"{report.old} -> {report.new}"]
    for definition, changes in _by_definition(report.changes):
        lines += ["", definition]
        for item in changes:
            lines.append(f"  {_level(item):<10} {_sentence(item)} [{item.kind.id}]")
            lines.append(f"             {item.kind.reason}{_seen(item)}")
    lines += ["", *_verdict(report)]
    return "".join(f"{line}\n" for line in lines)


def as_json(report: Report) -> str:
    """Return the comparison as a JSON object: ``changes``, ``versions``, and the ``bump`` that they ask for."""
    data = {
        "old": report.old,
        "new": report.new,
        "bump": report.bump.name.lower(),
        "enough": not report.too_small,
        "rendered": report.rendered,
        "changes": [
            {
                "kind": item.kind.id,
                "breaking": item.breaking,
                "bump": item.kind.bump.name.lower(),
                "definition": item.definition,
                "where": item.where,
                "message": item.message,
                "reason": item.kind.reason,
                "cases": list(item.cases),
            }
            for item in report.changes
        ],
        "versions": [
            {
                "of": step.definition,
                "old": step.old,
                "new": step.new,
                "wanted": step.wanted,
                "bump": step.bump.name.lower(),
                "enough": step.enough,
            }
            for step in report.steps
        ],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def github(report: Report) -> str:
    """Return a workflow command for each breaking change, and one for each version that is too low."""
    found = [
        Finding(
            _file(item.definition),
            0,
            0,
            item.kind.id,
            f"{item.definition}: {_sentence(item)}",
            Severity.WARNING,
            hint=item.kind.reason,
        )
        for item in report.changes
        if item.breaking
    ]
    found += [Finding("", 0, 0, "version", _too_small(step)) for step in report.too_small]
    return findings_report.github(found)


def markdown(report: Report) -> str:
    """Return the comparison as Markdown: a comment for a pull request, or what a changelog has of a release."""
    lines = [f"### Definitions: {_code(report.old)} to {_code(report.new)}", ""]
    if not report.changes:
        return "\n".join([*lines, f"{_NOTHING[0].upper()}{_NOTHING[1:]}.", ""])
    lines += [f"{line[0].upper()}{line[1:]}." if not line.endswith(".") else line for line in _verdict(report)]
    for title, breaking in (("Breaking", True), ("Compatible", False)):
        chosen = [item for item in report.changes if item.breaking is breaking]
        if not chosen:
            continue
        lines += ["", f"#### {title}"]
        for definition, changes in _by_definition(chosen):
            lines += ["", f"**{definition}**", ""]
            lines += [f"- {_marked(item)}: {_escaped(item.kind.reason + _seen(item))}" for item in changes]
    return "\n".join([*lines, ""])


FORMATS: dict[str, Callable[[Report], str]] = {"text": text, "json": as_json, "github": github, "markdown": markdown}
"""The formats by the name that ``--format`` takes."""


def _verdict(report: Report) -> Iterator[str]:
    if not report.changes:
        yield _NOTHING
        return
    breaking = sum(item.breaking for item in report.changes)
    bump = report.bump.name.lower()
    yield f"{breaking} breaking, {len(report.changes) - breaking} compatible: asks for a {bump} version"
    if report.too_small:
        yield from (_too_small(step) for step in report.too_small)
    else:
        whole = report.steps[0]
        yield f"{whole.new} is high enough after {whole.old}"


def _too_small(step: Step) -> str:
    return f"{step.definition} has version {step.new or 'none'}: after {step.old} it must be {step.wanted} or higher"


def _by_definition(changes: Iterable[Change]) -> list[tuple[str, list[Change]]]:
    found: dict[str, list[Change]] = {}
    for item in changes:
        found.setdefault(item.definition, []).append(item)
    return list(found.items())


def _level(item: Change) -> str:
    return "breaking" if item.breaking else "compatible"


def _sentence(item: Change) -> str:
    return f"{item.where}: {item.message}" if item.where else item.message


def _seen(item: Change) -> str:
    """Say which parameter sets show a change."""
    if not item.cases:
        return ""
    first, more = item.cases[0], len(item.cases) - 1
    return f" (seen in {first}{f' and {more} more' if more else ''})"


def _file(definition: str) -> str:
    return f"definitions/{definition.partition(' ')[2]}.yaml"


def _marked(item: Change) -> str:
    return f"{_code(item.where)} {_escaped(item.message)}" if item.where else _escaped(item.message)


def _code(words: str) -> str:
    """Return words as a span of code, whatever they have in them."""
    fence = "``" if "`" in words else "`"
    return f"{fence}{' '.join(words.split())}{fence}"


def _escaped(words: str) -> str:
    """Return words that Markdown shows as they are: they may come from an Application that somebody sent."""
    return re.sub(r"([\\`*_\[\]|#])|([<>@])", _escape, " ".join(words.split()))


def _escape(found: re.Match[str]) -> str:
    return f"\\{found[1]}" if found[1] else f"&#{ord(found[2])};"
