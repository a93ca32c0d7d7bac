"""Reading what ``cue`` says is wrong."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime.errors import ToolError
from vela_realtime.files import display
from vela_realtime.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vela_realtime.process import Completed


@dataclass(frozen=True)
class Place:
    """A position that ``cue`` names, counted from 1."""

    file: Path
    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """One error of ``cue``: the value's path (empty for syntax errors), what is wrong, and the places."""

    path: str
    message: str
    places: tuple[Place, ...]

    @property
    def rule(self) -> str:
        """The text of a rule between fields, empty for any other problem.

        Such a rule is a field whose quoted name is the message, and which is false when the rule is broken,
        where all fields must be true: the one way to give a message of one's own on every version of KubeVela.
        """
        if self.message in _BROKEN_RULE and (match := _LAST_QUOTED.search(self.path)):
            return str(json.loads(match[0]))
        return ""

    @property
    def text(self) -> str:
        """What to tell a reader, in one line."""
        return self.rule or (f"{self.path}: {self.message}" if self.path else self.message)


# Of large numbers, cue groups the digits: 1,004.
_PLACE = re.compile(r"^\s+(?P<file>\S.*?):(?P<line>[\d,]+):(?P<column>[\d,]+)$")
_STEP = r"(?:[#$\w-]+|\"(?:[^\"\\]|\\.)*\"|\[\d+\])"
_PATH = re.compile(rf"^(?P<path>{_STEP}(?:\.?{_STEP})*): (?P<rest>\S.*)$")
_COUNT = re.compile(r"^\d+ errors in empty disjunction$")
_LAST_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"$')
_BROKEN_RULE = {"conflicting values false and true", "conflicting values true and false"}
_CONFLICT = re.compile(r"^conflicting values (?P<one>.+) and (?P<other>.+)$")
_MISMATCH = re.compile(r" \(mismatched types [^()]*(?:\([^()]*\)[^()]*)*\)$")


def failure(done: Completed, folder: Path) -> list[Problem]:
    """Return what made a run of ``cue`` fail: one problem at least, though it said nothing."""
    return problems(done.stderr, folder) or [
        Problem("", f"cue failed with exit code {done.returncode}: {_last(done)}", ())
    ]


def _last(done: Completed) -> str:
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


def answer(done: Completed) -> Any:
    """Return the JSON that a run of ``cue`` printed.

    Raises:
        ToolError: it printed something else.
    """
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise _no_json(done.stdout) from error


def answers(done: Completed) -> list[Any]:
    """Return the JSON values that a run of ``cue`` printed one after another.

    Raises:
        ToolError: it printed something else.
    """
    decoder, text, found = json.JSONDecoder(), done.stdout.strip(), list[Any]()
    while text:
        try:
            value, end = decoder.raw_decode(text)
        except ValueError as error:
            raise _no_json(text) from error
        found.append(value)
        text = text[end:].lstrip()
    return found


def _no_json(text: str) -> ToolError:
    said = text.strip()[:80] or "nothing"
    return ToolError(f"cue should have printed JSON, and printed {said}", "is this the cue of cuelang.org?")


def problems(stderr: str, folder: Path) -> list[Problem]:
    """Read the errors that ``cue`` printed when it ran inside ``folder``.

    The errors of one value's alternatives become one problem.
    """
    found: list[Problem] = []
    for line in stderr.splitlines():
        if not line.strip():
            continue
        if match := _PLACE.match(line):
            if found:
                file = Path(os.path.normpath(folder / match["file"]))
                place = Place(file, *(int(match[part].replace(",", "")) for part in ("line", "column")))
                if place not in found[-1].places:
                    found[-1] = replace(found[-1], places=(*found[-1].places, place))
            continue
        text = line.strip().removesuffix(":")
        if text.startswith("too many errors"):
            continue
        # "x: 2 errors in empty disjunction" keeps its path: the words behind the colon are fixed.
        if match := _PATH.match(text):
            found.append(Problem(match["path"], match["rest"], ()))
        else:
            found.append(Problem("", text, ()))
    return list(dict.fromkeys(_without_noise(found)))


def _without_noise(found: Sequence[Problem]) -> list[Problem]:
    """Replace the errors of a disjunction's alternatives, one each, by one that lists what is allowed."""
    result: list[Problem] = []
    index = 0
    while index < len(found):
        problem = found[index]
        index += 1
        if not _COUNT.match(problem.message):
            result.append(problem)
            continue
        group = []
        while index < len(found) and found[index].path == problem.path and problem.path:
            group.append(found[index])
            index += 1
        result.append(_alternatives(problem, group))
    return result


def _alternatives(header: Problem, group: Sequence[Problem]) -> Problem:
    places = tuple(dict.fromkeys(place for item in group for place in item.places))
    matches = [match for item in group if (match := _CONFLICT.match(_MISMATCH.sub("", item.message)))]
    pairs = [(match["one"], match["other"]) for match in matches]
    if pairs and len(pairs) == len(group):
        common = set(pairs[0]).intersection(*map(set, pairs[1:])) if len(pairs) > 1 else set()
        if len(common) == 1:
            (given,) = common
            allowed = ", ".join(dict.fromkeys(one if other == given else other for one, other in pairs))
            return Problem(header.path, f"{given} is not one of {allowed}", places)
    if group:
        # A bound that was missed says more than the default that the value is not.
        telling = [item for item in group if not _CONFLICT.match(item.message)] or group
        message = "; ".join(dict.fromkeys(item.message for item in telling))
        return Problem(header.path, message, places)
    return header


def findings(found: Sequence[Problem], rule: str, *, prefer: Path | None = None) -> list[Finding]:
    """Turn problems into findings.

    Of several places, the first inside ``prefer`` (a file or a folder) is shown; the others go to the hint.
    """
    result: list[Finding] = []
    seen: set[tuple[object, str]] = set()
    for problem in found:
        # One faulty line of a library shows up once for each way that leads to it.
        if problem.places and (problem.places[0], problem.message) in seen:
            continue
        seen.add((problem.places[:1] and problem.places[0], problem.message))
        places = list(problem.places)
        if prefer is not None:
            places.sort(key=lambda place: not place.file.is_relative_to(prefer))
        first = places[0] if places else Place(prefer or Path("-"), 0, 0)
        others = ", ".join(f"{display(place.file)}:{place.line}" for place in places[1:4])
        result.append(
            Finding(
                display(first.file),
                first.line,
                first.column,
                rule,
                problem.text,
                path=problem.path,
                hint=f"see also {others}" if others else "",
            )
        )
    return result
