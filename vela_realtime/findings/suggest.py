"""Words for values and types, and what was probably meant."""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "nothing",
}
"""The types of JSON Schema, as people call them."""

LONGEST_VALUE = 60
LONGEST_LIST = 12

MOST_WORDS = 150
"""Among more words than these one is near to anything, and to look through all takes its time."""


def kind_of(value: Any) -> str:
    """Return the JSON Schema type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def shown(value: Any) -> str:
    """Return a value the way it is quoted in a message."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def one_of(values: Iterable[Any]) -> str:
    """Return values with commas, cut where they are many."""
    texts = [shown(value) for value in values]
    if len(texts) > LONGEST_LIST:
        texts = [*texts[:LONGEST_LIST], f"and {len(texts) - LONGEST_LIST} more"]
    return ", ".join(texts)


def nearest(word: str, known: Collection[str], cutoff: float = 0.72) -> str:
    """Return the known word that was probably meant, empty where none is near or two are equally so.

    Among too many, none is looked for. ``cutoff`` is how near it has to be, 1 for the same.
    """
    if len(known) > MOST_WORDS:
        return ""
    words = list(dict.fromkeys(known))
    plain = {item: _plain(item) for item in words}
    same = [item for item in words if plain[item] == _plain(word)]
    if len(same) == 1:
        return same[0]
    found = get_close_matches(_plain(word), list(dict.fromkeys(plain.values())), n=2, cutoff=cutoff)
    if not found or (len(found) == 2 and _ratio(found[0], word) == _ratio(found[1], word)):
        return ""
    return next(item for item in words if plain[item] == found[0])


def _ratio(known: str, word: str) -> float:
    # The order of the two matters to difflib: that of get_close_matches.
    return SequenceMatcher(None, known, _plain(word)).ratio()


def did_you_mean(words: Iterable[str], known: Collection[str], otherwise: str = "") -> str:
    """Return the hint for words that are not known: what was probably meant, else ``otherwise``."""
    meant = list(dict.fromkeys(near for word in words if (near := nearest(word, known))))
    return f"did you mean {', '.join(meant)}?" if meant else otherwise


def is_called_after(word: str, other: str) -> bool:
    """Tell whether a word is another with two letters or more before or behind it: ``myworker``, ``workers-2``."""
    one, part = _plain(word), _plain(other)
    return len(one) >= len(part) + 2 and bool(part) and (one.startswith(part) or one.endswith(part))


def is_slip(word: str, meant: str) -> bool:
    """Tell whether a word is so near to another that it can be mended without asking: two letters off at most.

    Another number is another thing: sensor1 is no slip of sensor2. So is a name made from another: myworker.
    """
    one, other = _plain(word), _plain(meant)
    if is_called_after(word, meant):
        return False
    if abs(len(one) - len(other)) > 2 or min(len(one), len(other)) < 3:
        return False
    if _DIGITS.findall(one) != _DIGITS.findall(other):
        return False
    previous = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        current = [row]
        for column, wanted in enumerate(other, start=1):
            current.append(min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (letter != wanted)))
        previous = current
    return previous[-1] <= min(2, len(other) // 3)


_DIGITS = re.compile(r"[0-9]+")


@lru_cache(maxsize=10_000)
def _plain(word: str) -> str:
    return re.sub(r"[-_.\s]", "", word).lower()
