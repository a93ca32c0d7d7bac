"""Finding the pinned programs: named by the user, on PATH, or in the cache."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime import cache, process
from vela_realtime.cache import cache_folder
from vela_realtime.errors import ToolError
from vela_realtime.toolchain import gobuild, pins
from vela_realtime.toolchain.stage import tools_folder

if TYPE_CHECKING:
    from vela_realtime.toolchain.gobuild import GoProgram

INSTALL_HINT = "run vela-realtime doctor --install (in a checkout: scripts/setup)"

VARIABLES = {"cue": "VELA_REALTIME_CUE", "vela": "VELA_REALTIME_VELA"}
"""The environment variables that name a program, by the program's name."""

_VERSION_LINES = {
    "cue": re.compile(r"^cue version v?(\S+)", re.MULTILINE),
    "vela": re.compile(r"^CLI Version: v?(\S+)", re.MULTILINE),
}


@dataclass(frozen=True)
class Location:
    """Where a program was found: ``source`` is the variable's name, ``PATH`` or ``cache``."""

    path: Path
    source: str


@dataclass(frozen=True)
class Search:
    """What came of looking for a program: where it is, if anywhere, and what was passed over."""

    found: Location | None
    notes: tuple[str, ...] = ()


def search(program: GoProgram) -> Search:
    """Look for a program in its variable (the default version only), then on PATH, then in the cache.

    On PATH any other version is passed over with a note; what a variable names must fit.

    Raises:
        ToolError: the variable names something that cannot be run or has another version.
    """
    variable = VARIABLES[program.name]
    named = os.environ.get(variable)
    if named and program in (pins.cue(), pins.vela()):
        return Search(Location(_named(variable, named, program), variable))
    notes: list[str] = []
    on_path = shutil.which(program.name)
    if on_path and not _from_cache(Path(on_path)):
        try:
            version = installed_version(program.name, Path(on_path))
        except ToolError as error:
            notes.append(f"{on_path} is passed over: {error.message}")
        else:
            if version == program.version:
                return Search(Location(Path(on_path).absolute(), "PATH"))
            notes.append(f"{on_path} is passed over: it is {version}, and {program.version} is needed")
    built = gobuild.path(program)
    return Search(Location(built, "cache") if built.is_file() else None, tuple(notes))


def _from_cache(path: Path) -> bool:
    """Tell whether a program on PATH is a link into the cache, as ``scripts/setup`` makes them in ``.venv/bin``."""
    return path.resolve().is_relative_to(tools_folder().resolve())


def find(program: GoProgram) -> Path:
    """Return the program's path.

    Raises:
        ToolError: it is nowhere, or its variable names something else.
    """
    result = search(program)
    if result.found is not None:
        return result.found.path
    passed_over = "".join(f"; {note}" for note in result.notes)
    raise ToolError(
        f"{program.label} is missing: neither on PATH nor in the cache {cache_folder()}{passed_over}", INSTALL_HINT
    )


def installed_version(name: str, path: Path) -> str:
    """Ask ``cue`` or ``vela`` for its version. The answer is kept for as long as the file stays the same.

    Raises:
        ToolError: it cannot be run, or does not say a version.
    """
    try:
        real = path.resolve()
        state = real.stat()
    except OSError as error:
        raise ToolError(f"cannot run {path}: {error.strerror}") from error
    key = cache.key(name, real, state.st_size, state.st_mtime_ns, code=__name__)
    return cache.cached("versions", key, lambda: _ask(name, path))


def _ask(name: str, path: Path) -> str:
    # vela asks the cluster for the controller's version too, and must not wait for one that is away.
    done = process.run([path, "version"], env={"KUBECONFIG": os.devnull}, timeout=30)
    match = _VERSION_LINES[name].search(done.stdout)
    if not done.ok or match is None:
        raise ToolError(f'"{path} version" does not say a version')
    return match[1]


def _named(variable: str, value: str, program: GoProgram) -> Path:
    path = Path(value).expanduser().absolute()
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise ToolError(f"{variable} names {value}, which is no program", f"unset {variable}, or correct it")
    try:
        version = installed_version(program.name, path)
    except ToolError as error:
        raise ToolError(f"{variable}: {error.message}", f"unset {variable}, or correct it") from error
    if version != program.version:
        raise ToolError(
            f"{variable} names {program.name} {version}, and {program.version} is needed",
            f"unset {variable}: the right one is then taken from PATH or from the cache",
        )
    return path
