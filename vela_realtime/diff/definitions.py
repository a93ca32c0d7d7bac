"""Definitions of two versions compared by what KubeVela is told about them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vela_realtime.diff.kinds import change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.diff.kinds import Change
    from vela_realtime.diff.snapshot import Definition, Snapshot

_APART = {"schematic", "status", "version"}
_NARROWING = {"appliesToWorkloads": False, "conflictsWith": True}
"""Lists that narrow what a trait may be given to: whether it is so when something is added."""

_KIND = {"workload", "definitionRef", "workloadRefPath", "podSpecPath", "childResourceKinds"}
"""What says to KubeVela which kind of thing it has before it."""


def compare(old: Snapshot, new: Snapshot) -> Iterator[Change]:
    """Yield the definitions that went, came, or are told otherwise."""
    for key, item in old.definitions.items():
        if key not in new.definitions:
            yield change("definition-removed", item.title, "", "is gone")
    for key, item in new.definitions.items():
        if key not in old.definitions:
            yield change("definition-added", item.title, "", "is new")
    for key, item in old.definitions.items():
        if key in new.definitions:
            yield from _envelope(item, new.definitions[key])


def _envelope(old: Definition, new: Definition) -> Iterator[Change]:
    title = old.title
    if new.optional and not old.optional:
        yield change("definition-optional", title, "", "moved to optional/")
    for name in sorted((old.spec.keys() | new.spec.keys()) - _APART):
        before, after = old.spec.get(name), new.spec.get(name)
        if before != after:
            kind = "attributes-tightened" if _tightens(name, before, after) else "attributes-changed"
            yield change(kind, title, name, f"is {_shown(after)}, was {_shown(before)}")
    if old.spec.get("status") != new.spec.get("status"):
        parts = {**(old.spec.get("status") or {}), **(new.spec.get("status") or {})}
        changed = [part for part in parts if _part(old, part) != _part(new, part)]
        yield change("status-changed", title, "", f"{' and '.join(sorted(changed))} changed")
    if old.template != new.template:
        yield change("template-changed", title, "", "the template changed")


def _tightens(name: str, before: Any, after: Any) -> bool:
    if name in _KIND:
        return True
    if name not in _NARROWING:
        return False
    old, new = set(before or ()), set(after or ())
    if name == "appliesToWorkloads" and not old:
        return True  # it applied to all
    return bool(new - old) if _NARROWING[name] else bool(new) and bool(old - new)


def _part(item: Definition, name: str) -> Any:
    return (item.spec.get("status") or {}).get(name)


def _shown(value: Any) -> str:
    return "not set" if value is None else json.dumps(value)
