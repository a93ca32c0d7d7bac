"""The tutorial on a real KubeVela, as far as pods that are played go: its Application comes up, and goes again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml
from click.testing import CliRunner

from tests import ROOT
from vela_realtime.cli import cli

if TYPE_CHECKING:
    from tests.hermetic import Cluster

PAGE = (ROOT / "docs" / "tutorial.md").read_text()


def test_it_comes_up_and_goes_again(cluster: Cluster, namespace: str) -> None:
    (text,) = re.findall(r"^```yaml\n(# plant\.yaml\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    cluster.apply(yaml.safe_load(text), namespace=namespace)
    cluster.running("plant", namespace)
    options = ["--namespace", namespace, "--kubeconfig", str(cluster.kubeconfig)]

    def told() -> str:
        done = CliRunner().invoke(cli, ["explain", "plant", *options])
        return done.output if done.exit_code == 0 else ""

    said = re.search(r"It is done when it says `(.*?)`", PAGE)
    assert said
    assert cluster.until(told) == f"{said[1]}\n"
    cluster.delete("application", "plant", namespace)
    cluster.until(lambda: not cluster.items("statefulsets,deployments", namespace))
    for instance in ("plant", "plant-view"):
        selector = f"app.kubernetes.io/instance={instance}"
        cluster.kubectl("delete", "pvc", "--selector", selector, "--namespace", namespace)
    cluster.until(lambda: not cluster.items("persistentvolumeclaims", namespace))
