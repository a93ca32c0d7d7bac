"""YAML as Kubernetes reads it: what ``sigs.k8s.io/yaml`` makes of a text on its way to the API server.

That is YAML 1.1 with the scalars of go-yaml v2 (``goyaml.v2/resolve.go``), written as JSON: ``1e3`` is 1000, ``08`` is
8, ``0o755`` is 493, ``12:30:45``, ``=`` and dates are texts, and ``y``, ``n``, ``on`` and ``off`` are booleans. Keys
that are numbers are texts. Those that are booleans stay so here, to be told from texts.
"""

from __future__ import annotations

import base64
import math
import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's own loader, with libyaml where it is there: for its tokens and its errors."""

_PREFIX = "tag:yaml.org,2002:"
BOOLEANS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
"""The words that are booleans, where no quotes make texts of them."""

_NULLS = {"", "~", "null", "Null", "NULL"}
_NO_NUMBERS = {sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")} | {".nan", ".NaN", ".NAN"}
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_POINTED = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")
_LEAST, _MOST = -(2**63), 2**64 - 1
_WHOLE = 1e21
"""From here on, Go writes a whole number with an exponent."""


class NotJsonError(ValueError):
    """A value that is not what its tag says, or nothing that JSON has; ``mark`` is its place."""

    def __init__(self, message: str, node: Any) -> None:
        super().__init__(message)
        self.mark = node.start_mark


def load(text: str) -> Any:
    """Return what a text with one document says, None for an empty one.

    Raises:
        yaml.YAMLError: it is no YAML, or has several documents.
        ValueError: a value is not what its tag says.
    """
    return yaml.load(text, Loader)  # noqa: S506 - it makes plain values only


def load_all(text: str) -> Iterator[Any]:
    """Yield what the documents of a text say.

    Raises:
        yaml.YAMLError: it is no YAML.
        ValueError: a value is not what its tag says.
    """
    yield from yaml.load_all(text, Loader)


def _number(text: str) -> int | float | None:
    """Return the number that a plain scalar is, None where it is a text."""
    if text[:1] == ".":
        found = float(text) if _POINTED.fullmatch(text) else None
    elif text[:1] in set("+-0123456789"):
        plain = text.replace("_", "")
        if _INTEGER.fullmatch(plain) and _LEAST <= (whole := _whole(plain)) <= _MOST:
            return whole
        found = float(plain) if _FLOAT.fullmatch(plain) else None
    else:
        return None
    if found is None or math.isinf(found):
        return None
    return int(found) if found.is_integer() and abs(found) < _WHOLE else found


def _whole(text: str) -> int:
    """Read a whole number as Go's ``strconv.ParseInt`` does with base 0: a leading 0 alone makes it octal."""
    sign, digits = (-1 if text[0] == "-" else 1), text.lstrip("+-")
    if re.fullmatch(r"0[0-7]+", digits):
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def _tag(text: str) -> str:
    if text in _NULLS:
        return "null"
    if text in BOOLEANS:
        return "bool"
    if text == "<<":
        return "merge"
    if text in _NO_NUMBERS:
        return "float"
    number = _number(text)
    if number is None:
        return "str"
    return "int" if isinstance(number, int) else "float"


class Loader(BASE):  # type: ignore[misc]
    """YAML as Kubernetes reads it, for PyYAML."""

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:
        """Return the tag of a node that has none."""
        if kind is yaml.ScalarNode and implicit[0]:
            return _PREFIX + _tag(value)
        if kind is yaml.ScalarNode:
            return f"{_PREFIX}str"
        return f"{_PREFIX}seq" if kind is yaml.SequenceNode else f"{_PREFIX}map"

    def flatten_mapping(self, node: Any) -> None:
        """Write out ``<<``: in the order of the text, so that what comes later wins, a merge too.

        Of what is merged, each key once: merges of merges would double with each, and what is lost would never be seen.
        """
        pairs: list[Any] = []
        for key, value in node.value:
            if key.tag != f"{_PREFIX}merge":
                pairs.append((key, value))
                continue
            merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
            found: dict[Any, Any] = {}
            for inner in reversed(merged):  # of several, the first wins
                if not isinstance(inner, yaml.MappingNode):
                    raise yaml.constructor.ConstructorError(None, None, "<< takes an object", value.start_mark)
                self.flatten_mapping(inner)
                found |= {_identity(pair[0]): pair for pair in inner.value}
            pairs += found.values()
        node.value = pairs


def _identity(key: Any) -> Any:
    """Return what two keys have in common that are the same: a node that is no scalar is itself alone."""
    return (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key)


def _construct_number(loader: Any, node: Any) -> int | float:
    text = loader.construct_scalar(node)
    number = _number(text)
    if number is None:
        if text in _NO_NUMBERS:
            raise NotJsonError(f"{text} is no number that JSON has", node)
        raise NotJsonError(f"{text} is not what its tag says", node)
    return number


def _construct_bool(loader: Any, node: Any) -> bool:
    text = loader.construct_scalar(node)
    if text not in BOOLEANS:
        raise NotJsonError(f"{text} is not what its tag says", node)
    return BOOLEANS[text]


def _construct_text(loader: Any, node: Any) -> str:
    return str(loader.construct_scalar(node))


def _construct_date(loader: Any, node: Any) -> str:
    text = str(loader.construct_scalar(node))
    try:
        loader.construct_yaml_timestamp(node)
    except (AttributeError, ValueError) as error:  # PyYAML takes it for granted that the tag is right
        raise NotJsonError(f"{text} is not what its tag says", node) from error
    return text


def _construct_binary(loader: Any, node: Any) -> str:
    return base64.b64decode(loader.construct_scalar(node)).decode("utf-8", "replace")


def _construct_map(loader: Any, node: Any) -> Iterator[dict[Any, Any]]:
    data: dict[Any, Any] = {}
    yield data
    for key, value in loader.construct_mapping(node).items():
        if key is None:
            raise NotJsonError("a key is empty", next(key for key, _ in node.value if key.tag == f"{_PREFIX}null"))
        data[str(key) if isinstance(key, (int, float)) and not isinstance(key, bool) else key] = value


for _name, _construct in {
    "int": _construct_number,
    "float": _construct_number,
    "bool": _construct_bool,
    "timestamp": _construct_date,
    "merge": _construct_text,
    "binary": _construct_binary,
    "map": _construct_map,
    "set": _construct_map,
}.items():
    Loader.add_constructor(f"{_PREFIX}{_name}", _construct)
