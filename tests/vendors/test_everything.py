"""Everything on: MySQL, Grafana, Confluent's registry, Java's metrics, two dashboards on Kafka, a stream processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.pods.running import PATIENCE
from tests.vendors import metrics, platforms, using

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.vendors.report import Report
    from tests.vendors.using import Using

MESSAGE = {"deviceId": "oven-1", "temperature": 91.5}
TABLE = "SELECT temperature FROM telemetry WHERE \"deviceId\" = 'oven-1'"
COMPONENTS = ["plant", "metabase", "grafana", "analytics"]


@pytest.fixture(scope="module")
def plant(cluster: Cluster, report: Report) -> Iterator[Using]:
    with using.used(cluster, platforms.everything(), COMPONENTS, report) as platform:
        yield platform


def test_every_pod_is_ready_without_a_restart(plant: Using) -> None:
    plant.healthy_without_a_restart()


def test_a_message_of_mqtt_is_a_record_of_kafka(plant: Using) -> None:
    plant.needs("mqtt", "bridge", "kafka")
    plant.publish("plant", "sensors/oven-1", MESSAGE)
    plant.until(lambda: MESSAGE in plant.records("plant", platforms.TOPIC), "the record")


@pytest.mark.parametrize("board", ["metabase", "grafana"])
def test_a_record_of_kafka_is_a_row(plant: Using, board: str) -> None:
    own = plant.of(board)
    own.needs("postgres", "connect", "connectors")
    plant.needs("kafka")
    plant.produce("plant", platforms.TOPIC, MESSAGE)
    server = f"{board}-dashboard-postgres-0"
    psql = ["psql", "-XqtA", "-U", "postgres", "-d", "kafka_plant", "-c", TABLE]
    plant.until(lambda: "91.5" in plant.here.execute(server, *psql, check=False).stdout.split(), "the row")


def test_a_row_is_in_a_question_of_metabase(plant: Using) -> None:
    plant.needs("metabase")
    secret = plant.here.secret("metabase-dashboard-metabase-secret")
    url = secret["METABASE_URL"]
    body = {"username": secret["METABASE_USER"], "password": secret["METABASE_PASSWORD"]}
    session = plant.call(f"{url}/api/session", "POST", body)["id"]
    cards = plant.call(f"{url}/api/card", X_Metabase_Session=session)
    latest = next(card["id"] for card in cards if card["name"] == "Latest readings")

    def rows() -> list[Any]:
        answer = plant.call(f"{url}/api/card/{latest}/query/json", "POST", {}, X_Metabase_Session=session)
        return [row for row in answer if "oven-1" in row.values()]

    plant.until(rows, "the row in the question")
    for card in cards:
        answer = plant.call(f"{url}/api/card/{card['id']}/query", "POST", {}, X_Metabase_Session=session)
        assert answer["status"] == "completed", (card["name"], answer.get("error"))


def test_a_row_is_in_a_panel_of_grafana(plant: Using) -> None:
    plant.needs("grafana")
    secret = plant.here.secret("grafana-dashboard-grafana-secret")
    url, user = secret["GRAFANA_URL"], f"{secret['GRAFANA_USER']}:{secret['GRAFANA_PASSWORD']}"
    boards = plant.call(f"{url}/api/search?type=dash-db", user=user)
    panels = [
        panel
        for board in boards
        for panel in plant.call(f"{url}/api/dashboards/uid/{board['uid']}", user=user)["dashboard"]["panels"]
        if panel.get("targets")
    ]
    assert panels

    def asked(panel: dict[str, Any]) -> dict[str, Any]:
        queries = [{"datasource": panel["datasource"], "intervalMs": 60000, **target} for target in panel["targets"]]
        body = {"queries": queries, "from": "now-1h", "to": "now"}
        found: dict[str, Any] = plant.call(f"{url}/api/ds/query", "POST", body, user)["results"]
        return found

    def seen() -> bool:
        return any("oven-1" in str(result) for panel in panels for result in asked(panel).values())

    plant.until(seen, "the row in a panel")
    for panel in panels:
        assert not [result["error"] for result in asked(panel).values() if "error" in result], panel["title"]


def test_a_processor_of_lenses_runs_and_is_removed(cluster: Cluster, plant: Using) -> None:
    plant.of("plant").needs("lenses-hq", "lenses-agent", "kafka")
    plant.of("analytics").needs("processors")
    plant.produce("plant", platforms.TOPIC, MESSAGE)
    plant.until(lambda: MESSAGE in plant.records("plant", "hot"), "the record of the processor")
    secret = plant.here.secret("plant-lenses-secret")
    user = f"{secret['LENSES_USER']}:{secret['LENSES_PASSWORD']}"
    (environment,) = plant.call(f"{secret['LENSES_URL']}/api/v1/environments", user=user)["items"]
    processors = f"{secret['LENSES_URL']}/api/v1/environments/{environment['name']}/proxy/api/v2/streams"
    assert len(plant.call(processors, user=user)["processors"]) == 1
    plant.here.apply(platforms.everything(processor=False))
    plant.until(lambda: plant.call(processors, user=user)["processors"] == [], "the removal of the processor")


def test_the_registry_refuses_a_schema_that_is_not_compatible(plant: Using) -> None:
    plant.of("plant").needs("schema-registry")
    plant.registry_refuses("plant")


def test_exporters_answer_what_alerts_ask_for(cluster: Cluster, plant: Using) -> None:
    with using.collector(cluster) as collector:
        cluster.until(
            lambda: not metrics.missing(collector, plant.here),
            PATIENCE,
            lambda: f"not answered: {metrics.missing(collector, plant.here)}",
        )


def test_deleted_it_leaves_its_volumes_only(cluster: Cluster, plant: Using) -> None:
    using.delete(cluster, plant, "everything")
