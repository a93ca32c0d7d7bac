"""A value against a JSON Schema: everything that is wrong, in plain words.

The schemas are the project's own exports, so only the keywords that those have are known: ``type``, ``enum``,
``const``, bounds, lengths, ``pattern``, ``properties``, ``patternProperties``, ``propertyNames``,
``additionalProperties``, ``required``, ``items``, ``anyOf``, ``allOf``, ``not``, and ``if`` with ``then`` in ``allOf``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vela_realtime.errors import ToolError
from vela_realtime.findings.suggest import KINDS, kind_of, nearest, one_of, shown
from vela_realtime.schema.openapi import merge
from vela_realtime.schema.patterns import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.documents.application import Route
    from vela_realtime.schema.openapi import Schema


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a value: where, which sort, and what to say.

    ``sort`` is ``unknown``, ``ignored``, ``deprecated``, ``missing``, ``type``, ``value`` or ``name``; ``meant`` is the
    key or the value that was probably meant, or that takes its place, empty where there is no telling.
    """

    route: Route
    sort: str
    message: str
    hint: str = ""
    meant: str = ""


def check(
    schema: Schema, value: Any, route: Route = (), *, partial: bool = False, whole: bool = True
) -> Iterator[Fault]:
    """Yield what is wrong with a value.

    ``partial`` lets anything be missing. Without ``whole``, more may come to the value from elsewhere: what depends on
    its other properties is not looked at.
    """
    yield from _Checker(schema, partial, whole and not partial).check(schema, value, route)


def fits(schema: Schema, value: Any) -> bool:
    """Tell whether a value has no fault; what KubeVela ignores is none, and what is deprecated is accepted."""
    return all(fault.sort in {"ignored", "deprecated"} for fault in check(schema, value))


def _decided(schema: Schema, value: Any) -> Schema:
    """Return a schema with what holds by its conditions for a value."""
    result = schema
    for part in schema["allOf"]:
        if "if" in part and isinstance(value, dict) and fits(part["if"], value):
            result = merge(result, part["then"])
    return result


FEW = 4
"""Properties of an object so small that a name is probably one of them."""


