"""The user's guide works as written: each of its YAML blocks renders, on every KubeVela that we support."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.applications import LIBRARY, by_component, container, definitions, environment
from tests.support.versions import VELA_VERSIONS
from vela_realtime.check.load import load
from vela_realtime.kubevela import dryrun
from vela_realtime.library import together

BLOCKS = sorted((LIBRARY.fixtures / "guide").glob("*.yaml"))


def test_the_guides_examples_are_in_one_file_too() -> None:
    path = LIBRARY.root / "docs" / together.FILE
    loaded = load([str(path)])
    assert loaded.findings == []
    single = load([str(source) for source in together.sources(LIBRARY)])
    assert [document.data for document in loaded.applications] == [document.data for document in single.applications]
    assert len(together.NAMES) == 6
    text = path.read_text()
    for source in together.sources(LIBRARY):
        assert source.read_text().splitlines()[0] in text, "what an example is for is told there too"


def test_no_block_is_forgotten() -> None:
    assert [path.stem for path in BLOCKS] == [
        "analytics-dashboard-parameters",
        "authentication",
        "blue-green",
        "canary",
        "gitops",
        "iot-broker-parameters",
        "minimal-setup",
        "pattern-all-in-one",
        "pattern-microservices",
        "pattern-multi-environment",
        "realtime-platform-parameters",
        "stream-processor-parameters",
        "using-the-platform",
        "webservice-integration",
    ]


def rendered(block: str, version: str | None = None) -> dict[str, dict[str, Any]]:
    """Return a block's objects by component and key."""
    loaded = load([str(LIBRARY.fixtures / "guide" / f"{block}.yaml")])
    assert loaded.findings == []
    (document,) = loaded.applications
    outcome = dryrun.render(document, definitions(version), version=version)
    assert [finding.message for finding in outcome.findings] == []
    return by_component(outcome)


@pytest.mark.parametrize("version", VELA_VERSIONS)
@pytest.mark.parametrize("path", BLOCKS, ids=lambda path: path.stem)
def test_block_renders(path: Any, version: str) -> None:
    components = {item["name"] for item in load([str(path)]).applications[0].data["spec"]["components"]}
    objects = rendered(path.stem, version)
    assert set(objects) == components
    for name in components:
        assert objects[name]["output"]["kind"] in {"Deployment", "StatefulSet"}


def test_what_a_webservice_is_given() -> None:
    workload = rendered("webservice-integration")["my-app"]["output"]
    variables = environment(workload)
    expected = {
        "CUSTOM_CONFIG": "value",
        "KAFKA_TOPICS": "events,metrics",
        "KAFKA_CONSUMER_GROUP": "my-app-group",
        "WEBSOCKET_ENABLED": "true",
        "WEBSOCKET_PORT": "8080",
        "MQTT_PASSWORD": "my-platform-mqtt-secret/MQTT_PASSWORD?",
        "DB_PASSWORD": "my-platform-db-secret/DB_PASSWORD?",
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert workload["spec"]["template"]["metadata"]["labels"]["client.vela-realtime.dev/my-platform"] == "true"


def test_what_language_and_framework_mean() -> None:
    workload = rendered("using-the-platform")["my-service"]["output"]
    assert container(workload)["image"] == "my-realtime-service:main"
    assert container(workload)["ports"] == [{"name": "http", "containerPort": 8000, "protocol": "TCP"}]
    assert container(workload)["readinessProbe"]["httpGet"] == {"path": "/health", "port": 8000}
    assert environment(workload)["KAFKA_CONSUMER_GROUP"] == "my-realtime-service"


def test_the_canary() -> None:
    route = rendered("canary")["blue"]["traffic-split"]
    assert route["kind"] == "HTTPRoute"
    assert route["spec"]["rules"][0]["backendRefs"] == [
        {"name": "blue", "port": 8080, "weight": 90},
        {"name": "green", "port": 8080, "weight": 10},
    ]
