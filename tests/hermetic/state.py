"""The folder of a cluster: what is in it, and how far the cluster has come."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vela_realtime.errors import RealtimeError
from vela_realtime.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator


Role = Literal["alone", "hub", "member"]
"""Of several clusters, a ``hub`` has KubeVela with its cluster gateway, and a ``member`` has no KubeVela."""


class ClusterError(RealtimeError):
    """A cluster does not start, ended by itself, or refused something."""


@dataclass(frozen=True)
class State:
    """How far a cluster has come. ``phase`` is ``starting``, ``ready``, ``failed`` or ``ended``."""

    pid: int
    vela: str
    phase: str = "starting"
    reason: str = ""
    real_node: bool = False
    role: Role = "alone"

    @property
    def description(self) -> str:
        """What kind of cluster it is, for messages."""
        what = "no KubeVela, as a member" if self.role == "member" else f"KubeVela {self.vela}"
        return what + " as a hub" * (self.role == "hub") + " and a real node" * self.real_node

    @property
    def alive(self) -> bool:
        """Whether the process that keeps the cluster is there."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        # A process that ended and that nobody asked for is a zombie, and no help to anyone.
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return True


@dataclass(frozen=True)
class Folder:
    """A cluster's folder. Everything that it writes is below."""

    path: Path

    @property
    def kubeconfig(self) -> Path:
        """How to reach the cluster, as its administrator."""
        return self.path / "kubeconfig"

    @property
    def logs(self) -> Path:
        """One file a program."""
        return self.path / "logs"

    @property
    def data(self) -> Path:
        """What goes when the cluster ends: keys, etcd's files, volumes."""
        return self.path / "data"

    def read(self) -> State | None:
        """Return the cluster's state, None where there was never one."""
        try:
            return State(**json.loads((self.path / "state.json").read_text()))
        except FileNotFoundError:
            return None

    def write(self, state: State) -> None:
        """Record the cluster's state."""
        write_text(self.path / "state.json", json.dumps(asdict(state)) + "\n")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the cluster: one that is bound to its holders ends when the last has let go, or has died."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "holders").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    def is_held(self) -> bool:
        """Tell whether any process holds the cluster."""
        with (self.path / "holders").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time decide whether the cluster is to be started."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def tail(self, program: str, lines: int = 15) -> str:
        """Return the last lines of a program's log."""
        try:
            text = (self.logs / f"{program}.log").read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def named(name: str) -> Folder:
    """Return the folder of the cluster of a name, below the machine's folder for temporary files.

    Raises:
        ClusterError: the folder is someone else's.
    """
    parent = Path(tempfile.gettempdir()) / f"vela-realtime-{os.getuid()}"
    parent.mkdir(mode=0o700, exist_ok=True)
    if parent.stat().st_uid != os.getuid():
        raise ClusterError(f"{parent} belongs to someone else", "set TMPDIR to a folder of yours")
    return Folder(parent / name)
