"""The clusters themselves: they end with who wanted them, leave nothing behind, and say when something is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import ROOT
from tests.hermetic import Cluster, lifecycle
from tests.hermetic.state import ClusterError, Folder
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.skipif("KUBECONFIG" in os.environ, reason="the cluster is somebody else's")

STARTER = """\
import sys, time
from pathlib import Path
from tests.hermetic import Cluster
with Cluster.start(folder=Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Return a folder for a cluster, which is ended whatever happens."""
    found = Folder(tmp_path / "cluster")
    yield found
    lifecycle.stop(found)


def _programs(folder: Folder) -> list[str]:
    """Return the programs whose working folder is the cluster's."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder.data:
                found.append((entry / "comm").read_text().strip())
        except OSError:  # it ended meanwhile, or is not ours to ask
            continue
    return sorted(found)


def test_a_killed_owner_takes_the_cluster_along(folder: Folder) -> None:
    owner = subprocess.Popen([sys.executable, "-c", STARTER, str(folder.path)], cwd=ROOT, stdout=subprocess.PIPE)
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        assert len(_programs(folder)) == 6
        state = folder.read()
        owner.kill()
    assert state is not None
    Cluster.until(lambda: not state.alive and not _programs(folder), 10, lambda: str(_programs(folder)))
    assert not folder.data.exists()
    assert (folder.logs / "vela-core.log").is_file()


def test_a_killed_keeper_takes_the_programs_along(folder: Folder) -> None:
    state = lifecycle.ensure(folder, "1.11.0", bound=False)
    os.kill(state.pid, signal.SIGKILL)
    Cluster.until(lambda: not _programs(folder), 10, lambda: str(_programs(folder)))
    lifecycle.stop(folder)
    assert not folder.path.exists()


def test_a_program_that_ends_ends_the_cluster_and_is_named(folder: Folder) -> None:
    state = lifecycle.ensure(folder, "1.11.0", bound=False)
    (core,) = [
        int(entry.parent.name)
        for entry in Path("/proc").glob("[0-9]*/comm")
        if entry.read_text() == "vela-core\n" and (entry.parent / "cwd").readlink() == folder.data
    ]
    os.kill(core, signal.SIGKILL)
    Cluster.until(lambda: not state.alive, 10)
    ended = folder.read()
    assert ended is not None
    assert ended.phase == "failed"
    assert ended.reason.startswith("vela-core ended with -9")
    assert _programs(folder) == []


def test_the_command_starts_and_ends_clusters_side_by_side() -> None:
    def command(*arguments: str) -> process.Completed:
        return process.run([ROOT / "scripts" / "cluster", *arguments], timeout=240)

    name = f"test-{os.getpid()}"
    try:
        started = command("up", "--name", name, "--vela", "1.10.8")
        assert started.ok, started.stderr
        kubeconfig = Path(started.stdout.strip())
        assert command("kubeconfig", "--name", name).stdout == started.stdout
        assert command("up", "--name", name, "--vela", "1.10.8").stdout == started.stdout
        assert f"{name}: ready, KubeVela 1.10.8" in command("status").stdout
        assert "vela-core" in command("logs", "--name", name).stdout
        assert "KubeVela information" in command("logs", "--name", name, "vela-core").stdout
        other = command("up", "--name", name, "--vela", "1.11.0")
        assert other.returncode == 2
        assert "runs KubeVela 1.10.8" in other.stderr
        assert Cluster(kubeconfig, "1.10.8").kubectl("get", "nodes").stdout.count("Ready") == 3
    finally:
        ended = command("down", "--name", name)
    assert ended.ok
    assert not kubeconfig.parent.exists()
    assert "no cluster" in command("down", "--name", name).stderr
    assert "scripts/cluster up" in command("kubeconfig", "--name", name).stderr


def test_what_is_not_built_is_named(folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VELA_REALTIME_CACHE", str(tmp_path / "empty"))
    started = time.monotonic()
    with pytest.raises(ClusterError, match=r"not built yet: etcd 3\.6\.14, kube-apiserver") as caught:
        lifecycle.ensure(folder, "1.11.0", bound=False)
    assert "scripts/cluster build" in caught.value.hint
    assert time.monotonic() - started < 5
