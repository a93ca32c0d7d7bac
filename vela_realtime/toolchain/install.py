"""Bringing everything that is missing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vela_realtime.errors import ToolError
from vela_realtime.toolchain import gobuild, gosource, locate, pins
from vela_realtime.toolchain.stage import silent

if TYPE_CHECKING:
    from pathlib import Path

    from vela_realtime.toolchain.gobuild import GoProgram
    from vela_realtime.toolchain.gosource import GoSource
    from vela_realtime.toolchain.stage import Progress

SETS = ("default", "compat")
"""``default`` is what the tool works with; ``compat`` adds the older versions that the tests compare with."""


def wanted(tools: str = "default") -> tuple[list[GoProgram], list[GoSource]]:
    """Return the programs and the source folders of a set, the quick ones first."""
    if tools == "compat":
        return [*pins.CUE.values(), *pins.VELA.values()], list(pins.KUBEVELA_SOURCE.values())
    return [pins.cue(), pins.vela()], [pins.KUBEVELA_SOURCE[pins.DEFAULT_VELA]]


def ensure(tools: str = "default", progress: Progress = silent) -> bool:
    """Build and copy what is not there yet; tell whether there was anything to do.

    Raises:
        ToolError: something cannot be brought. What was finished before stays.
    """
    programs, sources = wanted(tools)
    missing = [program for program in programs if locate.search(program).found is None]
    absent = [source for source in sources if not gosource.path(source).is_dir()]
    for program in missing:
        gobuild.build(program, progress)
    for source in absent:
        gosource.copy(source, progress)
    return bool(missing or absent)


def present(tools: str = "default") -> list[Path]:
    """Return where each program and source folder of a set is, for those that are there.

    Raises:
        ToolError: an environment variable names a program that does not fit.
    """
    programs, sources = wanted(tools)
    found = [search.found.path for program in programs if (search := locate.search(program)).found is not None]
    return [*found, *(path for source in sources if (path := gosource.path(source)).is_dir())]


def link(folder: Path) -> list[Path]:
    """Link the pinned ``cue`` and ``vela`` into a folder that is, or will be, on PATH; return where they are then.

    A link of before is replaced. A file that is no link is somebody else's, and stays.

    Raises:
        ToolError: a program is not on this machine, or a link cannot be made.
    """
    links = []
    for program in (pins.cue(), pins.vela()):
        target, path = locate.find(program), folder / program.name
        links.append(path)
        if target.absolute() == path.absolute() or (path.exists() and not path.is_symlink()):
            continue
        temporary = folder / f".{program.name}.{os.getpid()}"
        try:
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(target.absolute())
            temporary.replace(path)
        except OSError as error:
            raise ToolError(f"cannot link {path} to {target}: {error.strerror}") from error
    return links
