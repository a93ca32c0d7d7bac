"""Parameters of two versions compared, by the JSON Schemas that are built from them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vela_realtime.diff.kinds import change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vela_realtime.diff.kinds import Change

Schema = dict[str, Any]

KEY = "KEY"
"""What stands in a path for a key that an Application chooses."""

_LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
_ABOUT = {
    "description",
    "default",
    "title",
    "$comment",
    "$schema",
    "patternErrorMessage",
    "deprecated",
    "deprecationMessage",
}


def compare(definition: str, old: Schema, new: Schema) -> Iterator[Change]:
    """Yield what changed between the schemas of a definition's parameters, place by place.

    Descriptions are no change: nothing depends on them.
    """
    yield from _Comparison(definition).at("", old, new)


def compare_immutable(definition: str, old: frozenset[str], new: frozenset[str]) -> Iterator[Change]:
    """Yield the parameters that became immutable, or are so no more."""
    for path in sorted(new - old):
        yield change("immutable-added", definition, path, "can be changed no more once it is set")
    for path in sorted(old - new):
        yield change("immutable-removed", definition, path, "can be changed")


class _Comparison:
    def __init__(self, definition: str) -> None:
        self._definition = definition

    def _change(self, kind: str, path: str, message: str) -> Change:
        return change(kind, self._definition, path, message)

    def at(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        """Yield what changed at a path and below it."""
        if "anyOf" in old or "anyOf" in new:
            yield from self._alternatives(path, old, new)
        else:
            yield from self._type(path, old, new)
            yield from self._values(path, old, new)
            yield from self._bounds(path, old, new)
        yield from self._default(path, old, new)
        if new.get("deprecated") and not old.get("deprecated"):
            yield self._change("parameter-deprecated", path, new.get("deprecationMessage", "") or "is deprecated")
        yield from self._properties(path, old, new)
        yield from self._others(path, old, new)
        if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
            yield from self.at(f"{path}[]", old["items"], new["items"])

    def _alternatives(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        """Pair alternatives by what they look like: each old one must have a new one that takes its values."""
        before, after = _choices(old), _choices(new)
        left = list(after)
        unpaired = []
        for one in before:
            if match := next((other for other in left if _meaning(other) == _meaning(one)), None):
                left.remove(match)
            else:
                unpaired.append(one)
        lost = []
        for one in unpaired:
            match = next((other for other in left if _types(other) == _types(one)), None)
            if match is None:
                lost.append(one)
                continue
            left.remove(match)
            yield from self.at(path, one, match)
        if lost:
            kinds = ", ".join(_shown_type(item) for item in lost)
            yield self._change("type-changed", path, f"takes no {kinds} any more")
        elif left:
            kinds = ", ".join(_shown_type(item) for item in left)
            yield self._change("type-widened", path, f"takes {kinds} too")

    def _type(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        before, after = _types(old), _types(new)
        if before == after:
            return
        message = f"{_shown_type(old)} became {_shown_type(new)}"
        wide = after | ({"integer"} if "number" in after else set())
        yield self._change(
            "type-widened" if not after or (before and before <= wide) else "type-changed", path, message
        )

    def _values(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        before, after = _allowed(old), _allowed(new)
        if before is None and after is None:
            return
        if before is None:
            if _types(old) <= _types(new) or not _types(new):
                values = ", ".join(after or ())
                yield self._change("values-removed", path, f"takes only {values}, where any value was allowed")
            return
        if after is None:
            yield self._change("values-added", path, f"takes any value, where only {', '.join(before)} were allowed")
            return
        if lost := [value for value in before if value not in after]:
            yield self._change("values-removed", path, f"takes no {', '.join(lost)} any more")
        if gained := [value for value in after if value not in before]:
            yield self._change("values-added", path, f"takes {', '.join(gained)} too")

    def _bounds(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        for name in sorted(_LOWER | _UPPER):
            before, after = old.get(name), new.get(name)
            if before == after:
                continue
            if before is None:
                tighter = True
            elif after is None:
                tighter = False
            else:
                tighter = (after > before) == (name in _LOWER)
            message = f"{name} is {_shown(after)}, was {_shown(before)}"
            yield self._change("bound-tightened" if tighter else "bound-loosened", path, message)
        before, after = old.get("pattern"), new.get("pattern")
        if before != after:
            if after is None:
                yield self._change("bound-loosened", path, f"has no pattern any more, was {before}")
            elif before is None:
                yield self._change("bound-tightened", path, f"must match {after}")
            else:
                yield self._change("pattern-changed", path, f"must match {after}, was {before}")
        for name in ("uniqueItems", "multipleOf"):
            if old.get(name) != new.get(name):
                kind = "bound-tightened" if new.get(name) else "bound-loosened"
                message = f"{name} is {_shown(new.get(name))}, was {_shown(old.get(name))}"
                yield self._change(kind, path, message)

    def _default(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        if not path or (old.get("default") == new.get("default") and ("default" in old) == ("default" in new)):
            return
        if "default" not in new:
            yield self._change("default-removed", path, f"has no default any more, was {_shown(old['default'])}")
        elif "default" not in old:
            yield self._change("default-added", path, f"has the default {_shown(new['default'])}")
        else:
            message = f"default is {_shown(new['default'])}, was {_shown(old['default'])}"
            yield self._change("default-changed", path, message)

    def _properties(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        before: Mapping[str, Schema] = old.get("properties", {})
        after: Mapping[str, Schema] = new.get("properties", {})
        gone = {name: item for name, item in before.items() if name not in after}
        come = {name: item for name, item in after.items() if name not in before}
        was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
        for name, successor in _renamed(gone, come).items():
            yield self._change("parameter-renamed", _join(path, name), f"is called {successor}")
            del gone[name], come[successor]
            # It is required under its new name as it was under the old one, or else that is one more change.
            if name in was_required:
                was_required.add(successor)
        for name in gone:
            if not new.get("additionalProperties"):
                yield self._change("parameter-removed", _join(path, name), "is gone")
        for name in come:
            if name in is_required:
                yield self._change("parameter-required", _join(path, name), "is new and has to be given")
            else:
                yield self._change("parameter-added", _join(path, name), "is new")
        for name in sorted((is_required - was_required) & set(before)):
            yield self._change("parameter-required", _join(path, name), "has to be given")
        for name in sorted((was_required - is_required) & set(after) & set(before)):
            yield self._change("parameter-not-required", _join(path, name), "may be left out")
        for name, item in before.items():
            if name in after:
                yield from self.at(_join(path, name), item, after[name])

    def _others(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        before, after = old.get("additionalProperties"), new.get("additionalProperties")
        if isinstance(before, dict) and isinstance(after, dict):
            yield from self.at(_join(path, KEY), before, after)
        elif before is not False and after is False and "object" in _types(old):
            yield self._change("closed", path, "takes only the names that it has")
        elif before is False and after is not False and "object" in _types(new):
            yield self._change("opened", path, "takes any name")
        for pattern, inner in old.get("patternProperties", {}).items():
            other = new.get("patternProperties", {}).get(pattern)
            if other is not None:
                yield from self.at(_join(path, KEY), inner, other)
            elif new.get("additionalProperties") is False:
                yield self._change("parameter-removed", _join(path, KEY), f"no key may match {pattern} any more")


def _renamed(gone: Mapping[str, Schema], come: Mapping[str, Schema]) -> dict[str, str]:
    """Pair names that went with names that came: the same meaning, told in the same words, and only one of each."""
    pairs: dict[str, str] = {}
    for name, item in gone.items():
        alike = [other for other, inner in come.items() if _same_but_name(item, inner)]
        twins = [other for other, inner in gone.items() if _same_but_name(item, inner)]
        if len(alike) == 1 and len(twins) == 1:
            pairs[name] = alike[0]
    return pairs


def _same_but_name(one: Schema, other: Schema) -> bool:
    return bool(one.get("description")) and _without(one, {"default"}) == _without(other, {"default"})


def _without(schema: Schema, keys: set[str]) -> Schema:
    return {key: value for key, value in schema.items() if key not in keys}


def _choices(schema: Schema) -> list[Schema]:
    outer = {"type": schema["type"]} if "type" in schema else {}
    return [{**outer, **item} for item in schema["anyOf"]] if "anyOf" in schema else [_without(schema, _ABOUT)]


def _meaning(schema: Schema) -> Schema:
    return _without(schema, _ABOUT)


def _types(schema: Schema) -> set[str]:
    given = schema.get("type", [])
    return {given} if isinstance(given, str) else set(given)


def _allowed(schema: Schema) -> list[str] | None:
    if "const" in schema:
        return [_shown(schema["const"])]
    return [_shown(value) for value in schema["enum"]] if "enum" in schema else None


def _shown_type(schema: Schema) -> str:
    kinds = " or ".join(sorted(_types(schema))) or "any type"
    if kinds == "array" and isinstance(schema.get("items"), dict) and schema["items"].get("type"):
        return f"list of {_shown_type(schema['items'])}"
    return kinds


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