class _Checker:
    def __init__(self, root: Schema, partial: bool, whole: bool) -> None:
        self.root = root
        self.partial = partial
        self.whole = whole

    def check(self, schema: Schema, value: Any, route: Route) -> Iterator[Fault]:
        if self.whole and "allOf" in schema:
            schema = _decided(schema, value)
        if choices := schema.get("anyOf"):
            yield from self._choice(schema, choices, value, route)
        for part in schema.get("allOf", ()):
            yield from self.check(part, value, route)
        if not has_type(schema, value):
            yield from _wrong_type(schema, value, route)
            return
        if "format" in schema or not _ASKED.isdisjoint(schema):
            yield from _scalar(schema, value, route)
        if isinstance(value, dict):
            yield from self._object(schema, value, route)
        elif isinstance(value, list):
            yield from self._list(schema, value, route)

    def _choice(self, schema: Schema, choices: list[Schema], value: Any, route: Route) -> Iterator[Fault]:
        """Check the alternatives of the value's own type; where there is none, say which types there are."""
        fitting = [item for item in choices if has_type(item, value)]
        if any(fits(item, value) for item in fitting):
            return
        if isinstance(value, dict) and len(fitting) > 1:
            yield from self._forms(fitting, value, route)
            return
        if len(fitting) == 1 and kind_of(value) in {"object", "array"}:
            yield from self.check(fitting[0], value, route)
            return
        if "type" in schema and not has_type(schema, value):
            return  # said by the one who looks at the type
        allowed = [text for item in choices for text in _allowed(item)]
        message = f"{_named(route)} must be {' or '.join(dict.fromkeys(allowed))}, not {shown(value)}"
        yield Fault(route, "value", message)

    def _forms(self, forms: list[Schema], value: dict[Any, Any], route: Route) -> Iterator[Fault]:
        """Check an object that has one of several forms by the one that it says it is, or else comes nearest to."""
        for name, words in _told_by(forms).items():
            if name not in value:
                continue
            chosen = [item for item in forms if value[name] in _only(item, name)]
            if not chosen:
                yield from self.check({"type": "string", "enum": words}, value[name], (*route, name))
                return
            forms = chosen

        def strange(faults: list[Fault]) -> list[str]:
            return [
                str(item.route[-1]) for item in faults if item.sort == "unknown" and len(item.route) == len(route) + 1
            ]

        def distance(item: tuple[Schema, list[Fault]]) -> tuple[int, int]:
            return len(strange(item[1])), len(item[1])

        tried = sorted(((item, list(self.check(item, value, route))) for item in forms), key=distance)
        (form, faults), *others = tried
        names = strange(faults)
        elsewhere = {name for item, _ in others for name in item.get("properties", ())}
        if foreign := [name for name in names if name in elsewhere]:
            own = [str(name) for name in value if name in form.get("properties", ())]
            yield Fault((*route, foreign[0]), "name", f"{' and '.join([*own, *foreign])} do not go together")
            return
        if names and others and names == strange(others[0][1]):
            # One letter off a name of either: what it is nearest to tells which form is meant.
            known = dict.fromkeys(name for item, _ in tried for name in item.get("properties", ()))
            meant = nearest(names[0], [name for name in known if name not in value])
            faults = next((found for item, found in tried if meant in item.get("properties", ())), faults)
            yield from faults
            return
        if not others or distance(tried[0]) < distance(tried[1]):
            yield from faults
            return
        asked = [" and ".join(item.get("required", ())) for item in forms]
        wanted = f"must have {', or '.join(asked)}" if all(asked) else "has none of the forms that it can have"
        yield Fault(route, "value", f"{_named(route)} {wanted}")

    def _object(self, schema: Schema, value: dict[Any, Any], route: Route) -> Iterator[Fault]:
        properties: dict[str, Any] = schema.get("properties", {})
        patterns: dict[str, Any] = schema.get("patternProperties", {})
        others = schema.get("additionalProperties")
        missing = [] if self.partial else [name for name in schema.get("required", ()) if name not in value]
        meant = set()
        for key, inner in value.items():
            if isinstance(key, bool):
                continue  # on: and the like, which are reported with the YAML
            here, name = (*route, key), str(key)
            if "propertyNames" in schema:
                for fault in _scalar(schema["propertyNames"], name, here, f"a name in {_named(route)}"):
                    yield Fault(here, "name", fault.message, fault.hint)
            found = [properties[name]] if name in properties else []
            found += [item for pattern, item in patterns.items() if _search(pattern, name)]
            if not found and isinstance(others, dict):
                found = [others]
            for item in found:
                if "deprecationMessage" in item:
                    yield from _deprecated(item, properties, value, here)
                if not _is_right(item, inner):
                    yield from self.check(item, inner, here)
            if not found:
                for fault in self._unknown(schema, value, here, missing):
                    meant.add(fault.meant)
                    yield fault
        for name in missing:
            if name in meant:
                continue  # what is there under another name is said once
            description = properties.get(name, {}).get("description", "")
            yield Fault((*route, name), "missing", f"{_named((*route, name))} is missing", description)

    def _unknown(self, schema: Schema, value: dict[Any, Any], here: Route, missing: list[str]) -> Iterator[Fault]:
        properties: dict[str, Any] = schema.get("properties", {})
        others = schema.get("additionalProperties")
        name = str(here[-1])
        free = [item for item in properties if item not in value]
        meant = nearest(name, free)
        anything = others is True or ("additionalProperties" not in schema and not properties)
        # Anything goes, and yet: one letter off a name that is known is no name of one's own.
        if anything and not meant:
            return
        strange = [item for item in value if item not in properties]
        # Among a few, the one that is missing is the one that is there under another name: a query's sql.
        if not meant and len(missing) == 1 and missing[0] in free and others is False and len(strange) == 1:
            few = len(free) <= FEW and has_type(properties[missing[0]], value[here[-1]])
            meant = missing[0] if few else ""
        # What is asked for and stands there under another name is more than ignored: nothing is rendered without it.
        sort = "unknown" if others is False or "propertyNames" in schema or meant in missing else "ignored"
        message = f"there is no {_named(here)}" + ("" if sort == "unknown" else ": it is ignored")
        yield Fault(here, sort, message, self._hint(name, meant, free), meant)

    def _hint(self, name: str, meant: str, free: list[str]) -> str:
        if meant:
            return f"did you mean {meant}?"
        if place := _place(self.root, name):
            return f"did you mean {place}?"
        return f"there are {', '.join(sorted(free))}" if 0 < len(free) <= 12 else ""

    def _list(self, schema: Schema, value: list[Any], route: Route) -> Iterator[Fault]:
        for key, text, bad in (("minItems", "at least", len(value).__lt__), ("maxItems", "at most", len(value).__gt__)):
            if key in schema and bad(schema[key]):
                yield Fault(route, "value", f"{_named(route)} must have {text} {schema[key]} items, not {len(value)}")
        if isinstance(schema.get("items"), dict):
            for index, item in enumerate(value):
                if not _is_right(schema["items"], item):
                    yield from self.check(schema["items"], item, (*route, index))


