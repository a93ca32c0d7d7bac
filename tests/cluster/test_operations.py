"""The commands of docs/operations.md, run by bash as they stand, on a platform of a real KubeVela."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT
from tests.cluster.checks import application
from tests.hermetic import programs
from tests.hermetic.state import ClusterError
from tests.support import pages
from vela_realtime import process
from vela_realtime.documents import dump
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hermetic import Cluster

PAGE = (ROOT / "docs" / "operations.md").read_text()
APP, NAME = "demo-app", "demo"
TWICE = 45
"""Seconds in which KubeVela looks at all Applications twice: here it does so every 20."""


class Terminal:
    """A shell with the variables of the page."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        (folder / "kubectl").symlink_to(gobuild.path(programs.KUBECTL))
        self.folder, self.cluster = folder, cluster
        self.env = {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "KUBECONFIG": str(cluster.kubeconfig),
            "HOME": str(folder),
            "NS": namespace,
            "APP": APP,
            "NAME": NAME,
        }

    def run(self, commands: str) -> str:
        done = process.run(["bash", "-euo", "pipefail", "-c", commands], cwd=self.folder, env=self.env, timeout=120)
        if not done.ok:
            raise ClusterError(f"{commands}\n{done.stdout}{done.stderr}")
        return done.stdout


@pytest.fixture
def terminal(cluster: Cluster, namespace: str, tmp_path: Path) -> Terminal:
    cluster.apply(platform(), namespace=namespace)
    cluster.running(APP, namespace)
    return Terminal(cluster, namespace, tmp_path)


def platform(**properties: Any) -> dict[str, Any]:
    return application(
        APP,
        {"name": "platform", "type": "realtime-platform", "properties": {"name": NAME, "size": "small", **properties}},
    )


def test_what_the_page_says_happens(terminal: Terminal, namespace: str) -> None:
    cluster = terminal.cluster
    _out_of_service(terminal, namespace)
    _jobs(terminal, namespace)
    _growing(terminal, namespace)
    away, gone = pages.blocks(PAGE, "Delete for good")
    assert f"data-{NAME}-kafka-0" in terminal.run(away)
    cluster.until(lambda: not cluster.items("statefulsets,deployments", namespace))
    assert len(cluster.items("persistentvolumeclaims", namespace)) == 4
    terminal.run(gone)
    cluster.until(lambda: not cluster.items("persistentvolumeclaims", namespace))


def _out_of_service(terminal: Terminal, namespace: str) -> None:
    cluster = terminal.cluster

    def pods() -> int:
        return int(cluster.get("statefulset", f"{NAME}-mqtt", namespace)["spec"]["replicas"])

    away, back = pages.blocks(PAGE, "Take a part out of service")
    terminal.run(away)
    with pytest.raises(ClusterError):
        cluster.until(pods, TWICE)  # it stays away
    terminal.run(back)
    cluster.until(lambda: pods() == 1)
    # What the page says happens without a pause.
    cluster.kubectl("scale", "statefulset", f"{NAME}-mqtt", "--replicas=0", "--namespace", namespace)
    cluster.until(lambda: pods() == 1)


def _jobs(terminal: Terminal, namespace: str) -> None:
    cluster = terminal.cluster
    look, again = pages.blocks(PAGE, "Find the Jobs")
    listed = terminal.run(look.splitlines()[0])
    assert {line.split()[-1] for line in listed.splitlines()[1:]} >= {"credentials", "kafka-topics", "connectors"}

    def job() -> str:
        found = cluster.items("jobs", namespace, "app.kubernetes.io/component=kafka-topics")
        return str(found[0]["metadata"]["uid"]) if found else ""

    before = job()
    terminal.run(again)
    cluster.until(lambda: job() not in {"", before})


def _growing(terminal: Terminal, namespace: str) -> None:
    cluster = terminal.cluster
    text = dump.dump(platform(storage={"kafka": "30Gi"}))
    (terminal.folder / "app.yaml").write_text(text)
    pod = cluster.get("pod", f"{NAME}-kafka-0", namespace)["metadata"]["uid"]
    (grow,) = pages.blocks(PAGE, "Grow a volume")
    terminal.run(grow)

    def grown() -> bool:
        found = cluster.get("statefulset", f"{NAME}-kafka", namespace)
        claims = found.get("spec", {}).get("volumeClaimTemplates", [{}])
        return bool(claims[0].get("spec", {}).get("resources", {}).get("requests", {}).get("storage") == "30Gi")

    cluster.until(grown, explain=lambda: cluster.explain(APP, namespace))
    cluster.running(APP, namespace)
    claim = cluster.get("persistentvolumeclaim", f"data-{NAME}-kafka-0", namespace)
    assert claim["spec"]["resources"]["requests"]["storage"] == "30Gi"
    assert cluster.get("pod", f"{NAME}-kafka-0", namespace)["metadata"]["uid"] == pod
