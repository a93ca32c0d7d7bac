"""The network edges of the smallest platform are those that its parts need, no less and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import edges

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.edges import Edge, Need

FOR_APPLICATIONS = {
    "connect to schema-registry 8081",
    "connect to postgres 5432",
    "connect to mqtt 1883",
    "connect to outside 443",
}
"""Nothing of the smallest platform needs these: connectors that people add to its Connect do."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Edge], list[Need]]:
    rendered = edges.objects(tmp_path_factory.mktemp("library"))
    return edges.opened(rendered), edges.needed(rendered)


def test_what_is_needed_is_open(found: tuple[list[Edge], list[Need]]) -> None:
    opened, needed = found
    assert [need for need in needed if not any(edge.covers(need) for edge in opened)] == []


def test_what_is_open_is_needed(found: tuple[list[Edge], list[Need]]) -> None:
    opened, needed = found
    in_vain = {str(edge) for edge in opened if not any(edge.covers(need) for need in needed)}
    assert in_vain == FOR_APPLICATIONS


def test_an_edge_that_is_taken_out_is_missed(found: tuple[list[Edge], list[Need]], tmp_path: Path) -> None:
    opened, needed = found
    edge = next(edge for edge in opened if str(edge) == "kafka-topics to kafka 9092")
    left = edges.opened(edges.objects(tmp_path, without=edge))
    assert set(opened) - set(left) == {edge}
    missed = [need for need in needed if not any(other.covers(need) for other in left)]
    assert [(need.source, need.target, need.port) for need in missed] == [("kafka-topics", "kafka", 9092)]
