"""The one place that starts other programs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from vela_realtime.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

DEFAULT_TIMEOUT = 120.0
"""Seconds that a program may take unless the caller knows better."""


@dataclass(frozen=True)
class Completed:
    """What a finished program left: exit code and decoded output."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """Whether the program said that it succeeded."""
        return self.returncode == 0


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> Completed:
    """Run a program to its end and capture what it prints.

    ``env`` is added to this process's own environment. The program gets a process group of its own, so that
    a time-out or Ctrl-C also ends what it started. A non-zero exit is not an error here: callers know what
    an exit code means. A signal is: what the program had not yet said would be taken for its answer.

    Raises:
        ToolError: the program cannot be started, takes longer than ``timeout`` seconds, or is ended by a signal.
    """
    command = [str(part) for part in argv]
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(f"cannot start {command[0]}: {error.strerror}") from error
    _running.add(process)
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout)
    except BaseException as error:
        _end_group(process)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise ToolError(f"{command[0]} did not finish within {timeout:g} s") from error
        raise
    finally:
        _running.discard(process)
    if process.returncode < 0:
        raise ToolError(f"{command[0]} was ended by {_signal_name(-process.returncode)}")
    return Completed(process.returncode, stdout, stderr)


def quick_go() -> dict[str, str]:
    """Return variables for a Go program that ends within a second: it collects less garbage, which is a quarter of the
    processor time of ``vela dry-run`` and a third of ``cue export``'s, for some 40 MiB more memory.

    What the user has set holds. See docs/performance.md for the figures.
    """
    return {key: value for key, value in (("GOGC", "400"), ("GOMEMLIMIT", "400MiB")) if key not in os.environ}


_running: set[subprocess.Popen[str]] = set()
"""The programs that run at this moment, in any thread."""


def in_parallel(
    function: Callable[[Item], Outcome], items: Iterable[Item], *, done: Callable[[], None] | None = None
) -> list[Outcome]:
    """Call a function for each item, as many at once as there are cores, and return the results in order.

    Threads do: the work is in the programs that they start. ``done`` is called after each item, in this thread.
    The first exception ends the rest, and on Ctrl-C the programs that run as well.
    """
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2))
    try:
        outcomes = []
        for outcome in pool.map(function, items):
            outcomes.append(outcome)
            if done is not None:
                done()
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list(_running):
            _end_group(process)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return outcomes


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _end_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
