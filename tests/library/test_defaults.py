"""A default stands once: changed in ``parameter.cue``, it does what giving the parameter does, and nothing else does.

For each default there is, a copy of the library has another value in that one place. What it renders of a fixture that
does not give the parameter must be what the library as it is renders when the parameter is given. A default that stands
in two places, or that some part has for itself, fails here.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from vela_realtime import library
from vela_realtime.library import defaults, definition, embed
from vela_realtime.library import fixtures as cases
from vela_realtime.library.bundle import Sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vela_realtime.library.defaults import Default
    from vela_realtime.library.fixtures import Case

LIBRARY = library.find()
KINDS = {item.folder.name: item.type for item in definition.load(LIBRARY)}
OTHER = {"mqttTopic": "sensors/#", "snapshot": "4bba301e"}
"""Another value, where a little longer or larger is none."""


def other(default: Default) -> Any:
    """Return a value beside the default that is as good: another choice, or a little more."""
    value = default.value
    if (name := default.path[-1]) in OTHER:
        return OTHER[name]
    if isinstance(value, bool):
        return not value
    choices = [choice for choice in default.choices if choice != value and type(choice) is type(value)]
    if choices:
        return choices[0]
    if isinstance(value, (int, float)):
        return value + 1
    if number := re.fullmatch(r"([0-9]+)([A-Za-z]*)", value):
        return f"{int(number[1]) + 1}{number[2]}"
    return f"{value}x"


@functools.cache
def defaults_of(folder: str) -> list[Default]:
    sources = Sources(LIBRARY)
    return defaults.of(sources.own(LIBRARY.cue / folder), sources.shared())


@functools.cache
def valid(folder: str) -> list[Case]:
    """The cases that render, the smallest first."""
    found = [case for case in cases.load(LIBRARY, folder) if case.valid]
    return sorted(found, key=lambda case: len(json.dumps([case.properties, case.siblings])))


def missing(properties: Any, default: Default, depth: int = 0) -> list[dict[str, Any]]:
    """Return the structs of some properties that the default fills in."""
    if isinstance(properties, list):
        return [struct for item in properties for struct in missing(item, default, depth)]
    if not isinstance(properties, dict):
        return []
    key, last = default.path[depth], depth == len(default.path) - 1
    if last:
        return [] if key in properties else [properties]
    if key not in properties:
        if default.needs[: depth + 1] == default.path[: depth + 1]:
            return []
        properties[key] = {}
    return missing(properties[key], default, depth + 1)


def given(case: Case, chosen: list[Default]) -> Case:
    """Return a case that says what the changed defaults say."""
    properties = copy.deepcopy(case.properties)
    for default in chosen:
        for struct in missing(properties, default):
            struct[default.path[-1]] = other(default)
    return dataclasses.replace(case, properties=properties)


def fits(case: Case, default: Default) -> bool:
    return bool(missing(copy.deepcopy(case.properties), default))


def rendered(root: library.Library, folder: str, case: Case) -> tuple[dict[str, Any], list[str]]:
    result = cases.render_package(root, folder, case, KINDS[folder])
    return result.objects, sorted(problem.rule or problem.text for problem in result.problems)


def changed_library(folder: Path, chosen: list[Default]) -> library.Library:
    """Return a copy of the library in which the defaults are others."""
    shutil.copytree(LIBRARY.cue, folder / "cue")
    for default in chosen:
        path = folder / default.source.path.relative_to(LIBRARY.root)
        lines = path.read_text(encoding="utf-8").split("\n")
        old, new = (json.dumps(value, ensure_ascii=False) for value in (default.value, other(default)))
        line = lines[default.at.line - 1]
        assert line[default.at.column - 1 :].startswith(f"*{old}"), line
        place = default.at.column - 1
        rest = line[place + 1 + len(old) :]
        rest = rest.replace(f"| {new}", f"| {old}") if new in rest else rest
        lines[default.at.line - 1] = f"{line[:place]}*{new}{rest}"
        path.write_text("\n".join(lines), encoding="utf-8")
    copied = library.Library(folder)
    for path, (text, _) in embed.render(copied).items():
        path.write_text(text, encoding="utf-8")
    return copied


def together(default: Default) -> str:
    """Return the name of a group of defaults that can be changed at once and show all the same."""
    if isinstance(default.value, bool):
        return "gates" if default.path[-1] in {"enabled", "iot"} else "switches"
    return "choices" if len(default.choices) > 1 else "values"


def groups() -> list[tuple[str, str, str, list[Default]]]:
    """Return definition, case and name of what is tried at once, and the defaults: rendering takes its time."""
    found: dict[tuple[str, str, str], list[Default]] = {}
    for folder in KINDS:
        for default in defaults_of(folder):
            case = next((item.name for item in valid(folder) if fits(item, default)), "")
            found.setdefault((folder, case, together(default)), []).append(default)
    return [(*key, chosen) for key, chosen in found.items()]


@pytest.mark.parametrize(
    ("folder", "case", "chosen"),
    [
        pytest.param(folder, case, chosen, id=f"{folder}-{case}-{group}-{'.'.join(chosen[0].path)}")
        for folder, case, group, chosen in groups()
    ],
)
def test_a_default_changed_in_one_place(folder: str, case: str, chosen: list[Default], tmp_path: Path) -> None:
    assert case, f"no fixture of {folder} that renders gives {'.'.join(chosen[0].needs)}"
    (found,) = (item for item in valid(folder) if item.name == case)
    changed = rendered(changed_library(tmp_path, chosen), folder, found)
    assert changed == rendered(LIBRARY, folder, given(found, chosen))


ELSEWHERE = (LIBRARY.cue / defaults.FILE).read_text(encoding="utf-8")
KNOWN_ELSEWHERE = [
    (owner, default)
    for owner in KINDS
    for default in defaults_of(owner)
    # The elements of a list that nobody wrote cannot be written out to compare.
    if not default.in_list and f"{defaults.name(owner)}: {': '.join(default.path)}: " in ELSEWHERE
]


def test_what_is_known_elsewhere() -> None:
    assert len(KNOWN_ELSEWHERE) > 8


def seen(owner: str, default: Default) -> Iterator[tuple[str, Case, Case]]:
    """Yield definition, case, and the case that says it, for who sees ``owner`` or leaves a struct out."""
    for folder in KINDS:
        if defaults.name(owner) not in Sources(LIBRARY).bundle(LIBRARY.cue / folder).text:
            continue
        for case in valid(folder):
            components = copy.deepcopy([case.properties] if folder == owner else [])
            siblings = copy.deepcopy(case.siblings)
            components += [sibling["properties"] for sibling in siblings if sibling["type"] == owner]
            said = [struct for one in components for struct in missing(one, dataclasses.replace(default, needs=()))]
            for struct in said:
                struct[default.path[-1]] = other(default)
            if said:
                properties = components[0] if folder == owner else case.properties
                yield folder, case, dataclasses.replace(case, properties=properties, siblings=siblings)


@pytest.mark.parametrize(
    ("owner", "default"), [pytest.param(*item, id=".".join([item[0], *item[1].path])) for item in KNOWN_ELSEWHERE]
)
def test_who_fills_in_a_default_knows_it(owner: str, default: Default, tmp_path: Path) -> None:
    """A platform shows a client beside it what its author wrote; what was left out is the same default."""
    changed = changed_library(tmp_path, [default])
    for folder, case, says in seen(owner, default):
        explicit = rendered(LIBRARY, folder, says)
        _, problems = explicit  # a struct that was left out may be refused where it has no effect
        if not problems and explicit != rendered(LIBRARY, folder, case):
            assert rendered(changed, folder, case) == explicit
            return
    raise AssertionError("no fixture shows the difference")
