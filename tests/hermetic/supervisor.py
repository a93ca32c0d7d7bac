"""The process that keeps a cluster: it starts the programs, watches them, and ends them all."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.hermetic import control_plane, gateway, kubevela, nodes, volumes
from tests.hermetic.api import Api
from tests.hermetic.cluster import Cluster
from tests.hermetic.node import isolation, real
from tests.hermetic.state import ClusterError
from vela_realtime.errors import RealtimeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic.processes import Child
    from tests.hermetic.state import Folder, State

INTERVAL = 0.3
"""Seconds between two looks at the programs, the volumes and the holders."""


class _Ended(Exception):  # noqa: N818 - no error
    """Somebody asked the cluster to end."""


def supervise(folder: Folder, state: State, *, bound: bool) -> None:
    """Keep a cluster until it is asked to end, or, when ``bound``, until nobody holds it any more.

    A program that ends takes the cluster with it: a test must not go on with half of one.
    """
    with _reported(folder, state), ExitStack() as running:
        folder.data.mkdir(parents=True, exist_ok=True)
        running.callback(shutil.rmtree, folder.data, ignore_errors=True)
        parts = _start(folder, state, running)
        while not bound or folder.is_held():
            parts.serve()
            time.sleep(INTERVAL)


def supervise_real_node(folder: Folder, state: State, *, bound: bool) -> None:
    """Keep a cluster with a real node: all of it runs in namespaces of its own, see ``inside``."""
    with _reported(folder, state), ExitStack() as running:
        isolation.check()
        folder.data.mkdir(parents=True, exist_ok=True)
        running.callback(shutil.rmtree, folder.data, ignore_errors=True)
        group = running.enter_context(isolation.cgroup(isolation.cgroup_name(state.pid)))
        arguments = ["keep-inside", str(folder.path), f"--cgroup={group}"]
        child = running.enter_context(isolation.inside(arguments, folder.logs / "supervisor.log"))
        while not bound or folder.is_held():
            if child.poll() is not None:
                now = folder.read()
                raise ClusterError(now.reason if now and now.reason else f"the node ended with {child.returncode}")
            time.sleep(INTERVAL)


def inside(folder: Folder, cgroup: str) -> None:
    """Be the process inside of the namespaces that keeps the programs."""
    isolation.first_process()
    state = folder.read()
    assert state is not None
    try:
        sys.stdout.write("inside\n")
        sys.stdout.flush()
        host, own = sys.stdin.readline().split()
        isolation.furnish(folder.data, host, own)
        parts = _start(folder, state, ExitStack(), own, cgroup)
        while True:
            parts.serve()
            time.sleep(INTERVAL)
    except RealtimeError as error:
        folder.write(replace(state, phase="failed", reason=str(error)))
        sys.exit(1)


@contextmanager
def _reported(folder: Folder, state: State) -> Iterator[None]:
    """Write into the cluster's folder how it ended."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    try:
        yield
        folder.write(replace(state, phase="ended"))
    except _Ended:
        folder.write(replace(state, phase="ended"))
    except RealtimeError as error:
        _say(str(error))
        folder.write(replace(state, phase="failed", reason=str(error)))


@dataclass(frozen=True)
class _Parts:
    """What runs, and what is to be looked after."""

    children: list[Child]
    volumes: volumes.Volumes

    def serve(self) -> None:
        """Do what is to be done now; raise ClusterError when a program has ended."""
        for child in self.children:
            child.check()
        self.volumes.serve()


def _start(folder: Folder, state: State, running: ExitStack, address: str = "", cgroup: str = "") -> _Parts:
    """Start everything, with a real node when there is an ``address`` for it."""
    began = time.monotonic()
    children: list[Child] = []

    def keep(*started: Child) -> None:
        for child in started:
            running.callback(child.stop)
            children.append(child)

    def passed(what: str) -> None:
        _say(f"{what} after {time.monotonic() - began:.1f} s")

    hub = state.role == "hub"
    plane = control_plane.start(folder, address, served=[gateway.SERVICE] * hub)
    keep(*plane.children)
    passed("the control plane answers")
    keep(nodes.start(folder))
    cluster = Cluster(folder.kubeconfig, state.vela)
    cluster.create(*nodes.objects(), volumes.storage_class(default=True), *kubevela.extra_kinds())
    if state.role != "member":
        kubevela.install(cluster, state.vela)
        passed("KubeVela's definitions are installed")
        others: tuple[str, ...] = ()
        if hub:
            way = gateway.start(folder, plane, cluster, state.vela)
            keep(way.child)
            others = way.controller_flags
            passed("other clusters can be joined")
        core, webhooks = kubevela.start(folder, plane, state.vela, others)
        keep(core)
        kubevela.register(cluster, plane, state.vela, webhooks)
        passed("KubeVela's controller is ready")
    if address:
        keep(*real.start(folder, plane, cluster, address, cgroup))
        passed("the real node is ready")
    folder.write(replace(state, phase="ready"))
    _say(f"ready: {folder.kubeconfig}")
    return _Parts(children, volumes.Volumes(Api.of(plane), folder.data / "volumes"))


def _end(signum: int, frame: object) -> None:
    raise _Ended


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
