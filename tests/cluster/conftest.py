"""The clusters that the tests run on: one a version of KubeVela, started once and shared by all processes of a run.

With ``KUBECONFIG`` set, nothing is started, and the tests run on that cluster. With ``VELA_VERSION`` set, they run on
that version only.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.cluster.checks import install_definitions
from tests.hermetic.cluster import Cluster, foreign
from vela_realtime.toolchain import pins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHOSEN = "foreign" if os.environ.get("KUBECONFIG") else os.environ.get("VELA_VERSION")
VERSIONS = [CHOSEN] if CHOSEN else list(pins.VELA)


def pytest_report_header() -> str:
    """Say which cluster is worked with: it may be one that matters to somebody."""
    named = os.environ.get("KUBECONFIG")
    return f"cluster: the one of KUBECONFIG={named}" if named else "cluster: our own"


@pytest.fixture(scope="session")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Cluster]]:
    """Return what starts the cluster of a version when it is first asked for. All end with the session."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # where the workers of a run meet
    started: dict[str, Cluster] = {}
    with ExitStack() as running:

        def get(version: str) -> Cluster:
            if version not in started:
                if version == "foreign":
                    cluster = foreign()
                    assert cluster is not None
                else:
                    cluster = running.enter_context(Cluster.start(version, base / f"cluster-{version}"))
                started[version] = cluster
                install_definitions(cluster)
            return started[version]

        yield get


@pytest.fixture(params=VERSIONS)
def cluster(request: pytest.FixtureRequest, clusters: Callable[[str], Cluster]) -> Cluster:
    """Return a cluster with our definitions in ``vela-system``."""
    return clusters(request.param)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """Return a namespace of the test's own, in which pods must be restricted and become ready."""
    with cluster.namespace() as name:
        yield name


@pytest.fixture
def held(cluster: Cluster) -> Iterator[str]:
    """Return a namespace of the test's own, in which pods wait until the test says what becomes of them."""
    if not cluster.simulated:
        pytest.skip("pods can be held on simulated nodes only")
    with cluster.namespace(held=True) as name:
        yield name
