"""Names that differ only behind a dash: whatever is named after two things belongs to those two and no others."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
import yaml

from tests.support import dashboards
from tests.support.applications import pod

KAFKA = "kafka:9092"
SOURCE = {"type": "kafka", "connectionString": KAFKA}


def board(name: str = "b", product: str = "grafana", **properties: Any) -> dict[str, Any]:
    return dashboards.render({"name": name, "dashboardType": product, **properties})


def connectors(objects: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return connector name to configuration."""
    data = objects["outputs.connectors-config"]["data"]
    return {name.removesuffix(".json"): json.loads(text) for name, text in data.items() if name.endswith(".json")}


@pytest.mark.parametrize("product", ["metabase", "grafana"])
def test_dashboards(product: str) -> None:
    """``sensors`` has a third panel, and an alert."""
    names = ["sensors", "sensors-2", "sensors-silent-devices", "collection", "dashboards"]
    made = [{"name": name, "template": "iot-sensors"} for name in names]
    channels = [{"type": "email", "config": {"recipients": ["ops@example.com"]}}]
    smtp = {"host": "mail", "port": 587, "from": "board@example.com"}
    objects = board(
        product=product,
        dataSources=[{"name": "a", **SOURCE}],
        dashboards=made,
        alerts={"enabled": True, "channels": channels},
        smtp=smtp,
    )
    shown = {question.board for question in dashboards.questions(objects) if not question.alert}
    assert shown == set(names)


def test_a_dashboard_of_the_users_own_is_called_like_the_folder_of_ours() -> None:
    objects = board(
        dataSources=[{"name": "a", **SOURCE}],
        dashboards=[{"name": "dashboards", "template": "configMap/mine"}, {"name": "x", "template": "iot-sensors"}],
    )
    template = pod(objects["output"])
    paths = [mount["mountPath"] for mount in template["containers"][0]["volumeMounts"]]
    assert len(paths) == len(set(paths))
    providers = yaml.safe_load(objects["outputs.grafana-config"]["data"]["provisioning.dashboards.providers.yaml"])[
        "providers"
    ]
    assert len({one["name"] for one in providers}) == len({one["options"]["path"] for one in providers}) == 2


def test_sources_and_topics() -> None:
    """``a`` with the topic ``b-c``, and ``a-b`` with the topic ``c``."""
    topics = {"a": ["b-c"], "a-b": ["c"], "a-b-c": []}
    sources = [
        {
            "name": name,
            **SOURCE,
            **({"topics": [{"name": t, "fields": {"v": "number"}} for t in found]} if found else {}),
        }
        for name, found in topics.items()
    ]
    found = connectors(board(dataSources=sources))
    assert {one.get("topics", "all") for one in found.values()} == {"b-c", "c", "all"}


def test_sinks_of_two_dashboards_never_share_their_messages() -> None:
    """Two of one name would be one group of consumers, each with half of the messages."""
    one = connectors(board("x", dataSources=[{"name": "a-b", **SOURCE}]))
    other = connectors(board("x-a", dataSources=[{"name": "b", **SOURCE}]))
    groups = [
        {config.get("consumer.override.group.id", f"connect-{name}") for name, config in it.items()}
        for it in (one, other)
    ]
    assert groups[0].isdisjoint(groups[1])


def test_a_source_called_like_another_ones_live_messages() -> None:
    long = "a" * 40
    sources = [{"name": name, "live": live, **SOURCE} for name, live in (("a", True), ("a-live", False), (long, True))]
    shown = dashboards.grafana_file(board(dataSources=sources), "datasources.sources.yaml")["datasources"]
    for key in ("uid", "name"):
        found = [one[key] for one in shown]
        assert len(found) == len(set(found)) == 5
    # Grafana keeps 40 characters of it.
    assert max(len(one["uid"]) for one in shown) <= 40


@pytest.mark.parametrize("name", ["postgres", "grafana", "postgres-monitor"])
def test_a_source_called_like_a_part_has_a_password_of_its_own(name: str) -> None:
    objects = board(dataSources=[{"name": name, **SOURCE}])
    job = pod(objects["outputs.postgres-databases"])
    (passwords,) = [volume["projected"]["sources"] for volume in job["volumes"] if "projected" in volume]
    found = [(one["secret"]["name"], item["key"]) for one in passwords for item in one["secret"]["items"]]
    assert len(found) == len(set(found)), found


def test_a_source_called_like_another_ones_addresses() -> None:
    sources = [{"name": name, "type": "kafka", "secretRef": f"{name}-kafka"} for name in ("a", "bootstrap-a")]
    worker = pod(board(dataSources=sources)["outputs.connect"])
    mounted = [
        (item["path"], one["secret"]["name"])
        for volume in worker["volumes"]
        for one in volume.get("projected", {}).get("sources", [])
        for item in one["secret"]["items"]
    ]
    assert len(mounted) == 4
    for (path, secret), (other, second) in itertools.combinations(mounted, 2):
        assert path != other, (secret, second)
