"""Parameters that KubeVela 1.11 lets nobody change: which they are, and what it says of a change.

As its webhook does it: ``pkg/schema/immutable.go`` and ``pkg/webhook/core.oam.dev/v1beta1/application/immutable.go`` of
its source. KubeVela 1.10 has none of it, and goes on until Kubernetes refuses something.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime.cue import syntax
from vela_realtime.cue.syntax.tree import Field, Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MARKER = "+immutable"
"""The line in a comment above a parameter that makes it one of them."""

FORCE = "app.oam.dev/force-param-mutations"
"""Annotation of an Application that lets every change through where it is ``"true"``."""


@dataclass(frozen=True)
class Change:
    """A parameter that KubeVela compares: its dotted path, and what two Applications say of it."""

    path: str
    before: Any
    after: Any
    was_given: bool
    is_given: bool

    @property
    def refused(self) -> bool:
        """Whether KubeVela refuses it: it lets pass what the first Application left out."""
        return self.was_given


def of_template(template: str, name: str = "") -> frozenset[str]:
    """Return the dotted paths of the parameters that a definition's template lets nobody change.

    Marked is a field of the first top-level ``parameter`` whose value is written as a struct, by a line
    ``// +immutable`` above it; what is inside of such a field is not looked at. There are none where the template is no
    CUE. A definition's own file in CUE, which has the template in a field, is read as well.
    """
    if MARKER not in template:
        return frozenset()
    try:
        source = syntax.parse(Path(name), template)
    except syntax.CueSyntaxError:
        return frozenset()
    found = _struct(source.declarations, "parameter")
    if found is None and (inside := _struct(source.declarations, "template")) is not None:
        found = _struct(inside.declarations, "parameter")
    return frozenset(_marked(found, "")) if found is not None else frozenset()


def _struct(declarations: Iterable[object], name: str) -> Struct | None:
    """Return the first field of a name whose value is written as a struct."""
    return next(
        (
            item.value
            for item in declarations
            if isinstance(item, Field) and item.label.name == name and isinstance(item.value, Struct)
        ),
        None,
    )


def _marked(struct: Struct, prefix: str) -> Iterator[str]:
    for item in struct.declarations:
        if not isinstance(item, Field) or item.label.name is None:
            continue
        path = f"{prefix}.{item.label.name}" if prefix else item.label.name
        if any(line.removeprefix("//").strip() == MARKER for line in item.doc):
            yield path
        elif isinstance(item.value, Struct):
            yield from _marked(item.value, path)


def changes(paths: Iterable[str], before: Any, after: Any) -> list[Change]:
    """Return which parameters differ between two sets of properties, in the order of their paths."""
    found = []
    for path in sorted(paths):
        (was_given, old), (is_given, new) = _at(before, path), _at(after, path)
        if was_given != is_given or not _same(old, new):
            found.append(Change(path, old, new, was_given, is_given))
    return found


def _at(properties: Any, path: str) -> tuple[bool, Any]:
    value = properties
    for step in path.split("."):
        if not isinstance(value, dict) or step not in value:
            return False, None
        value = value[step]
    return True, value


def _same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same JSON: true is no 1, and 1.0 is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
