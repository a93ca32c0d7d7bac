"""Kafka Connect really runs: connectors are registered, records become rows, and one that fails says why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.pods import running
from tests.pods.images import names, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.pods.running import Running

FIELDS = {"deviceId": "string", "temperature": "number", "count": "integer"}
TOPICS: list[dict[str, Any]] = [{"name": "telemetry", "fields": FIELDS}]


def _application(topics: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a platform that has a Kafka, and a dashboard that reads from it."""
    application = running.platform("stream", iot=False, kafkaConfig={"topics": ["telemetry", "words"], "partitions": 1})
    source = {"name": "events", "type": "kafka", "secretRef": "stream-kafka-secret", "topics": topics}
    dashboard = {"name": "board", "size": "small", "dashboardType": "grafana", "dataSources": [source]}
    component = {"name": "board", "type": "analytics-dashboard", "properties": dashboard}
    application["spec"]["components"].append(component)
    return application


class Board:
    """A dashboard whose data comes out of Kafka."""

    def __init__(self, here: Running) -> None:
        self.here = here
        # The platform has a Connect and a registration Job too, and no connector.
        self.own = here.of("board")
        here.apply(_application(TOPICS))
        here.running("stream")
        self.kafka = here.client("kafka-client", names.reference("kafka"), 1000, "stream")

    def produce(self, topic: str, *records: str) -> None:
        tool = "/opt/kafka/bin/kafka-console-producer.sh"
        command = [tool, "--bootstrap-server=stream-kafka:9092", f"--topic={topic}"]
        self.here.execute(self.kafka, *command, stdin="".join(f"{record}\n" for record in records))

    def rows(self, sql: str) -> list[str]:
        """Ask the dashboard's database, whose pod lets itself in without a password."""
        server = "board-dashboard-postgres-0"
        done = self.here.execute(
            server, "psql", "-XqtA", "-U", "postgres", "-d", "kafka_events", "-c", sql, check=False
        )
        return done.stdout.split("\n")[:-1]

    def connect(self, path: str) -> Any:
        """Ask the worker in its own pod: the policies admit nobody from elsewhere."""
        return json.loads(self.here.shell(self.own.pod("connect"), f"wget -qO- http://127.0.0.1:8083{path}"))

    def registration(self) -> str:
        (job,) = self.own.jobs("connectors")
        return str(job["metadata"]["name"])

    def register_again(self) -> str:
        """Delete the Job: KubeVela brings it back. Return its name once it is another."""
        name = self.registration()
        uid = self.here.cluster.get("job", name, self.here.namespace)["metadata"]["uid"]
        self.here.cluster.delete("job", name, self.here.namespace)

        def another() -> bool:
            job = self.here.cluster.get("job", name, self.here.namespace)
            return bool(job) and job["metadata"]["uid"] != uid

        self.here.cluster.until(another, running.PATIENCE)
        return name


@pytest.fixture(scope="module")
def board(platform_cluster: Cluster) -> Iterator[Board]:
    store.give(platform_cluster, "jdbc-sink")
    with running.namespace(platform_cluster) as here:
        yield Board(here)


def test_the_worker_and_its_connectors_come_up(board: Board) -> None:
    # The platform's own worker has no connector, and starts all the same.
    workers = board.here.pods("connect", real=True)
    assert {pod["metadata"]["name"].rsplit("-", 2)[0] for pod in workers} == {
        "stream-connect",
        "board-dashboard-connect",
    }
    assert all(running.is_ready(worker) for worker in workers)
    assert board.connect("/health")["status"] == "healthy"
    names_of_connectors = board.connect("/connectors")
    assert names_of_connectors == ["board.events.telemetry"]
    status = board.connect("/connectors/board.events.telemetry/status")
    assert status["connector"]["state"] == "RUNNING"
    assert {task["state"] for task in status["tasks"]} == {"RUNNING"}
    # Its configuration names the password, and does not show it.
    config = board.connect("/connectors/board.events.telemetry")["config"]
    assert config["connection.password"] == "${dir:/etc/connect/secrets:events}"
    assert "made" in board.own.logs("connectors")


def test_records_become_rows(board: Board) -> None:
    record = {"deviceId": "d-1", "temperature": 21.5, "count": 3}
    board.produce("telemetry", json.dumps(record))
    query = 'SELECT "deviceId", temperature, count FROM telemetry ORDER BY count'
    board.here.cluster.until(
        lambda: board.rows(query) == ["d-1|21.5|3"], running.PATIENCE, lambda: str(board.rows(query))
    )
    # What cannot be read does not stop the others.
    board.produce("telemetry", "no JSON at all", json.dumps({**record, "count": 4}))
    wanted = ["d-1|21.5|3", "d-1|21.5|4"]
    board.here.cluster.until(lambda: board.rows(query) == wanted, running.PATIENCE, lambda: str(board.rows(query)))
    readings = "SELECT count(*) FROM readings WHERE device = 'd-1' AND measurement = 'temperature'"
    assert board.rows(readings) == ["2"]


def test_registered_again_nothing_changes(board: Board) -> None:
    board.register_again()
    board.own.job("connectors")
    said = board.own.logs("connectors")
    assert "board.events.telemetry: configured" in said
    assert "board.events.telemetry: runs" in said


def test_a_connector_that_fails_says_why(board: Board) -> None:
    def alter(what: str) -> None:
        server = "board-dashboard-postgres-0"
        board.here.execute(server, "psql", "-U", "postgres", "-c", f'ALTER ROLE "kafka_events" {what}')

    alter("NOLOGIN")
    worker = "deployment/board-dashboard-connect"
    board.here.cluster.kubectl("rollout", "restart", worker, board.here.inside)
    patience = f"--timeout={running.PATIENCE}s"
    board.here.cluster.kubectl("rollout", "status", worker, board.here.inside, patience, timeout=running.PATIENCE + 10)
    board.register_again()
    # As the connector puts it; the worker's own log has PostgreSQL's words.
    reason = "Unable to determine Dialect without JDBC metadata"
    board.here.cluster.until(
        lambda: reason in board.own.logs("connectors"), running.PATIENCE, lambda: board.own.logs("connectors")
    )

    def unhealthy() -> bool:
        return "connectors running" in board.here.cluster.messages("stream", board.here.namespace)["board"]

    board.here.cluster.until(unhealthy, running.PATIENCE)
    assert "is not permitted to log in" in board.own.logs("connect")
    alter("LOGIN")
    board.own.job("connectors")
    board.here.running("stream")


def test_a_changed_connector_is_registered(board: Board) -> None:
    changed: list[dict[str, Any]] = [{"name": "telemetry", "fields": {**FIELDS, "place": "string"}}, {"name": "words"}]
    before = board.registration()
    board.here.apply(_application(changed))
    board.here.cluster.until(
        lambda: [job for job in board.own.jobs("connectors") if job["metadata"]["name"] != before],
        running.PATIENCE,
    )
    board.here.running("stream")
    assert sorted(board.connect("/connectors")) == ["board.events", "board.events.telemetry"]
    board.produce("words", "just a word")
    board.produce("telemetry", json.dumps({"deviceId": "d-2", "count": 5, "place": "roof"}))
    texts = "SELECT convert_from(payload, 'UTF8') FROM messages"
    board.here.cluster.until(
        lambda: board.rows(texts) == ["just a word"], running.PATIENCE, lambda: str(board.rows(texts))
    )
    places = "SELECT place FROM telemetry WHERE count = 5"
    board.here.cluster.until(lambda: board.rows(places) == ["roof"], running.PATIENCE, lambda: str(board.rows(places)))
