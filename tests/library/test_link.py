"""How components are linked with a platform that is in none of their Applications: by its address."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vela_realtime import library
from vela_realtime.library import fixtures

LIBRARY = library.find()


def rendered(definition: str, **properties: Any) -> dict[str, Any]:
    """Return the objects of a component called p by their key in ``outputs``; the main one is ``output``."""
    case = fixtures.Case(definition, "inline", Path(__file__), 1, {"name": "p", **properties})
    result = fixtures.render_package(LIBRARY, definition, case, "component")
    assert not result.problems, result.problems
    return {key.removeprefix("outputs."): value for key, value in result.objects.items()}


def admitted(workload: dict[str, Any]) -> set[str]:
    """Return the components whose network policies let a workload's pods in."""
    labels = workload["spec"]["template"]["metadata"]["labels"]
    return {key.removeprefix("client.vela-realtime.dev/") for key in labels if key.startswith("client.")}


@pytest.mark.parametrize(
    ("servers", "names"),
    [
        ("core-kafka.streaming.svc.cluster.local:9092", {"core"}),
        ("core-kafka:9092", {"core"}),
        ("core-kafka-0.core-kafka-headless.streaming:9092,core-kafka-1.core-kafka-headless.streaming:9092", {"core"}),
        ("a-kafka.x:9092,b-kafka-kafka.y:9092", {"a", "b-kafka"}),
        ("kafka.example.com:9094", set()),
        ("-kafka.x:9092", set()),
        ("1-kafka.x:9092", set()),
        ("core-kafkas.x:9092", set()),
    ],
)
def test_an_address_in_the_cluster_says_whose_policies_must_admit_the_pods(servers: str, names: set[str]) -> None:
    objects = rendered("iot-broker", connector={}, kafka={"bootstrapServers": servers})
    assert admitted(objects["bridge"]) == admitted(objects["kafka-topics"]) == names


def test_so_does_the_address_of_lenses() -> None:
    objects = rendered(
        "stream-processor",
        topics={"input": ["a"]},
        kafka={"bootstrapServers": "core-kafka.streaming:9092"},
        lenses={"url": "http://hub-lenses-hq.lenses.svc:9991", "secretRef": "robot", "environment": "core"},
    )
    assert admitted(objects["output"]) == admitted(objects["processors"]) == {"core", "hub"}
    assert admitted(objects["kafka-topics"]) == {"core"}


def test_a_lenses_of_its_own_may_use_a_kafka_by_its_address() -> None:
    objects = rendered("stream-processor", kafka={"bootstrapServers": "core-kafka.streaming:9092"})
    assert admitted(objects["lenses-agent"]) == {"core"}


def worker(objects: dict[str, Any]) -> dict[str, str]:
    """Return what tells a component's Connect cluster from others on the same Kafka."""
    lines = objects["connect-config"]["data"]["connect-distributed.properties"].splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    return {key: value for key, value in settings.items() if key == "group.id" or key.endswith("storage.topic")}


def cluster(group: str) -> dict[str, str]:
    topics = {f"{kind}.storage.topic": f"_{group}-{name}" for kind, name in STORAGE.items()}
    return {"group.id": group, **topics}


STORAGE = {"config": "configs", "offset": "offsets", "status": "status"}

ADDRESS = {"bootstrapServers": "kafka.example.com:9092"}


@pytest.mark.parametrize(
    ("definition", "properties", "group"),
    [
        ("analytics-dashboard", {"platform": "core"}, "p-dashboard-connect"),
        (
            "analytics-dashboard",
            {"kafka": ADDRESS, "dataSources": [{"name": "k", "type": "kafka"}]},
            "default.p-dashboard-connect",
        ),
    ],
)
def test_components_of_one_name_are_two_connect_clusters(definition: str, properties: Any, group: str) -> None:
    """On a Kafka that is given by its address there may be those of other namespaces."""
    assert worker(rendered(definition, **properties)) == cluster(group)


@pytest.mark.parametrize(("link", "group"), [({"platform": "core"}, None), ({"kafka": ADDRESS}, "default.connect-")])
def test_sinks_of_one_name_read_for_themselves(link: Any, group: str | None) -> None:
    fields = {"name": "t", "fields": {"x": "number"}}
    source = {"name": "k", "type": "kafka", "topics": [{"name": "a"}, fields]}
    files = rendered("analytics-dashboard", **link, dataSources=[source])["connectors-config"]["data"]
    connectors = {
        name.removesuffix(".json"): json.loads(text) for name, text in files.items() if name.endswith(".json")
    }
    assert len(connectors) == 2
    for name, config in connectors.items():
        assert config.get("consumer.override.group.id") == (group and group + name)
