"""The cluster with a real node that these tests share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.cluster.checks import install_definitions
from tests.hermetic import Cluster
from tests.pods import diagnosis
from tests.pods.images import SMALLEST, store

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

CLUSTER = pytest.StashKey[Cluster]()

NEEDS_ROOT = "a real node needs root, on Linux"


@pytest.fixture(scope="session")
def real_cluster(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Return a cluster whose node runs a pod when it was given all the pod's images."""
    if os.geteuid() != 0:
        pytest.skip(NEEDS_ROOT)
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # where the workers of a run meet
    with Cluster.start(folder=base / "cluster-real", real_node=True) as cluster:
        request.session.stash[CLUSTER] = cluster
        yield cluster
        del request.session.stash[CLUSTER]


@pytest.fixture(scope="session")
def platform_cluster(real_cluster: Cluster) -> Cluster:
    """Return the cluster with our definitions, and with the images of the smallest platform."""
    install_definitions(real_cluster)
    store.give(real_cluster, *SMALLEST)
    return real_cluster


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what its cluster looks like."""
    report = yield
    if report.failed and (cluster := item.session.stash.get(CLUSTER, None)):
        report.sections.append(("the cluster, as the test left it", diagnosis.of(cluster)))
    return report
