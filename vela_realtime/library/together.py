"""The examples that the user's guide names, in one file as it names it: made from the single ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vela_realtime.files import read_text

if TYPE_CHECKING:
    from pathlib import Path

    from vela_realtime.library import Library

FILE = "realtime-platform-examples.yaml"

NAMES = ("simple-setup", "health-platform", "iot-sensors", "financial-trading", "shared-platform", "development")
"""The examples, in the guide's order."""

_SCHEMA = re.compile(r"^# yaml-language-server: .*\n", re.MULTILINE)


def sources(library: Library) -> tuple[Path, ...]:
    """Return the single examples."""
    return tuple(library.examples / f"{name}.yaml" for name in NAMES)


def text(library: Library, command: str) -> str:
    """Return the file. ``command`` is what makes it.

    Raises:
        InputError: an example is missing.
    """
    head = f"# Generated from examples/ by `{command}`. Do not edit it here: take the one that you need from there.\n"
    return head + "".join(f"---\n{_SCHEMA.sub('', read_text(path))}" for path in sources(library))
