"""``doctor --cluster``: what a cluster's KubeVela may use, and whether platforms fit into it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from vela_realtime.kubevela import controller

if TYPE_CHECKING:
    from pathlib import Path

Rows = dict[str, tuple[str, str, str]]


def deployment(
    image: str = "oamdev/vela-core:v1.11.0",
    limits: dict[str, str] | None = None,
    args: tuple[str, ...] = (),
    env: dict[str, str] | None = None,
) -> dict[str, Any]:
    container = {
        "image": image,
        "args": list(args),
        "resources": {"limits": limits} if limits else {},
        "env": [{"name": name, "value": value} for name, value in (env or {}).items()],
    }
    metadata = {"name": "kubevela-vela-core", "namespace": "vela-system"}
    return {"metadata": metadata, "spec": {"template": {"spec": {"containers": [container]}}}}


def revision(name: str, length: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": "x" * length}


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that examines a cluster with these Deployments and revisions."""

    def examine(deployments: list[Any], revisions: list[Any] | None = None) -> Rows:
        for kind, items in (("deployments", deployments), ("applicationrevisions.core.oam.dev", revisions or [])):
            (tmp_path / kind).write_text(json.dumps({"items": items}))
        kubectl = tmp_path / "kubectl"
        kubectl.write_text(f'#!/bin/sh\ncat "{tmp_path}/$2"\n')
        kubectl.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return {check.name: (check.state.value, check.detail, check.hint) for check in controller.examine()}

    return examine


CHART = {"cpu": "500m", "memory": "1Gi"}
SET = "kubectl set env deployment/kubevela-vela-core --namespace vela-system GOMEMLIMIT=717MiB"


@pytest.mark.parametrize(
    ("found", "memory"),
    [
        (
            deployment(limits=CHART),
            ("note", "1Gi: nothing to spare; 4 platforms at a time take about 1000Mi", SET),
        ),
        (
            deployment(limits=CHART, env={"GOMEMLIMIT": "700MiB"}),
            ("ok", "1Gi, GOMEMLIMIT=700MiB, 4 platforms at a time", ""),
        ),
        (
            deployment(limits=CHART, args=("--concurrent-reconciles=1",)),
            ("ok", "1Gi; 1 platform at a time take about 400Mi", ""),
        ),
        (
            deployment(limits={"memory": "512Mi"}, env={"GOMEMLIMIT": "400MiB"}),
            (
                "note",
                "512Mi: the kernel ends it while platforms are applied; 4 platforms at a time take about 1000Mi",
                "give it 1Gi or more, and seven tenths of that as GOMEMLIMIT",
            ),
        ),
        (
            deployment(limits={"memory": "4Gi"}, args=("--concurrent-reconciles=20",)),
            (
                "note",
                "4Gi: nothing to spare; 20 platforms at a time take about 4.102Gi",
                "kubectl set env deployment/kubevela-vela-core --namespace vela-system GOMEMLIMIT=2867MiB",
            ),
        ),
        (deployment(), ("ok", "no limit; 4 platforms at a time take about 1000Mi", "")),
    ],
)
def test_how_many_platforms_its_memory_holds(examined: Any, found: Any, memory: tuple[str, str, str]) -> None:
    assert examined([found])["memory"] == memory


@pytest.mark.parametrize(
    ("limits", "state"), [(CHART, "note"), ({"cpu": "2"}, "ok"), ({"cpu": "1000m"}, "ok"), (None, "ok")]
)
def test_half_a_processor_is_slow(examined: Any, limits: Any, state: str) -> None:
    assert examined([deployment(limits=limits)])["processors"][0] == state


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("oamdev/vela-core:v1.11.0", ("ok", "1.11.0: vela-system/kubevela-vela-core", "")),
        (
            "registry.example:5000/vela-core:v1.10.8@sha256:00",
            ("ok", "1.10.8: vela-system/kubevela-vela-core", ""),
        ),
        (
            "registry.example:5000/vela-core:v1.9.13",
            (
                "note",
                "1.9.13: vela-system/kubevela-vela-core; the definitions are tried with 1.11.0, 1.10.8",
                "try them on a test cluster first",
            ),
        ),
    ],
)
def test_a_version_that_the_definitions_are_not_tried_with_is_told(examined: Any, image: str, said: Any) -> None:
    assert examined([deployment(image)])["KubeVela"] == said


def test_what_is_stored_of_applications(examined: Any) -> None:
    small, large = revision("a-v1", 1000), revision("b-v2", 900_000)
    assert examined([deployment()])["revisions"] == ("ok", "no Application is stored yet", "")
    assert examined([deployment()], [small])["revisions"][0] == "ok"
    assert examined([deployment()], [small, large])["revisions"] == (
        "note",
        "2 of Applications, 880Ki; the largest, shop/b-v2, 879Ki of the 1.5Mi that etcd takes",
        "let KubeVela compress them: the chart's featureGates.zstdApplicationRevision=true",
    )


def test_a_cluster_without_kubevela(examined: Any) -> None:
    assert examined([]) == {
        "KubeVela": (
            "missing",
            "there is no KubeVela on the cluster",
            "see https://kubevela.io/docs/installation/kubernetes",
        )
    }


def test_a_cluster_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\necho refused >&2\nexit 1\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (check,) = controller.examine()
    assert (check.state.value, check.detail) == ("error", "kubectl cannot read the cluster's deployments: refused")
    assert check.hint == "look at kubectl config current-context"
