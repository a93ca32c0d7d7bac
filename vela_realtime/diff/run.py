"""The whole comparison: definitions, their parameters, what they render, and the version that all of it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vela_realtime import process
from vela_realtime.diff import definitions, objects, parameters, rendering, versions
from vela_realtime.diff.kinds import KINDS, Bump, Change, change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vela_realtime.diff.snapshot import Definition, Key, Snapshot
    from vela_realtime.library import Library
    from vela_realtime.library.fixtures import Case


SET = "the set"
"""What the definitions of a version are called together."""


@dataclass(frozen=True)
class Step:
    """A definition's versions, before and after, and the lowest one that its changes ask for."""

    definition: str
    old: str
    new: str
    wanted: str
    bump: Bump

    @property
    def enough(self) -> bool:
        """Whether the new version is high enough."""
        return versions.high_enough(self.old, self.new, self.bump)


@dataclass(frozen=True)
class Report:
    """What a comparison found: the changes, and the step of each definition that changed."""

    old: str
    new: str
    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    rendered: int = 0
    """How many parameter sets were rendered in both versions."""

    @property
    def bump(self) -> Bump:
        """The bump that all changes together ask for."""
        return versions.needed(self.changes)

    @property
    def too_small(self) -> tuple[Step, ...]:
        """The steps whose version is too low."""
        return tuple(step for step in self.steps if not step.enough)


def compare(
    old: Snapshot,
    new: Snapshot,
    library: Library,
    *,
    render: bool = True,
    use_cache: bool = True,
    start: Callable[[int], Callable[[], None]] | None = None,
) -> Report:
    """Compare two versions of the definitions.

    ``render`` also renders the examples and fixtures of both by both. ``start`` is given the number of parameter sets
    and returns what is called after each.

    Raises:
        ToolError: there is no ``cue``.
    """
    both = [key for key in old.definitions if key in new.definitions]
    found = list(of_definitions(old, new))
    rendered = 0
    if render:
        changed = {key for key in both if old.definitions[key].template != new.definitions[key].template}
        todo = rendering.all_cases((new, old), changed)
        done = start(len(todo)) if start else None

        def one(pair: tuple[Key, Case]) -> list[Change] | None:
            key, case = pair
            return _rendered(library, old.definitions[key], new.definitions[key], case, use_cache)

        results = process.in_parallel(one, todo, done=done)
        rendered = sum(result is not None for result in results)
        found += _together(item for result in results for item in result or ())
    found.sort(key=_order)
    steps = tuple(_steps(old, new, found))
    return Report(old.label, new.label, tuple(found), steps, rendered)


def of_definitions(old: Snapshot, new: Snapshot) -> list[Change]:
    """Return what changed of the definitions and their parameters: all that is known without rendering anything.

    Raises:
        ToolError: there is no ``cue``.
    """
    found = list(definitions.compare(old, new))
    for key, item in old.definitions.items():
        if key in new.definitions:
            found += _parameters(item, new.definitions[key])
    return sorted(found, key=_order)


_POSITIONS = {kind: index for index, kind in enumerate(KINDS)}


def _order(item: Change) -> tuple[bool, str, int, str]:
    return not item.breaking, item.definition, _POSITIONS[item.kind.id], item.where


def _parameters(old: Definition, new: Definition) -> Iterator[Change]:
    if old.template == new.template:
        return
    if old.schema is not None and new.schema is not None:
        yield from parameters.compare(old.title, old.schema, new.schema)
    yield from parameters.compare_immutable(old.title, old.immutable, new.immutable)


def _rendered(library: Library, old: Definition, new: Definition, case: Case, use_cache: bool) -> list[Change] | None:
    """Return the changes that a case shows, None where the old version refuses it: it uses what is new."""
    before = rendering.render(library, old, case, use_cache=use_cache)
    if before.problem:
        return None
    after = rendering.render(library, new, case, use_cache=use_cache)
    if after.problem:
        return [change("render-fails", old.title, "", after.problem, (case.name,))]
    instance = str(case.properties.get("name") or case.component)
    compared = objects.compare(old.title, instance, before.objects, after.objects)
    return [Change(item.kind, item.definition, item.where, item.message, (case.name,)) for item in compared]


def _together(changes: Iterable[Change]) -> list[Change]:
    """Put together what several cases show alike: of the same kind at the same place. The first one's words stay."""
    found: dict[tuple[str, str, str], Change] = {}
    for item in changes:
        # Of a refusal, the words are the place.
        key = (item.definition, item.kind.id, item.where or item.message)
        first = found.get(key)
        names = tuple(dict.fromkeys((*(first.cases if first else ()), *item.cases)))
        found[key] = Change(item.kind, item.definition, item.where, first.message if first else item.message, names)
    return list(found.values())


def _steps(old: Snapshot, new: Snapshot, changes: list[Change]) -> Iterator[Step]:
    whole = versions.needed(changes)
    if whole is not Bump.NONE:
        yield Step(SET, old.version, new.version, versions.next_version(old.version, whole), whole)
    for key, before in old.definitions.items():
        after = new.definitions.get(key)
        if after is None:
            continue
        bump = versions.needed(item for item in changes if item.definition == before.title)
        if bump is not Bump.NONE:
            yield Step(before.title, before.version, after.version, versions.next_version(before.version, bump), bump)
