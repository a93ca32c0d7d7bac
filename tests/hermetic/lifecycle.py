"""Starting and ending clusters, each kept by a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests import ROOT
from tests.hermetic import programs
from tests.hermetic.node import isolation, packages
from tests.hermetic.state import ClusterError
from vela_realtime.toolchain import gobuild, gosource, pins

if TYPE_CHECKING:
    from tests.hermetic.state import Folder, Role, State

TIMEOUT = 180.0
"""Seconds for a start; it takes about 15 on two cores that have nothing else to do."""

_KEEPERS: list[subprocess.Popen[bytes]] = []
"""Python complains of processes that it is to forget while they run."""

BUILD_HINT = "run scripts/cluster build: it takes minutes, once"


def ensure(folder: Folder, vela: str, *, bound: bool, real_node: bool = False, role: Role = "alone") -> State:
    """Start the cluster of a folder unless it is there, and wait until it is ready.

    A ``bound`` one ends by itself once nobody holds the folder.

    Raises:
        ClusterError: it does not start, or one of another kind is there.
    """
    with folder.locked():
        state = folder.read()
        if state is not None and state.alive and state.phase in {"starting", "ready"}:
            if (state.vela, state.real_node, state.role) != (vela, real_node, role):
                raise ClusterError(
                    f"the cluster in {folder.path} runs {state.description}", "end it first, or choose another name"
                )
        else:
            _start(folder, vela, bound=bound, real_node=real_node, role=role)
        return _wait_until_ready(folder)


def stop(folder: Folder, timeout: float = 30.0) -> bool:
    """End the cluster of a folder and remove the folder; tell whether it was running."""
    state = folder.read()
    running = state is not None and state.alive
    if state is not None and running:
        os.kill(state.pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout
        while state.alive and time.monotonic() < deadline:
            time.sleep(0.05)
        if state.alive:
            os.kill(state.pid, signal.SIGKILL)  # the programs die with it
    if state is not None and state.real_node:
        isolation.remove_cgroup(isolation.cgroup_name(state.pid))  # if its keeper could not
    shutil.rmtree(folder.path, ignore_errors=True)
    return running


def wait_for_end(folder: Folder, state: State, timeout: float = 30.0) -> None:
    """Wait for a bound cluster to end, unless someone else still holds it."""
    deadline = time.monotonic() + timeout
    while state.alive and not folder.is_held() and time.monotonic() < deadline:
        time.sleep(0.05)
    for keeper in _KEEPERS:
        keeper.poll()


def _start(folder: Folder, vela: str, *, bound: bool, real_node: bool, role: Role) -> None:
    _check_cache(vela, real_node=real_node, role=role)
    shutil.rmtree(folder.logs, ignore_errors=True)
    folder.logs.mkdir(parents=True)
    (folder.path / "state.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.hermetic", "keep", str(folder.path), f"--vela={vela}", f"--role={role}"]
    command += ["--bound"] * bound + ["--real-node"] * real_node
    with (folder.logs / "supervisor.log").open("wb") as log:
        keeper = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    _KEEPERS.append(keeper)
    deadline = time.monotonic() + 20
    while folder.read() is None:
        if time.monotonic() > deadline:
            raise ClusterError(f"the cluster's own process does not start:\n{folder.tail('supervisor')}")
        time.sleep(0.02)


def _wait_until_ready(folder: Folder) -> State:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        state = folder.read()
        if state is None:
            raise ClusterError(f"the cluster in {folder.path} was ended while it started")
        if state.phase == "ready":
            return state
        if state.phase != "starting" or not state.alive:
            reason = state.reason or folder.tail("supervisor")
            raise ClusterError(f"the cluster does not start: {reason}", f"the logs are in {folder.logs}")
        time.sleep(0.05)
    raise ClusterError(f"the cluster is not ready after {TIMEOUT:g} s", f"the logs are in {folder.logs}")


def _check_cache(vela: str, *, real_node: bool, role: Role) -> None:
    wanted = [*programs.CONTROL_PLANE, pins.vela(vela), pins.VELA_CORE[pins.vela(vela).version]]
    wanted += programs.NODE if real_node else ()
    wanted += [programs.CLUSTER_GATEWAY] if role == "hub" else ()
    missing = [program.label for program in wanted if not gobuild.path(program).is_file()]
    if real_node and not packages.path().is_dir():
        missing.append("the packages of the real node")
    sources = [*programs.CRDS, pins.KUBEVELA_SOURCE[vela]]
    missing += [source.label for source in sources if not gosource.path(source).is_dir()]
    if missing:
        hint = BUILD_HINT.replace("build", "build --real-node") if real_node else BUILD_HINT
        raise ClusterError(f"not built yet: {', '.join(missing)}", hint)
