"""The process that keeps a cluster: it starts the programs, watches them, and ends them all."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.hermetic import control_plane, kubevela, nodes, volumes
from tests.hermetic.api import Api
from tests.hermetic.cluster import Cluster
from vela_realtime.errors import RealtimeError

if TYPE_CHECKING:
    from collections.abc import Callable

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
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    try:
        with ExitStack() as running:
            folder.data.mkdir(parents=True, exist_ok=True)
            running.callback(shutil.rmtree, folder.data, ignore_errors=True)
            serve, children = _start(folder, state, running)
            folder.write(replace(state, phase="ready"))
            _say(f"ready: {folder.kubeconfig}")
            while not bound or folder.is_held():
                for child in children:
                    child.check()
                serve()
                time.sleep(INTERVAL)
        folder.write(replace(state, phase="ended"))
    except _Ended:
        folder.write(replace(state, phase="ended"))
    except RealtimeError as error:
        _say(str(error))
        folder.write(replace(state, phase="failed", reason=str(error)))


def _start(folder: Folder, state: State, running: ExitStack) -> tuple[Callable[[], None], list[Child]]:
    """Start everything. Return what is to be called again and again, and the programs."""
    began = time.monotonic()

    def kept(*children: Child) -> list[Child]:
        for child in children:
            running.callback(child.stop)
        return list(children)

    def passed(what: str) -> None:
        _say(f"{what} after {time.monotonic() - began:.1f} s")

    plane = control_plane.start(folder)
    children = kept(*plane.children)
    passed("the control plane answers")
    children += kept(nodes.start(folder))
    cluster = Cluster(folder.kubeconfig, state.vela)
    cluster.create(*nodes.objects(), volumes.storage_class(default=True))
    kubevela.install(cluster, state.vela)
    passed("KubeVela's definitions are installed")
    core, webhooks = kubevela.start(folder, plane, state.vela)
    children += kept(core)
    kubevela.register(cluster, plane, state.vela, webhooks)
    passed("KubeVela's controller is ready")
    return volumes.Volumes(Api(plane), folder.data / "volumes").serve, children


def _end(signum: int, frame: object) -> None:
    raise _Ended


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