def _only(schema: Schema, name: str) -> list[Any]:
    """Return the one text that a property has, in a list; an empty list where it may have others."""
    words = schema.get("properties", {}).get(name, {}).get("enum", ())
    return list(words) if len(words) == 1 and isinstance(words[0], str) else []


def _told_by(forms: list[Schema]) -> dict[str, list[str]]:
    """Return the properties that tell forms apart, such as a type, each with the texts that it has."""
    words: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for item in forms for name in item.get("properties", ())):
        found = [word for item in forms for word in _only(item, name)]
        if len(set(found)) > 1:
            words[name] = list(dict.fromkeys(found))
    return words


_INSTEAD = re.compile(r"use ([\w-]+)\b(?![.\w])")


def _deprecated(schema: Schema, siblings: dict[str, Any], given: dict[Any, Any], here: Route) -> Iterator[Fault]:
    """Say that a property goes, and what is written instead: it may be renamed where that is another one beside it."""
    words = schema["deprecationMessage"]
    found = _INSTEAD.match(words)
    instead = found[1] if found is not None and found[1] in siblings and found[1] not in given else ""
    yield Fault(here, "deprecated", f"{_named(here)} goes with the next major version", words, instead)


_ASKED = {
    "allOf", "anyOf", "const", "enum", "exclusiveMaximum", "exclusiveMinimum", "maximum", "maxLength", "minimum",
    "minLength", "not", "pattern",
}  # fmt: skip
"""What a schema may ask of a text, a number or a boolean, besides its type."""


def _is_right(schema: Schema, value: Any) -> bool:
    """Tell at once of most values of rendered objects that nothing can be wrong with them but their type."""
    plain = not isinstance(value, (dict, list)) and _ASKED.isdisjoint(schema) and schema.get("format") != "byte"
    return plain and has_type(schema, value)


def has_type(schema: Schema, value: Any) -> bool:
    """Tell whether a value has one of the types that a schema names."""
    kinds = schema.get("type")
    if kinds is None:
        return True
    own = kind_of(value)
    names = kinds if isinstance(kinds, list) else [kinds]
    return own in names or (own == "integer" and "number" in names)


def _wrong_type(schema: Schema, value: Any, route: Route) -> Iterator[Fault]:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    wanted = one_of(schema["enum"]) if "enum" in schema else " or ".join(KINDS[kind] for kind in kinds)
    if "enum" in schema and len(schema["enum"]) > 1:
        wanted = f"one of {wanted}"
    hint, meant = _type_hint(kinds, schema, value)
    yield Fault(route, "type", f"{_named(route)} must be {wanted}, not {shown(value)}", hint, meant)


def _type_hint(kinds: list[str], schema: Schema, value: Any) -> tuple[str, str]:
    if "array" in kinds and not isinstance(value, (dict, list)) and value is not None:
        return _as_list(schema.get("items", {}), value), ""
    if "object" in kinds and isinstance(value, list) and isinstance(schema.get("additionalProperties"), dict):
        return "names with their values, without dashes: NAME: VALUE", ""
    if isinstance(value, str) and "integer" in kinds and re.fullmatch(r"-?[0-9]{1,18}", value):
        return f"write it without quotes: {value}", value
    if isinstance(value, str) and "boolean" in kinds and value.lower() in {"true", "yes", "on", "false", "no", "off"}:
        meant = "true" if value.lower() in {"true", "yes", "on"} else "false"
        return f"write it without quotes: {meant}", meant
    return "", ""


def _as_list(items: Schema, value: Any) -> str:
    """Return how a list is written with a value in it, as far as its items can have that value."""
    text = value if isinstance(value, str) else shown(value)
    if has_type(items, value):
        return f"write a list: [{text}]"
    given = [name for name in items.get("required", ()) if has_type(items.get("properties", {}).get(name, {}), value)]
    return f"write a list: [{{{given[0]}: {text}}}]" if len(given) == 1 else ""


