"""The cluster with a real node that these tests share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.hermetic import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def real_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a cluster whose node runs a pod when it was given all the pod's images."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # where the workers of a run meet
    with Cluster.start(folder=base / "cluster-real", real_node=True) as cluster:
        yield cluster
