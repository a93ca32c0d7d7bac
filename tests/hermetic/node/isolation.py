"""Namespaces for a node: its processes, mounts and network are nobody else's, and end with their first process."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hermetic import processes
from tests.hermetic.node import packages
from tests.hermetic.state import ClusterError
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CGROUPS = Path("/sys/fs/cgroup")

KUBELET = Path("/run/kubelet")
"""The kubelet's folder, as it is seen inside of the namespaces."""


def cgroup_name(pid: int) -> str:
    """Return the name of the control group of a cluster whose keeper is process ``pid``."""
    return f"hermetic-{pid}"


def check() -> None:
    """Raise ClusterError where a node cannot be run."""
    if os.geteuid() != 0:
        raise ClusterError("a real node needs root", "without it, leave --real-node away: pods are then played")
    if shutil.which("unshare") is None:
        raise ClusterError("unshare is missing", "on Debian it is in util-linux")


@contextlib.contextmanager
def inside(arguments: Sequence[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a command of ours in new namespaces, and join its network with this one by a cable.

    It gets one line on its input, once the cable is there: this machine's address in the network of the two, and its
    own. Yields the process. Everything in the namespaces is killed in the end.

    Raises:
        ClusterError: the kernel does not allow it.
    """
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"]
    command += [sys.executable, "-m", "tests.hermetic", *arguments]
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            preexec_fn=processes.dying_with_parent(),
        )
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        if child.stdout.readline() != "inside\n":
            raise ClusterError(f"no namespaces can be made here:\n{log.read_text(errors='replace')[-1000:]}")
        host, own = _cable(child.pid)
        child.stdin.write(f"{host} {own}\n")
        child.stdin.flush()
        yield child
    finally:
        child.kill()  # unshare: the kernel then kills the rest
        child.wait()


def first_process() -> None:
    """Go on in a child; this process, the namespaces' first, only takes in those that nobody waits for."""
    child = os.fork()
    if child == 0:
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def furnish(data: Path, host: str, own: str) -> None:
    """Set up the network and the folders inside the namespaces.

    Raises:
        ClusterError: a command fails.
    """
    commands = [
        "ip link set lo up",
        f"ip address add {own}/30 dev uplink",
        "ip link set uplink up",
        f"ip route add default via {host}",
        # The kubelet mounts volumes that containers are to see.
        "mount --make-rshared /",
        "mount -t tmpfs tmpfs /run",
    ]
    # Programs write to these however they are configured.
    for name in ("lib", "log"):
        (data / f"var-{name}").mkdir(parents=True)
        commands.append(f"mount --bind {data / f'var-{name}'} /var/{name}")
    # The kubelet makes sockets below its folder, and a socket's path may not be long.
    (data / "kubelet").mkdir()
    commands += [f"mkdir {KUBELET}", f"mount --bind {data / 'kubelet'} {KUBELET}"]
    for command in commands:
        _run(*command.split())
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


@contextlib.contextmanager
def cgroup(name: str) -> Iterator[str]:
    """Make a control group for the pods, and remove it with all that is below. Yields its path."""
    _sweep()
    try:
        for root in _hierarchies():
            (root / name).mkdir(exist_ok=True)
        _delegate(name)
        _weigh(name)
        yield f"/{name}"
    finally:
        remove_cgroup(name)


@contextlib.contextmanager
def limited(pid: int, cpus: float, memory: int) -> Iterator[None]:
    """Let a process have so many processors, and so many bytes of memory: the kernel ends it where it takes more."""
    name = cgroup_name(os.getpid())
    period = 100_000  # microseconds
    limits = {
        "cpu.max": f"{round(cpus * period)} {period}",
        "cpu.cfs_quota_us": str(round(cpus * period)),
        "memory.max": str(memory),
        "memory.limit_in_bytes": str(memory),
    }
    with cgroup(name):
        for root in _hierarchies():
            # One below: a group that hands its controllers on may have no process of its own.
            group = root / name / "limited"
            group.mkdir(exist_ok=True)
            found = [file for file in limits if (group / file).is_file()]
            for file in found:
                (group / file).write_text(limits[file])
            if found:
                (group / "cgroup.procs").write_text(str(pid))
        yield


def remove_cgroup(name: str) -> None:
    """Remove a control group with all that is below. Its processes must have been told to end."""
    deadline = time.monotonic() + 10  # the last of them are only just ending
    while (left := [root / name for root in _hierarchies() if (root / name).exists()]) and time.monotonic() < deadline:
        for group in left:
            for folder, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()
        time.sleep(0.05)


def _sweep() -> None:
    """Remove the groups of clusters whose keepers were killed."""
    for root in _hierarchies():
        for group in root.glob(f"{cgroup_name(0)[:-1]}*"):
            if not Path("/proc", group.name.rpartition("-")[2]).exists():
                remove_cgroup(group.name)


def _hierarchies() -> list[Path]:
    """Return the roots of the control groups: one, or, in their first version, one a controller."""
    return [CGROUPS] if _unified() else [path for path in CGROUPS.iterdir() if path.is_dir()]


def _unified() -> bool:
    return (CGROUPS / "cgroup.controllers").is_file()


def _delegate(name: str) -> None:
    """Let the groups below have the controllers that this machine has."""
    if _unified():
        controllers = (CGROUPS / "cgroup.controllers").read_text().split()
        for folder in (CGROUPS, CGROUPS / name):
            with contextlib.suppress(OSError):
                (folder / "cgroup.subtree_control").write_text(" ".join(f"+{item}" for item in controllers))


def _weigh(name: str) -> None:
    """Give the group more than one process's share of a busy processor: all pods are in it."""
    for root in _hierarchies():
        for file, weight in (("cpu.weight", "4000"), ("cpu.shares", "40960")):
            if (root / name / file).is_file():
                (root / name / file).write_text(weight)


def _cable(pid: int) -> tuple[str, str]:
    """Connect this network with the one of a process. Return the address here and the one there."""
    taken = _run("ip", "-4", "-oneline", "address").stdout + _run("ip", "route").stdout
    for number in range(256):
        network = f"10.200.{number}"
        if f"{network}." in taken:
            continue
        name = f"hermetic{number}"
        _run("ip", "link", "add", name, "type", "veth", "peer", "name", "uplink", "netns", str(pid))
        _run("ip", "address", "add", f"{network}.1/30", "dev", name)
        _run("ip", "link", "set", name, "up")
        return f"{network}.1", f"{network}.2"
    raise ClusterError("no network between 10.200.0.0 and 10.200.255.0 is free")


def _run(*command: str) -> process.Completed:
    folder = packages.path()
    env = packages.environment(folder)
    program = shutil.which(command[0], path=env["PATH"])
    done = process.run([program or command[0], *command[1:]], env=env)
    if not done.ok:
        raise ClusterError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done
