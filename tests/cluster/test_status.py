"""A platform's status line says what it waits for at each stage; it is healthy only when nothing is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cluster.checks import application

if TYPE_CHECKING:
    from tests.hermetic import Cluster

PLATFORM = application("app", {"name": "streams", "type": "realtime-platform", "properties": {"name": "core"}})

STAGES = {
    "credentials,postgres": ["credentials done", "postgres 1/1"],
    "kafka,kafka-exporter,schema-registry,postgres-databases": [
        "kafka 1/1",
        "kafka-exporter 1/1",
        "schema-registry 1/1",
        "postgres-databases done",
    ],
    "connect,mqtt,lenses-hq,metabase,kafka-topics": [
        "connect 1/1",
        "mqtt 1/1",
        "lenses-hq 1/1",
        "metabase 1/1",
        "topics done",
    ],
    "connectors,lenses-agent,lenses-environment": ["connectors done", "lenses-agent 1/1", "lenses-environment done"],
    "metabase-setup": ["metabase-setup done"],
}
"""The parts that become ready together, and what the status line says of them from then on."""


def test_a_platform_comes_up_part_by_part(cluster: Cluster, held: str) -> None:
    missing = {text for texts in STAGES.values() for text in texts}

    def said() -> set[str]:
        return set(cluster.messages("app", held).get("streams", "").split(", "))

    def explain() -> str:
        return cluster.explain("app", held)

    cluster.apply(PLATFORM, namespace=held)
    cluster.until(lambda: len(cluster.items("pods", held)) == len(missing), explain=explain)
    first = cluster.until(lambda: said() - {""}, explain=explain)
    assert {text.split()[0] for text in first} == {text.split()[0] for text in missing}
    assert not first & missing

    for parts, texts in STAGES.items():
        assert cluster.phase("app", held) != "running"
        cluster.then(held, "ready", f"app.kubernetes.io/component in ({parts})")
        missing -= set(texts)
        cluster.until(lambda texts=texts: set(texts) <= said(), explain=explain)  # type: ignore[misc]
        assert not said() & missing

    cluster.running("app", held)


def test_a_platform_on_somebody_elses_kafka_is_healthy_without_one(cluster: Cluster, namespace: str) -> None:
    external = {"bootstrapServers": "kafka.example.com:9092"}
    properties = {"name": "core", "kafkaConfig": {"external": external}}
    app = application("foreign", {"name": "streams", "type": "realtime-platform", "properties": properties})
    cluster.apply(app, namespace=namespace)
    cluster.running("foreign", namespace)
    said = cluster.messages("foreign", namespace)["streams"].split(", ")
    assert "connect 1/1" in said
    assert "kafka 1/1" not in said
    # The main object is the Secret of clients, and what others add to it stays.
    cluster.kubectl(
        "patch",
        "secret",
        "core-kafka-secret",
        f"--namespace={namespace}",
        "--patch",
        '{"stringData": {"added": "stays"}}',
    )
    properties["visualization"] = "grafana"
    cluster.apply(app, namespace=namespace)
    cluster.until(lambda: "grafana 1/1" in cluster.messages("foreign", namespace)["streams"])
    cluster.running("foreign", namespace)
    data = cluster.get("secret", "core-kafka-secret", namespace)["data"]
    assert {"KAFKA_BOOTSTRAP_SERVERS", "KAFKA_SCHEMA_REGISTRY_URL", "added"} == set(data)
