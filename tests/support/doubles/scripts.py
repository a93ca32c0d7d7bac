"""Runs the product's scripts as their images do: in the images' shells, with nothing else in the environment."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SCRIPTS = Path(__file__).parents[3] / "cue" / "scripts"

SHELLS = pytest.mark.parametrize("shell", ["dash", "busybox"])
"""The scripts' images have busybox, or a shell and tools that are as plain."""


@lru_cache
def busybox_tools() -> str:
    """Return a folder in which every tool that busybox has is busybox, as in Alpine."""
    folder = Path(tempfile.gettempdir()) / f"busybox-tools-{os.getuid()}"
    busybox = require("busybox")
    names = process.run([busybox, "--list"]).stdout.split()
    folder.mkdir(exist_ok=True)
    for name in names:
        link = folder / name
        if not link.is_symlink():
            # Another worker may be a moment faster.
            staged = folder / f".{name}-{os.getpid()}"
            staged.symlink_to(busybox)
            staged.replace(link)
    return str(folder)


def require(program: str) -> str:
    """Return the path of a program, or skip the test that needs it; where CI is set, all have to be there."""
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/bin")
    if path is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing(f"needs {program}: install what scripts/debian-packages.txt lists")
    return path


class Script:
    """A script of the product, with the environment that its header asks for."""

    def __init__(self, name: str, shell: str, env: Mapping[str, object], *, path: str = "") -> None:
        tools = busybox_tools() + ":" if shell == "busybox" else ""
        self.argv = [*{"dash": ["dash"], "busybox": ["busybox", "ash"], "bash": ["bash"]}[shell], str(SCRIPTS / name)]
        self.env = {
            "PATH": f"{path + ':' if path else ''}{tools}/usr/local/bin:/usr/bin:/bin:/usr/sbin",
            "TMPDIR": tempfile.gettempdir(),
            **{key: str(value) for key, value in env.items()},
        }

    def start(self, **env: object) -> subprocess.Popen[str]:
        """Start it in a process group of its own, with more in its environment."""
        return start(self.argv, {**self.env, **{key: str(value) for key, value in env.items()}})

    def run(self, timeout: float = 60, **env: object) -> process.Completed:
        """Run it to its end, with more in its environment."""
        return finish(self.start(**env), timeout)

    def first_line(self, **env: object) -> str:
        """What it says first; it is killed then."""
        running = self.start(**env)
        assert running.stdout is not None
        try:
            return running.stdout.readline()
        finally:
            kill(running)

    def run_and_kill(self, seconds: float) -> bool:
        """Start it and kill it, with all that it started, after some time. Tell whether it was still running."""
        return kill_after(self.start(), seconds)


def start(argv: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a program in a process group of its own, with nothing else in its environment."""
    return subprocess.Popen(
        argv,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )


def kill_after(running: subprocess.Popen[str], seconds: float) -> bool:
    """Kill a script, with all that it started, after some time. Tell whether it was still running."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(seconds)
    alive = running.poll() is None
    kill(running)
    return alive


def kill(running: subprocess.Popen[str]) -> None:
    """End a script and all that it started, without a chance to tidy up."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.communicate()


@contextlib.contextmanager
def staying(argv: Sequence[str], env: Mapping[str, str], there: Callable[[], bool]) -> Iterator[subprocess.Popen[str]]:
    """Start a program, wait until it is where it is wanted, and kill it in the end: a session on a server, say."""
    running = start(argv, env)
    try:
        wait_until(there)
        yield running
    finally:
        kill(running)


def finish(running: subprocess.Popen[str], timeout: float = 60) -> process.Completed:
    """Wait for a script that was started."""
    try:
        stdout, stderr = running.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill(running)
        pytest.fail(f"{running.args!r} did not end within {timeout:g} s")
    return process.Completed(running.returncode, stdout, stderr)


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def succeeded(done: process.Completed) -> list[str]:
    """Return the lines that a script printed, after a check that it ended well."""
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()


def failed(done: process.Completed) -> str:
    """Return the last line of what a script said about its failure."""
    assert done.returncode != 0, done.stdout
    return done.stderr.splitlines()[-1]
