"""Programs that run for as long as a cluster does, and not a moment longer."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.hermetic.state import ClusterError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tests.hermetic.state import Folder

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Child:
    """A program that was started. It dies with the process that started it, however that one ends."""

    name: str
    process: subprocess.Popen[bytes]
    folder: Folder

    def check(self) -> None:
        """Raise ClusterError, with the last words of its log, when it has ended."""
        code = self.process.poll()
        if code is not None:
            raise ClusterError(f"{self.name} ended with {code}:\n{self.folder.tail(self.name)}")

    def wait_until(self, ready: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait until something is true of the program.

        Raises:
            ClusterError: the program ends, or that takes longer than ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ClusterError(f"{self.name} is not ready after {timeout:g} s:\n{self.folder.tail(self.name)}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the program at once: what it would save is of no use to anybody."""
        self.process.kill()
        self.process.wait()


def dying_with_parent() -> Callable[[], None]:
    """Return what a child has to call first, so that the kernel ends it with the process that starts it."""
    parent = os.getpid()

    def die_with_parent() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return die_with_parent


def start(folder: Folder, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Child:
    """Start a program, its output going to a log of its name."""
    folder.logs.mkdir(parents=True, exist_ok=True)
    with (folder.logs / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [str(part) for part in argv],
            cwd=folder.data,
            env={**os.environ, "NO_PROXY": "*", **(env or {})},  # everything is on this machine
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=dying_with_parent(),
        )
    return Child(name, process, folder)


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on.

    They lie below those that the kernel gives to outgoing connections, so that none is taken before it is used.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randint(20000, 29999)  # noqa: S311 - no secret
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def answers(url: str, context: ssl.SSLContext | None = None) -> bool:
    """Tell whether a server on this machine answers 200."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False
