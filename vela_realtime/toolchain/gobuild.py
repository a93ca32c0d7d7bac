"""Building a Go program at a pinned version into the cache."""

from __future__ import annotations

import hashlib
import platform
import shutil
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from vela_realtime import process
from vela_realtime.errors import ToolError
from vela_realtime.toolchain.stage import disk_full, publish, silent, tools_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vela_realtime.toolchain import golang
    from vela_realtime.toolchain.stage import Progress

TIMEOUT = 3 * 3600.0
"""Seconds for one build: minutes on two cores, and much more on a slow line or an old machine."""


@dataclass(frozen=True)
class GoProgram:
    """A program that is built from a package of a Go module.

    ``module`` is a folder of ours with ``go.mod`` and ``go.sum``, which pin every dependency; ``package`` is
    the path of the program's ``main``. ``seconds`` is what a first build takes on two cores, to tell people.
    """

    name: str
    version: str
    module: Path
    package: str
    ldflags: str = ""
    seconds: int = 0

    @property
    def label(self) -> str:
        """Name and version, for messages."""
        return f"{self.name} {self.version}"


def path(program: GoProgram) -> Path:
    """Return where the cache has the program, or would have it. Starts no process.

    The folder's name tells everything that the program was built from, so what is there is what was asked
    for.

    Raises:
        ToolError: the program's module folder cannot be read.
    """
    return _folder(program) / program.name


def build(program: GoProgram, progress: Progress = silent) -> Path:
    """Return the program, building it first when the cache does not have it.

    What Go downloaded and compiled before an interruption is used by the next run.

    Raises:
        ToolError: there is no Go and no way to get one, a module cannot be downloaded, the build fails, or
            the cache's disk is full or cannot be written.
    """

    def make(stage: Path) -> None:
        from vela_realtime.toolchain import golang

        go = golang.ensure(progress)
        progress(f"building {program.label} with Go {go.version}{_expectation(program.seconds)}")
        started = time.monotonic()
        # In the stage, so that it goes with it: Go leaves it behind when it is killed, and /tmp may be small.
        work = stage / "work"
        work.mkdir()
        ldflags = f"-s -w {program.ldflags}".strip()
        output = ["-o", str(stage / program.name)]
        arguments = ["build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, *output, program.package]
        run_go(go, program.module, program.label, arguments, {"GOTMPDIR": str(work)})
        shutil.rmtree(work)
        if not (stage / program.name).is_file():
            raise ToolError(f"go built {program.label} but left no program", f"is {program.package} a main package?")
        progress(f"built {program.label} in {time.monotonic() - started:.0f} s")

    return publish(_folder(program), program.name, program.label, make, progress)


def run_go(
    go: golang.Go, module: Path, label: str, arguments: Sequence[str], env: Mapping[str, str] | None = None
) -> str:
    """Run ``go`` in a module folder and return what it prints. ``label`` names what it is for in errors.

    Raises:
        ToolError: it fails. The message says why in one line.
    """
    done = process.run([go.path, *arguments], cwd=module, env={**go.env(), **(env or {})}, timeout=TIMEOUT)
    if not done.ok:
        raise failure(label, done.stderr or done.stdout)
    return done.stdout


def failure(label: str, output: str) -> ToolError:
    """Return the error for a ``go`` command that failed, from what it printed."""
    lowered = output.lower()
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    # "# package" heads a compiler's messages, and downloads are no news.
    telling = [line for line in lines if not line.startswith(("#", "go: downloading "))]
    reason = telling[-1] if telling else "it did not say why"
    if "no space left on device" in lowered or "disk quota exceeded" in lowered or "file too large" in lowered:
        return disk_full(label)
    if "signal: killed" in lowered or "cannot allocate memory" in lowered:
        return ToolError(
            f"the compiler was killed while it built {label}, most likely for want of memory",
            "building takes about 3 GB: free some memory and run this again, what is done is kept",
        )
    if any(sign in lowered for sign in _NETWORK):
        return ToolError(
            f"cannot download the Go modules of {label}: {reason}",
            "the Go module proxy must be reachable (GOPROXY names another one); run this again, what is done is kept",
        )
    if "checksum mismatch" in lowered:
        return ToolError(
            f"a Go module of {label} is not the one that go.sum pins: {reason}",
            "do not go on with it: find out what the module proxy in between changed",
        )
    return ToolError(f"go could not build {label}: {reason}")


_NETWORK = (
    "dial tcp",
    "no such host",
    "connection refused",
    "connection reset",
    "i/o timeout",
    "tls handshake timeout",
    "network is unreachable",
    "module lookup disabled",
    "unexpected eof",
    "502 bad gateway",
    "503 service unavailable",
)


def key(module: Path, *more: str) -> str:
    """Return twelve characters that change with the pinned modules, with ``more``, and with the machine's kind.

    Raises:
        ToolError: the module folder cannot be read.
    """
    try:
        times = [(module / name).stat().st_mtime_ns for name in ("go.mod", "go.sum")]
        return _key(module, times[0], times[1], more)
    except OSError as error:
        raise ToolError(
            f"cannot read {error.filename}: {error.strerror}", "the installation is damaged: install it again"
        ) from error


def _folder(program: GoProgram) -> Path:
    digest = key(program.module, program.package, program.ldflags)
    return tools_folder() / f"{program.name}-{program.version}-{digest}"


# A dry-run asks for the same program once an Application, and go.sum has 100 KB.
@lru_cache(maxsize=64)
def _key(module: Path, mod_time: int, sum_time: int, more: tuple[str, ...]) -> str:
    del mod_time, sum_time  # they only make a changed file another question
    content = hashlib.sha256()
    for part in (platform.system(), platform.machine(), *more):
        content.update(part.encode() + b"\0")
    for file in ("go.mod", "go.sum"):
        content.update((module / file).read_bytes() + b"\0")
    return content.hexdigest()[:12]


def _expectation(seconds: int) -> str:
    if not seconds:
        return ""
    amount = f"{seconds} s" if seconds < 90 else f"{round(seconds / 60)} min"
    return f" (about {amount} on two cores, once)"
