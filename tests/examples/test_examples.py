"""Every example renders as it stands, on every KubeVela that we support, and shows what it says it shows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.applications import LIBRARY, by_component, container, definitions, environment
from tests.support.versions import VELA_VERSIONS
from vela_realtime.check.load import load
from vela_realtime.documents import application
from vela_realtime.files import read_text
from vela_realtime.kubevela import dryrun

# Two levels: whoever tries examples/service has a virtual environment there.
EXAMPLES = sorted([*LIBRARY.examples.glob("*.yaml"), *LIBRARY.examples.glob("*/*.yaml")])
NAMES = [path.relative_to(LIBRARY.examples).with_suffix("").as_posix() for path in EXAMPLES]
DELIVERIES = {"gitops/argocd", "gitops/flux"}
"""What brings an Application into a cluster, and is none itself."""

ALTERNATIVES = {"device-bridge"}
"""Applications that show another one's component with more to it."""

APPLICATIONS = [name for name in NAMES if name not in DELIVERIES]


def test_no_example_is_missing() -> None:
    wanted = {
        # the guide's own six
        *("simple-setup", "health-platform", "iot-sensors", "financial-trading", "shared-platform", "development"),
        # architecture patterns and deployment strategies
        *("all-in-one", "microservices", "multi-environment", "blue-green", "canary"),
        *("gitops/application", "gitops/argocd", "gitops/flux"),
        # integrations
        *("webservice-trait", "tls", "snowflake", "existing-secrets", "cross-namespace-client", "service/application"),
    }
    assert wanted <= set(NAMES)


def documents(name: str) -> list[application.Document]:
    loaded = load([str(LIBRARY.examples / f"{name}.yaml")])
    assert loaded.findings == []
    return loaded.applications


def outcomes(name: str, version: str | None = None) -> list[dryrun.Outcome]:
    """Render an example's Applications."""
    catalog = definitions(version)
    found = [dryrun.render(document, catalog, version=version) for document in documents(name)]
    assert [finding.message for outcome in found for finding in outcome.findings] == []
    return found


def objects(name: str) -> dict[str, dict[str, Any]]:
    """Return the objects of all of an example's Applications by component and key."""
    return {component: found for outcome in outcomes(name) for component, found in by_component(outcome).items()}


@pytest.mark.parametrize("version", VELA_VERSIONS)
@pytest.mark.parametrize("name", APPLICATIONS)
def test_renders(name: str, version: str) -> None:
    for outcome in outcomes(name, version):
        components = {item["name"] for item in outcome.document.data["spec"]["components"]}
        assert {item.component for item in outcome.objects} == components


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is_for(name: str) -> None:
    first = read_text(LIBRARY.examples / f"{name}.yaml").splitlines()[0]
    assert first.startswith("# "), "an example begins with what it is for"
    assert len(first) > 30


def test_all_can_live_in_one_namespace() -> None:
    applications = [document for name in APPLICATIONS for document in documents(name)]
    names = [document.name for document in applications]
    assert sorted(names) == sorted(set(names))
    instances = [
        (component["type"].partition("@")[0], component["properties"]["name"])
        for document in applications
        if document.name not in ALTERNATIVES
        for component in document.data["spec"]["components"]
        if component["type"].partition("@")[0] not in {"webservice", "worker"}
    ]
    assert sorted(instances) == sorted(set(instances))


@pytest.mark.parametrize("name", APPLICATIONS)
def test_images_have_a_version(name: str) -> None:
    for found in objects(name).values():
        for item in found.values():
            if item["kind"] in {"Deployment", "StatefulSet", "DaemonSet"}:
                image = container(item)["image"]
                assert ":" in image.rpartition("/")[2], image
                assert not image.endswith((":latest", ":main")), image


