"""A dashboard reaches its data sources by the ports that they have, and by no other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import dashboards

KAFKA, DATABASE = "connect", "metabase"
EXTERNAL = {"host": "db.example.com", "port": 6432, "secretRef": "db", "database": "shop"}


def reached(part: str, source: dict[str, Any] | None, **context: Any) -> list[int]:
    """Return the ports of any address that a part may reach, but for those of DNS and of downloads."""
    properties = {"name": "board", **({"dataSources": [{"name": "shop", **source}]} if source else {})}
    objects = dashboards.render(properties, **context)
    rules = objects[f"outputs.network-{part}"]["spec"]["egress"]
    assert all(rule["ports"] for rule in rules)
    return sorted({entry["port"] for rule in rules if "to" not in rule for entry in rule["ports"]} - {443})


@pytest.mark.parametrize(
    ("part", "source", "ports"),
    [
        (DATABASE, {"type": "postgres", "secretRef": "shop-db"}, [5432]),
        (DATABASE, {"type": "mysql", "secretRef": "shop-db"}, [3306]),
        (DATABASE, {"type": "mysql", "secretRef": "shop-db", "port": 3307}, [3307]),
        (DATABASE, {"type": "mysql", "connectionString": "mysql://u:p@db:3308/shop"}, [3308]),
        (DATABASE, {"type": "mysql", "connectionString": "mysql://u:p@db/shop"}, [3306]),
        (KAFKA, {"type": "kafka", "secretRef": "core-kafka-secret"}, [9092]),
        (KAFKA, {"type": "kafka", "secretRef": "core-kafka-secret", "port": 9096}, [9096]),
        (KAFKA, {"type": "kafka", "connectionString": "kafka://a:9093,b:9094"}, [9093, 9094]),
    ],
)
def test_a_data_source_has_its_port(part: str, source: dict[str, Any], ports: list[int]) -> None:
    assert reached(part, source) == ports


def test_the_database_of_a_platform_has_the_port_that_the_platform_says() -> None:
    sibling = {"name": "streaming", "type": "realtime-platform", "properties": {"name": "core"}}
    assert reached(DATABASE, None, siblings=(sibling,)) == [5432]
    sibling["properties"] = {"name": "core", "databaseConfig": {"external": EXTERNAL}}
    assert reached(DATABASE, None, siblings=(sibling,)) == [6432]