def _scalar(schema: Schema, value: Any, route: Route, subject: str = "") -> Iterator[Fault]:
    subject = subject or _named(route)
    if "const" in schema and value != schema["const"]:
        yield Fault(route, "value", f"{subject} must be {shown(schema['const'])}, not {shown(value)}")
    if "enum" in schema and not any(_same(value, item) for item in schema["enum"]):
        texts = [item for item in schema["enum"] if isinstance(item, str)]
        meant = nearest(value, texts) if isinstance(value, str) else ""
        allowed = one_of(schema["enum"])
        among = f"one of {allowed}" if len(schema["enum"]) > 1 else allowed
        hint = f"did you mean {meant}?" if meant else ""
        yield Fault(route, "value", f"{subject} must be {among}, not {shown(value)}", hint, meant)
    if isinstance(value, str):
        yield from _text(schema, value, route, subject)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _number(schema, value, route, subject)
    if "not" in schema and fits(schema["not"], value):
        yield Fault(route, "value", f"{subject} must not be {shown(value)}")


def _same(value: Any, item: Any) -> bool:
    return bool(value == item) and isinstance(value, bool) == isinstance(item, bool)


def _text(schema: Schema, value: str, route: Route, subject: str) -> Iterator[Fault]:
    if "pattern" in schema and not _search(schema["pattern"], value):
        words = in_words(schema)
        ending = f"is not {words}" if words else "has not the form that the definition asks for"
        yield Fault(route, "value", f"{subject}: {shown(value)} {ending}", "" if words else _about(schema))
    if schema.get("format") == "byte" and not _is_base64(value):
        yield Fault(route, "value", f"{subject} is not base64")
    size = len(value)
    for key, text, bad in (("minLength", "at least", size.__lt__), ("maxLength", "at most", size.__gt__)):
        if key in schema and bad(schema[key]):
            yield Fault(route, "value", f"{subject} must have {text} {schema[key]} characters, not {size}")


def _about(schema: Schema) -> str:
    return " ".join(str(schema.get("description", "")).split())


def _is_base64(text: str) -> bool:
    from base64 import b64decode

    try:
        b64decode("".join(text.split()), validate=True)
    except ValueError:
        return False
    return True


def _number(schema: Schema, value: float, route: Route, subject: str) -> Iterator[Fault]:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    bad = (low is not None and value < low) or (high is not None and value > high)
    bad = bad or (above is not None and value <= above) or (below is not None and value >= below)
    if not bad:
        return
    if low is not None and high is not None:
        wanted = f"from {low} to {high}"
    else:
        ends = (("at least", low), ("at most", high), ("more than", above), ("less than", below))
        wanted = " and ".join(f"{words} {end}" for words, end in ends if end is not None)
    yield Fault(route, "value", f"{subject} must be {wanted}, not {shown(value)}")


def _allowed(schema: Schema) -> Iterator[str]:
    if "enum" in schema:
        yield from (shown(item) for item in schema["enum"])
    elif "const" in schema:
        yield shown(schema["const"])
    elif "pattern" in schema:
        yield in_words(schema) or "a text of the form that the definition asks for"
    else:
        kinds = schema.get("type", "object")
        yield from (KINDS[kind] for kind in (kinds if isinstance(kinds, list) else [kinds]))


def _named(route: Route) -> str:
    """Write a route as people do; the root, which has no name, as what stands there."""
    from vela_realtime.documents.application import show_path

    return show_path(route) or "properties"


_EVERYWHERE = {"enabled", "key", "name", "type", "value"}
"""Properties of so many things that where one of them stands says nothing of where another belongs."""


def _place(schema: Schema, name: str) -> str:
    """Return the path at which a schema knows a property of this name, empty where several are as near as it."""
    found = _places(schema, name) if name not in _EVERYWHERE else []
    nearest_ones = [path for path in found if path.count(".") == found[0].count(".")]
    # Of several levels, a common name is another thing: port is no databaseConfig.external.port.
    return nearest_ones[0] if len(nearest_ones) == 1 and nearest_ones[0].count(".") <= 1 else ""


def _places(schema: Schema, name: str, route: tuple[str, ...] = ()) -> list[str]:
    """Return the paths at which a schema knows a property of this name, the shortest first.

    mqttUsers is one of mqttConfig.users.
    """
    found = []
    above = route[-1].removesuffix("Config") if route else ""
    for key, inner in schema.get("properties", {}).items():
        if key == name or (above and above + key[0].upper() + key[1:] == name):
            found.append(".".join((*route, key)))
        if isinstance(inner, dict):
            found += _places(inner, name, (*route, key))
    return sorted(found, key=lambda path: path.count("."))


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """Return a pattern as RE2 reads it, which is what CUE and Kubernetes mean by it; None where it is none."""
    try:
        import re2
    except ImportError as error:
        raise ToolError(
            "the Python package google-re2 is missing", "install vela-realtime anew (in a checkout: scripts/setup)"
        ) from error
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def _search(pattern: str, text: str) -> bool:
    found = compiled(pattern)
    return found is None or found.search(text) is not None
