"""Explaining texts: a status line, an event, a log."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vela_realtime.explain.troubles import parts, troubles, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STATE = "|".join(item.pattern.pattern for item in words())
_STATUS_LINE = re.compile(rf"(?<![\w-])[a-z][a-z0-9-]* (?:{_STATE})(?:, [a-z][a-z0-9-]* (?:{_STATE}))*$")
_CONTEXT = 160
"""Characters before and behind what was recognised in a line that are told with it."""

_PLACE = re.compile(r"\b(NS|APP|POD|JOB)\b")


@dataclass(frozen=True)
class Explanation:
    """What is missing, why, and the next command; ``said`` is what was explained."""

    said: str
    means: str
    why: str
    command: str
    page: str = ""
    where: str = ""
    """The cluster and the namespace, where that is not simply the Application's."""

    def at(self, places: Mapping[str, str]) -> Explanation:
        """Return it with ``NS``, ``APP``, ``POD`` and ``JOB`` of its command put in, as far as they are known."""
        return replace(self, command=_PLACE.sub(lambda match: places.get(match[0], match[0]), self.command))


def explain(text: str) -> list[Explanation]:
    """Return what is missing according to a text, each thing once; nothing where all is up, or nothing is known."""
    found: list[Explanation] = []
    for line in text.splitlines():
        found += _line(line)
    return list(dict.fromkeys(found))


def _line(line: str) -> Iterator[Explanation]:
    states = status_line(line)
    if states:
        yield from of_states(states)
        return
    for item in troubles():
        if found := item.pattern.search(line):
            yield Explanation(_around(line, found), item.means, item.why, item.command, item.page)
            return


def _around(line: str, found: re.Match[str]) -> str:
    """Return the line, or what is around the place where it says so: a step's message may have every object's error."""
    start, end = max(found.start() - _CONTEXT, 0), min(found.end() + _CONTEXT, len(line))
    return "... " * (start > 0) + line[start:end].strip() + " ..." * (end < len(line))


def status_line(line: str) -> dict[str, str]:
    """Return the parts that a status line names, each with its word; none where the text is no such line.

    What stands before it, as in what ``vela status`` prints, is left out.
    """
    found = _STATUS_LINE.search(line.strip())
    entries = [entry.rpartition(" ") for entry in found[0].split(", ")] if found is not None else []
    return {name: word for name, _, word in entries if name in parts()}


def of_states(states: Mapping[str, str]) -> Iterator[Explanation]:
    """Yield what is missing of some parts: what waits for another one that is missing too comes behind it."""
    missing = [name for name, word in states.items() if not is_up(word)]
    ordered = sorted(missing, key=lambda name: len(_blockers(name, missing)))
    for name in ordered:
        word = states[name]
        item = next(item for item in words() if item.pattern.fullmatch(word))
        part = parts().get(name)
        about = f"{name}, {part.about}: " if part is not None else f"{name}: "
        blockers = _blockers(name, missing)
        why = f"it waits for {' and '.join(blockers)}, which is told above" if blockers else item.why
        yield Explanation(f"{name} {word}", about + item.means, why, item.command, item.page)


def is_up(word: str) -> bool:
    """Tell whether a part of which a status line says this is up."""
    ready, slash, wanted = word.partition("/")
    return ready == wanted if slash else any(item.up and item.id == word for item in words())


def _blockers(name: str, missing: list[str]) -> list[str]:
    part = parts().get(name)
    return [other for other in missing if part is not None and other in part.waits]
