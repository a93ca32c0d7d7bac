"""Semantic versions: which one changes ask for, and whether a new one is high enough."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vela_realtime.diff.kinds import Bump

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vela_realtime.diff.kinds import Change

_FORM = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def parse(version: str) -> tuple[int, int, int] | None:
    """Return the numbers of ``1.2.3``, None for any other text."""
    match = _FORM.fullmatch(version)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def needed(changes: Iterable[Change]) -> Bump:
    """Return the bump that all of some changes ask for together."""
    return max((change.kind.bump for change in changes), default=Bump.NONE)


def next_version(version: str, bump: Bump) -> str:
    """Return the lowest version that a bump asks for; below 1.0.0 what breaks raises the second number.

    A version that is none is returned as it is.
    """
    numbers = parse(version)
    if numbers is None or bump is Bump.NONE:
        return version
    major, minor, patch = numbers
    if major == 0:
        bump = Bump(max(bump - 1, Bump.PATCH))
    if bump is Bump.MAJOR:
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if bump is Bump.MINOR else f"{major}.{minor}.{patch + 1}"


def high_enough(old: str, new: str, bump: Bump) -> bool:
    """Tell whether ``new`` follows ``old`` by at least a bump. Without a bump the same version will do."""
    wanted, given = parse(next_version(old, bump)), parse(new)
    return wanted is None or (given is not None and given >= wanted)
