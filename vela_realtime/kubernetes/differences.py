"""Where two objects differ, in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vela_realtime.kubernetes.objects import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

_FEW = 4


def difference(old: Any, new: Any) -> tuple[str, Any] | None:
    """Return the path at which two values differ, and the second's text or number there; None where it is not one."""
    paths = list(_differences(old, new, ""))
    return (paths[0][0], paths[0][2]) if len(paths) == 1 and isinstance(paths[0][2], (str, int, float)) else None


def said(old: Any, new: Any, *, values: bool = True) -> str:
    """Say where two values differ: the paths, and for a single one the values, where these may be said."""
    paths = list(_differences(old, new, ""))
    if not values:
        paths = [(path, {}, {}) for path, _, _ in paths]
    if len(paths) == 1 and all(isinstance(value, str) and "\n" in value for value in paths[0][1:]):
        path, before, after = paths[0]
        return f"{path}: {_first_line(before, after)}"
    if len(paths) == 1 and not isinstance(paths[0][1], (dict, list)) and not isinstance(paths[0][2], (dict, list)):
        path, before, after = paths[0]
        text = f"{_short(after)}, was {_short(before)}"
        return f"{path}: {text}" if path else text
    names = list(dict.fromkeys(path for path, _, _ in paths if path))
    if not names:
        return "differs"
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"{', '.join(names[:_FEW])}{more}"


def _first_line(old: str, new: str) -> str:
    """Say where two texts of several lines differ first."""
    before, after = old.split("\n"), new.split("\n")
    same = next((index for index, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    at = same if same is not None else min(len(before), len(after))
    lines = [text[at] if at < len(text) else None for text in (after, before)]
    return f"line {at + 1}: {_short(lines[0])}, was {_short(lines[1])}"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _differences(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if old.get(key) != new.get(key):
                yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        return
    if isinstance(old, list) and isinstance(new, list):
        yield from _list_differences(old, new, path)
        return
    if old != new:
        yield path, old, new


def _list_differences(old: list[Any], new: list[Any], path: str) -> Iterator[tuple[str, Any, Any]]:
    """Compare lists whose items have names by these, and others as a whole."""
    named = [{name: item for item in items if (name := _name(item))} for items in (old, new)]
    if all(len(names) == len(items) for names, items in zip(named, (old, new), strict=True)):
        before, after = named
        for name in [*before, *(name for name in after if name not in before)]:
            if before.get(name) != after.get(name):
                yield from _differences(before.get(name), after.get(name), f"{path}[{name}]")
        if list(before) != list(after) and before == after:
            yield path, "an order", "another order"
        return
    if old != new:
        yield path, old, new


def _name(item: Any) -> str:
    """Return what an item of a list is known by: its own name, or an object's."""
    if not isinstance(item, dict):
        return ""
    return str(item.get("name") or metadata(item).get("name") or "")
