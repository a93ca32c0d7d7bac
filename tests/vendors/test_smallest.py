"""The smallest platform: four lines, PostgreSQL, Metabase, Karapace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pods.running import PATIENCE
from tests.vendors import metrics, platforms, using

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.vendors.report import Report
    from tests.vendors.using import Using

APPLICATION = "simple-setup"


@pytest.fixture(scope="module")
def orders(cluster: Cluster, report: Report) -> Iterator[Using]:
    with using.used(cluster, platforms.smallest(), ["orders"], report) as platform:
        yield platform


def test_every_pod_is_ready_without_a_restart(orders: Using) -> None:
    orders.healthy_without_a_restart()


def test_a_message_of_mqtt_is_a_record_of_kafka(orders: Using) -> None:
    orders.needs("mqtt", "bridge", "kafka")
    orders.publish("orders", "sensors/1/temperature", {"temperature": 21.5})
    orders.until(lambda: {"temperature": 21.5} in orders.records("orders", "mqtt"), "the record")


def test_the_registry_refuses_a_schema_that_is_not_compatible(orders: Using) -> None:
    orders.needs("schema-registry")
    orders.registry_refuses("orders")


def test_the_dashboard_and_lenses_let_in_whoever_has_the_secret(orders: Using) -> None:
    orders.needs("metabase", "lenses-hq")
    metabase = orders.here.secret("orders-metabase-secret")
    body = {"username": metabase["METABASE_USER"], "password": metabase["METABASE_PASSWORD"]}
    assert orders.call(f"{metabase['METABASE_URL']}/api/session", "POST", body)["id"]
    lenses = orders.here.secret("orders-lenses-secret")
    user = f"{lenses['LENSES_USER']}:{lenses['LENSES_PASSWORD']}"
    assert orders.call(f"{lenses['LENSES_URL']}/api/v1/environments", user=user)


def test_exporters_answer_what_alerts_ask_for(cluster: Cluster, orders: Using) -> None:
    with using.collector(cluster) as collector:
        cluster.until(
            lambda: not metrics.missing(collector, orders.here),
            PATIENCE,
            lambda: f"not answered: {metrics.missing(collector, orders.here)}",
        )


def test_deleted_it_leaves_its_volumes_only(cluster: Cluster, orders: Using) -> None:
    using.delete(cluster, orders, APPLICATION)