def test_deliveries_carry_what_is_there() -> None:
    for name in DELIVERIES:
        text = read_text(LIBRARY.examples / f"{name}.yaml")
        documents, findings = application.parse(name, text)
        assert findings == []
        kinds = {document.kind for document in documents}
        assert kinds <= {"Application", "GitRepository", "Kustomization", "Namespace"}
        assert not any(document.data["apiVersion"].startswith("core.oam.dev") for document in documents)
        assert "path: definitions" in text or "path: ./definitions" in text


# what single examples show


def test_environments_differ_by_policy() -> None:
    (outcome,) = outcomes("multi-environment")
    found = {
        topology: {
            key: item.object
            for item in outcome.objects
            if item.topology == topology
            for key in [(item.component, item.object["kind"], item.object["metadata"]["name"])]
        }
        for topology in ("to-staging", "to-production")
    }
    kafka = ("streaming", "StatefulSet", "orders-streaming-kafka")
    assert found["to-staging"][kafka]["spec"]["replicas"] == 1
    assert found["to-production"][kafka]["spec"]["replicas"] == 3
    orders = ("orders", "Deployment", "orders")
    assert found["to-production"][orders]["spec"]["replicas"] == 3
    assert "replicas" not in found["to-staging"][orders]["spec"]


def test_the_switch_of_blue_green_is_one_line() -> None:
    text = read_text(LIBRARY.examples / "blue-green.yaml")
    assert text.count("platform: blue-streaming") == 1
    found = environment(objects("blue-green")["storefront"]["output"])
    assert found["KAFKA_BOOTSTRAP_SERVERS"] == "blue-streaming-kafka-secret/KAFKA_BOOTSTRAP_SERVERS"


def test_the_canary_gets_a_tenth() -> None:
    spec = objects("canary")["green"]["traffic-split"]["spec"]
    assert [(item["name"], item["weight"]) for item in spec["rules"][0]["backendRefs"]] == [("blue", 90), ("green", 10)]
    assert {item["port"] for item in spec["rules"][0]["backendRefs"]} == {3000}


def test_microservices_find_one_another() -> None:
    found = environment(objects("microservices")["operations"]["output"])
    assert found["KAFKA_BOOTSTRAP_SERVERS"].startswith("core-streaming-kafka-secret/")
    assert found["MQTT_HOST"].startswith("device-network-iot-mqtt-secret/")
    assert not [source for source in found.values() if source.endswith("?")]


def test_a_client_elsewhere_needs_a_secret_for_passwords_alone() -> None:
    found = environment(objects("cross-namespace-client")["checkout"]["output"])
    assert {name: value for name, value in found.items() if "-secret/" in value} == {
        "MQTT_PASSWORD": "central-streaming-mqtt-secret/MQTT_PASSWORD"
    }
    assert found["MQTT_HOST"] == "central-streaming-mqtt.streaming.svc.cluster.local"


def test_the_platform_lets_that_client_in() -> None:
    found = objects("cross-namespace-client")
    labels = found["checkout"]["output"]["spec"]["template"]["metadata"]["labels"]
    peers = [
        peer
        for item in found["streaming"].values()
        if item["kind"] == "NetworkPolicy"
        for rule in item["spec"].get("ingress", [])
        for peer in rule.get("from", [])
    ]
    admitted = [peer for peer in peers if peer.get("namespaceSelector", {}).get("matchLabels") == {NAMESPACE: "shop"}]
    assert admitted
    assert all(peer["podSelector"]["matchLabels"].items() <= labels.items() for peer in admitted)


NAMESPACE = "kubernetes.io/metadata.name"


def test_secrets_of_the_teams_own_are_what_the_client_reads() -> None:
    found = environment(objects("existing-secrets")["reports"]["output"])
    assert found["MQTT_PASSWORD"] == "team-mqtt/MQTT_PASSWORD"  # noqa: S105
    assert found["DB_PASSWORD"] == "team-database/DB_PASSWORD"  # noqa: S105


def test_a_variable_of_the_components_own_wins() -> None:
    assert environment(objects("webservice-trait")["orders"]["output"])["KAFKA_AUTO_OFFSET_RESET"] == "none"
