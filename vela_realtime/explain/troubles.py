"""The table of what can be said, ``troubles.yaml``: one source for ``explain`` and for the page ``docs/status.md``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

PAGE = "status.md"
"""The page's name below ``docs/``."""


@dataclass(frozen=True)
class Trouble:
    """Something that is said: ``like`` is an example, and ``pattern`` fits all of the kind."""

    id: str
    pattern: re.Pattern[str]
    like: str
    means: str
    why: str
    command: str
    page: str = ""
    """A page below ``docs/`` that has more, empty where none does."""

    up: bool = False
    """Of a status line's word: whether nothing is missing."""


@dataclass(frozen=True)
class Part:
    """A name in a status line: what it is, and the parts that it waits for."""

    name: str
    about: str
    waits: tuple[str, ...]


@cache
def _table() -> dict[str, Any]:
    text = files("vela_realtime.explain").joinpath("troubles.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return data


@cache
def words() -> tuple[Trouble, ...]:
    """Return the words that stand behind a part's name in a status line."""
    return tuple(
        Trouble(
            item["word"],
            re.compile(item.get("pattern", re.escape(item["word"]))),
            item["word"],
            item["means"],
            item.get("why", ""),
            item.get("command", ""),
            item.get("page", ""),
            item.get("up", False),
        )
        for item in _table()["words"]
    )


@cache
def parts() -> dict[str, Part]:
    """Return every name that a status line can have."""
    return {name: Part(name, item["is"], tuple(item["waits"])) for name, item in _table()["parts"].items()}


@cache
def troubles() -> tuple[Trouble, ...]:
    """Return what events and logs say."""
    return tuple(
        Trouble(
            item["id"],
            re.compile(item["pattern"], re.IGNORECASE),
            item["like"],
            item["means"],
            item["why"],
            item["command"],
            item.get("page", ""),
        )
        for item in _table()["troubles"]
    )


def page(command: str) -> str:
    """Return ``docs/status.md``."""
    lines = [
        f"<!-- Generated from vela_realtime/explain/troubles.yaml by `{command}`. Do not edit it here. -->",
        "# Status, events and logs in words",
        "",
        "`vela-realtime explain` says what is missing, why, and what to look at next: of an Application on kubectl's",
        "current cluster, or of what it is given.",
        "",
        "```bash",
        "vela-realtime explain my-realtime-app --namespace default",
        'echo "kafka 2/3, connect 0/1, topics running" | vela-realtime explain -',
        "kubectl -n default logs job/JOB | vela-realtime explain -",
        "```",
        "",
        "## The status line",
        "",
        "`vela status APP` shows a line for each component, such as `kafka 2/3, connect 1/1, topics pending`: every",
        "part that the component has, and how it is. All are up when each says `done` or has as many pods ready as it",
        "should have.",
        "",
        "| word | meaning | why, and what to look at |",
        "|---|---|---|",
        *(f"| `{item.id}` | {item.means} | {_next(item)} |" for item in words()),
        "",
        "| part | what it is | waits for |",
        "|---|---|---|",
        *(f"| `{item.name}` | {item.about} | {', '.join(item.waits)} |" for item in parts().values()),
        "",
        "## Events and logs",
        "",
    ]
    for item in troubles():
        lines += [f"### {item.means[0].upper()}{item.means[1:]}", "", "```text", item.like, "```", ""]
        lines += [f"{_sentence(item.why)}{_more(item)}", "", "```bash", item.command, "```", ""]
    return "\n".join(lines)


def _next(item: Trouble) -> str:
    return f"{_sentence(item.why)} `{item.command}`{_more(item)}" if item.command else ""


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _more(item: Trouble) -> str:
    return f" More: [{item.page.rpartition('/')[2].removesuffix('.md')}]({item.page})." if item.page else ""
