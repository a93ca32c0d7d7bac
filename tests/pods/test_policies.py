"""The policies of the smallest platform in force: parts reach what they need, and without any one edge do not.

Each end of an edge is a pod with the labels of the part, the client or the collector that it stands for. What is
dialled is read from the parts' settings (``tests/support/edges.py``), not from the policies. That the platform itself
comes up while they are in force is seen in ``test_platform.py``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.hermetic.control_plane import SERVICE_ADDRESS
from tests.pods import running
from tests.pods.images import names, store
from tests.support import edges
from tests.support.edges import Edge, Need

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.hermetic import Cluster
    from tests.pods.running import Running

MONITORING = "monitoring"
STRANGER = "stranger"

TIMED_OUT = 28
"""curl's exit code when nobody answers. Nobody listens on a pod here: a connection that is let through is refused."""


class Ends:
    """A pod for each end of an edge."""

    def __init__(self, here: Running, rendered: dict[str, dict[str, object]]) -> None:
        self.here = here
        self.watcher = running.Running(here.cluster, MONITORING)
        self.needed = edges.needed(rendered)
        self.policies = edges.policies(rendered)
        self.opened = edges.opened(rendered)
        ends = {end for edge in self.opened for end in (edge.source, edge.target)} - {"outside", "anyone"}
        pods = {STRANGER: edges.labels(rendered, STRANGER), **{end: edges.labels(rendered, end) for end in ends}}
        pods |= {_source(edge): pods[edge.source] for edge in self.opened}
        for name, labels in pods.items():
            pod = running.waiting_pod(name, names.reference("helper"), 100, labels)
            here.cluster.apply(pod, namespace=self._where(name).namespace)
        self.here.cluster.until(lambda: all(self._ready(name) for name in pods), running.PATIENCE)
        self.put(self.policies)

    def _where(self, end: str) -> Running:
        return self.watcher if end == "monitoring" else self.here

    def _ready(self, end: str) -> bool:
        return running.is_ready(self.here.cluster.get("pod", end, self._where(end).namespace))

    def put(self, policies: Sequence[dict[str, object]]) -> None:
        """Put policies in force; the next packets are judged by them."""
        self.here.cluster.apply(*policies, namespace=self.here.namespace)

    def closed(self, needs: Sequence[Need]) -> list[Need]:
        """Return the connections that are not let through."""
        with ThreadPoolExecutor(4) as pool:
            return [need for need, open_ in zip(needs, pool.map(self._is_open, needs), strict=True) if not open_]

    def become_closed(self, needs: Sequence[Need]) -> bool:
        """Tell whether none of these is let through, once the policies that were put in force are."""
        try:
            self.here.cluster.until(lambda: self.closed(needs) == needs, 60)
        except running.ClusterError:
            return False
        return True

    def _is_open(self, need: Need) -> bool:
        if need.target == "outside":
            address = f"{SERVICE_ADDRESS}:443"  # the Service, behind which is the server's own port
        else:
            pod = self.here.cluster.get("pod", need.target, self.here.namespace)
            address = f"{pod['status']['podIP']}:{need.port}"
        curl = ["curl", "--silent", "--output", "/dev/null", "--connect-timeout", "4", f"http://{address}"]
        return self._where(need.source).execute(_source(need), *curl, check=False).returncode != TIMED_OUT


def _source(connection: Edge | Need) -> str:
    """Return the pod from which one dials: another one of the part where that dials itself."""
    return f"{connection.source}-2" if connection.source == connection.target else connection.source


@pytest.fixture(scope="module")
def ends(real_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ends]:
    store.give(real_cluster, "helper")
    rendered = edges.objects(tmp_path_factory.mktemp("library"))
    with running.namespace(real_cluster) as here, real_cluster.only_here(MONITORING):
        yield Ends(here, rendered)


def test_what_is_needed_is_let_through(ends: Ends) -> None:
    ends.here.cluster.until(
        lambda: not ends.closed(ends.needed), running.PATIENCE, lambda: str(ends.closed(ends.needed))
    )


def test_a_stranger_reaches_nothing(ends: Ends) -> None:
    tried = sorted(
        {Need(STRANGER, need.target, need.port, "") for need in ends.needed if need.target != "outside"}, key=str
    )
    assert ends.closed(tried) == tried


def test_a_part_reaches_nothing_that_no_edge_names(ends: Ends) -> None:
    tried = [
        Need("kafka", "postgres", 5432, ""),
        Need("mqtt", "kafka", 9092, ""),
        Need("postgres", "outside", 6443, ""),
    ]
    assert ends.closed(tried) == tried


def test_without_any_one_edge_something_is_not_reached(ends: Ends, tmp_path: Path) -> None:
    """Each edge is taken out of the definition, and what is rendered then is put in force."""
    unnoticed: list[Edge] = []
    others_closed: dict[str, list[Need]] = {}
    tried = [edge for edge in ends.opened if any(edge.covers(need) for need in ends.needed)]
    for number, edge in enumerate(tried):
        ends.put(edges.policies(edges.objects(tmp_path / str(number), without=edge)))
        if not ends.become_closed([need for need in ends.needed if edge.covers(need)]):
            unnoticed.append(edge)
        other = tried[number - 1]
        if closed := ends.closed([need for need in ends.needed if other.covers(need)][:1]):
            others_closed[str(edge)] = closed
        ends.put(ends.policies)
    assert (unnoticed, others_closed) == ([], {})
    assert len(tried) > 30, "the smallest platform has more edges than these"
    ends.here.cluster.until(lambda: not ends.closed(ends.needed), running.PATIENCE)
