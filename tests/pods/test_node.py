"""The real node itself: it runs restricted pods, with volumes, addresses and names, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.hermetic import Cluster, lifecycle
from tests.hermetic.node import isolation, packages
from tests.hermetic.node.images import Image
from tests.hermetic.state import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a real node needs root")

IMAGE = "example.com/busybox:1"

RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def _pod(image: str = IMAGE, *command: str) -> dict[str, Any]:
    return {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "fsGroup": 2000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{"name": "main", "image": image, "command": list(command), "securityContext": RESTRICTED}],
    }


def _web() -> list[dict[str, Any]]:
    labels = {"app": "web"}
    pod = _pod(IMAGE, "/bin/busybox", "httpd", "-f", "-v", "-p", "8080", "-h", "/www")
    pod["containers"][0] |= {
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "web"},
            "spec": {
                "serviceName": "web",
                "replicas": 2,
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
                "volumeClaimTemplates": [claim],
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": "http"}]},
        },
    ]


@pytest.fixture(scope="session")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Return an image with busybox and a page."""
    program = packages.ensure(("busybox-static",)) / "bin" / "busybox"
    root = tmp_path_factory.mktemp("busybox")
    (root / "bin").mkdir()
    (root / "www").mkdir()
    shutil.copy2(program, root / "bin" / "busybox")
    (root / "www" / "index.html").write_text("a page\n")
    return Image(IMAGE, [root], environment={"GREETING": "hello"})


@pytest.fixture
def cluster(real_cluster: Cluster, busybox: Image) -> Cluster:
    """Return a cluster that has the image."""
    real_cluster.load(busybox)
    return real_cluster


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """Return a namespace of the test's own."""
    with cluster.namespace() as name:
        yield name


def _in_web_0(cluster: Cluster, namespace: str, *command: str) -> str:
    return cluster.kubectl("exec", "web-0", f"--namespace={namespace}", "--", "/bin/busybox", *command).stdout.strip()


def test_pods_run_and_reach_each_other(cluster: Cluster, namespace: str) -> None:
    cluster.apply(*_web(), namespace=namespace)
    cluster.kubectl("rollout", "status", "statefulset/web", f"--namespace={namespace}", "--timeout=110s")
    assert {pod["spec"]["nodeName"] for pod in cluster.items("pods", namespace)} == {"real"}
    assert _in_web_0(cluster, namespace, "id") == "uid=1000 gid=1000 groups=1000,2000"
    assert _in_web_0(cluster, namespace, "sh", "-c", "echo $GREETING") == "hello"
    # By the Service's name and address, and by a pod's own name.
    assert _in_web_0(cluster, namespace, "wget", "-qO-", "http://web") == "a page"
    other = f"http://web-1.web.{namespace}.svc.cluster.local:8080"
    assert _in_web_0(cluster, namespace, "wget", "-qO-", other) == "a page"
    # The volume belongs to the pod's group; the root belongs to nobody.
    assert _in_web_0(cluster, namespace, "sh", "-c", "echo kept > /data/file && cat /data/file") == "kept"
    assert "Read-only" in _in_web_0(cluster, namespace, "sh", "-c", "touch /www/file 2>&1 || true")
    logs = cluster.kubectl("logs", "web-0", f"--namespace={namespace}").stdout
    assert "response:200" in logs


def test_a_volume_survives_its_pod(cluster: Cluster, namespace: str) -> None:
    cluster.apply(*_web(), namespace=namespace)
    ready = ("rollout", "status", "statefulset/web", f"--namespace={namespace}", "--timeout=110s")
    cluster.kubectl(*ready)
    _in_web_0(cluster, namespace, "sh", "-c", "echo kept > /data/file")
    cluster.kubectl("delete", "pod", "web-0", f"--namespace={namespace}", "--grace-period=1")
    cluster.kubectl(*ready)
    assert _in_web_0(cluster, namespace, "cat", "/data/file") == "kept"


def test_a_failing_job_is_run_again(cluster: Cluster, namespace: str) -> None:
    pod = {**_pod(IMAGE, "/bin/busybox", "sh", "-c", "echo no luck; exit 3"), "restartPolicy": "OnFailure"}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": {"template": {"spec": pod}}}
    cluster.apply(job, namespace=namespace)

    def restarted() -> bool:
        states = [state for pod in cluster.items("pods", namespace) for state in _states(pod)]
        return any(state["restartCount"] > 0 and _exit_code(state) == 3 for state in states)

    cluster.until(restarted)


def test_a_pod_whose_image_is_not_there_is_played(cluster: Cluster, namespace: str) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "other"}, "spec": _pod("example.com/other:1", "x")}
    cluster.apply(pod, namespace=namespace)
    cluster.kubectl("wait", "pod/other", "--for=condition=Ready", f"--namespace={namespace}", "--timeout=60s")
    assert cluster.get("pod", "other", namespace)["spec"]["nodeName"].startswith("played-")


def test_nothing_stays_when_its_keeper_is_killed(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "cluster")
    state = lifecycle.ensure(folder, "1.11.0", bound=False, real_node=True)
    assert _left(folder, state.pid) != []
    os.kill(state.pid, signal.SIGKILL)
    Cluster.until(lambda: not _processes(folder), 20, lambda: str(_processes(folder)))
    lifecycle.stop(folder)
    Cluster.until(lambda: not _left(folder, state.pid), 20, lambda: str(_left(folder, state.pid)))


def _left(folder: Folder, pid: int) -> list[str]:
    """Return what there is of a cluster: processes, mounts, control groups, files, and the cable to its network."""
    groups = [str(path) for path in isolation.CGROUPS.glob(f"*/{isolation.cgroup_name(pid)}")]
    groups += [str(path) for path in isolation.CGROUPS.glob(isolation.cgroup_name(pid))]
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder.path) in line]
    return [*_processes(folder), *groups, *mounts, *([str(folder.path)] if folder.path.exists() else [])]


def _processes(folder: Folder) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it ended meanwhile
            continue
        if str(folder.path) in command:
            found.append(command)
    return found


def _states(pod: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pod["status"].get("containerStatuses", [])
    return found


def _exit_code(state: dict[str, Any]) -> int | None:
    for moment in (state["state"], state.get("lastState", {})):
        if "terminated" in moment:
            return int(moment["terminated"]["exitCode"])
    return None
