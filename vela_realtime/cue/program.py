"""Running ``cue``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TIMEOUT = 60.0
"""Seconds for one call. A definition takes milliseconds; a cycle in the library would take for ever."""


def run(
    arguments: Sequence[str | Path],
    *,
    folder: Path,
    stdin: str | None = None,
    version: str | None = None,
) -> process.Completed:
    """Run ``cue`` inside a folder, with the pinned version or another one that the toolchain knows.

    Raises:
        ToolError: there is no such ``cue``, or it does not finish.
    """
    from vela_realtime import toolchain

    program = toolchain.cue(version)
    # Neither a registry nor a user's settings may change what a definition means.
    env = {"CUE_REGISTRY": "none", "CUE_EXPERIMENT": "", "CUE_DEBUG": "", "LC_ALL": "C", **process.quick_go()}
    return process.run([program, *arguments], cwd=folder, stdin=stdin, env=env, timeout=TIMEOUT)
