"""The webservice component: KubeVela's own in everything that KubeVela's own takes, and what is added to it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tests.support.applications import LIBRARY, container, environment, files, pod, render
from tests.support.versions import VELA_VERSIONS
from vela_realtime.library import fixtures

BUILTIN = [case for case in fixtures.load(LIBRARY, "webservice") if case.file.name == "builtin.yaml"]

# What KubeVela's own documents, in version 1.10 as in 1.11, with what is deprecated or hidden there.
PARAMETERS = {
    "addRevisionLabel",
    "annotations",
    "args",
    "cmd",
    "cpu",
    "env",
    "exposeType",
    "hostAliases",
    "image",
    "imagePullPolicy",
    "imagePullSecrets",
    "labels",
    "limit",
    "livenessProbe",
    "memory",
    "port",
    "ports",
    "readinessProbe",
    "volumeMounts",
    "volumes",
}


# Kubernetes refuses these, and ours is to leave that to Kubernetes, as KubeVela's own does.
ODD: dict[str, dict[str, Any]] = {
    "empty-probe": {"livenessProbe": {}},
    "two-kinds-of-probes-in-one": {"livenessProbe": {"exec": {"command": ["true"]}, "tcpSocket": {"port": 80}}},
    "deprecated-volume-mounted-twice": {
        "volumes": [{"name": "a", "type": "pvc", "claimName": "c", "mountPath": path} for path in ("/a", "/b")]
    },
    "value-beside-its-source": {
        "env": [{"name": "A", "value": "b", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    },
}
ALL = {case.name: case.properties for case in BUILTIN} | {
    name: {"image": "nginx", **properties} for name, properties in ODD.items()
}


def test_there_are_enough_cases_for_every_parameter() -> None:
    assert len(BUILTIN) >= 40
    assert {name for case in BUILTIN for name in case.properties} - {"imagee"} == PARAMETERS


def component(**properties: Any) -> dict[str, Any]:
    return {"name": "under-test", "type": "webservice", "properties": properties}


@cache
def all_cases(version: str, own: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Render all cases as components of one Application: KubeVela takes far longer to start than to render."""
    components = [{**component(**properties), "name": name} for name, properties in ALL.items()]
    return render(components, version, kubevelas_own=own)


@pytest.mark.parametrize("version", VELA_VERSIONS)
@pytest.mark.parametrize("name", ALL)
def test_renders_what_kubevelas_own_renders(name: str, version: str) -> None:
    assert all_cases(version, ())[name] == all_cases(version, ("webservice",))[name]


@pytest.mark.parametrize("version", VELA_VERSIONS)
@pytest.mark.parametrize(
    "properties",
    [
        {"image": "nginx", "livenessProbe": {"grpc": {"port": 80}}},
        {"image": "nginx", "labels": {"app.oam.dev/component": "other"}},
        {"image": "nginx", "env": [{"name": "A", "value": 1}]},
        {"image": "nginx", "cpu": 1},
        {"image": "nginx", "ports": [{"port": "80"}]},
        {"image": "nginx", "imagePullPolicy": "Sometimes"},
    ],
    ids=["probe-typo", "reserved-label", "env-number", "cpu-number", "port-text", "pull-policy"],
)
def test_refuses_what_kubevelas_own_refuses(properties: dict[str, Any], version: str) -> None:
    for own in (["webservice"], []):
        with pytest.raises(AssertionError):
            render([component(**properties)], version, kubevelas_own=own)


# what is added


def shop(**properties: Any) -> dict[str, Any]:
    """Render our webservice and return its Deployment."""
    output: dict[str, Any] = render([component(**properties)], kubevelas_own=[])["under-test"]["output"]
    return output


@pytest.mark.parametrize(
    ("properties", "image"),
    [
        ({}, "under-test:main"),
        ({"name": "orders"}, "orders:main"),
        ({"name": "orders", "version": "1.4.2"}, "orders:1.4.2"),
        (
            {"name": "orders", "version": "1.4.2", "imageRegistry": "registry.example.com/team"},
            "registry.example.com/team/orders:1.4.2",
        ),
        ({"name": "orders", "image": "nginx", "version": "1.4.2"}, "nginx"),
    ],
)
def test_image(properties: dict[str, Any], image: str) -> None:
    assert container(shop(**properties))["image"] == image


def test_a_name_is_a_label_and_renames_nothing() -> None:
    workload = shop(name="orders")
    assert workload["metadata"]["name"] == "under-test"
    assert container(workload)["name"] == "under-test"
    assert workload["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] == "orders"
    assert workload["spec"]["selector"]["matchLabels"] == {"app.oam.dev/component": "under-test"}


def test_a_label_of_the_users_own_wins_over_the_name() -> None:
    labels = shop(name="orders", labels={"app.kubernetes.io/name": "mine"})["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "mine"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            {"resources": {"cpu": "500m", "memory": "1Gi"}},
            {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        ),
        ({"resources": {"memory": "1Gi"}}, {"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}}),
        ({"resources": {"cpu": "500m"}}, {"requests": {"cpu": "500m"}}),
        (
            {"resources": {"cpu": "500m", "memory": "1Gi"}, "limit": {"cpu": "2", "memory": "2Gi"}},
            {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}},
        ),
        (
            {"resources": {"cpu": "500m"}, "memory": "1Gi"},
            {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        ),
    ],
)
def test_resources_in_short(properties: dict[str, Any], expected: dict[str, Any]) -> None:
    found = container(shop(image="nginx", **properties))["resources"]
    assert {key: value for key, value in found.items() if value} == expected


def test_environment_in_short() -> None:
    found = environment(shop(image="nginx", environment={"A": "1"}, env=[{"name": "B", "value": "2"}]))
    assert found == {"A": "1", "B": "2"}


def test_variables_of_the_services_own_win() -> None:
    properties = {"realtime": "core", "streaming": {"topics": ["orders"]}}
    mine = {"environment": {"KAFKA_TOPICS": "mine"}, "env": [{"name": "DB_HOST", "value": "elsewhere"}]}
    found = environment(shop(image="nginx", **properties, **mine))
    assert found["KAFKA_TOPICS"] == "mine"
    assert found["DB_HOST"] == "elsewhere"
    assert found["DB_PORT"] == "core-db-secret/DB_PORT?"


def test_the_framework_declares_its_port_and_no_service() -> None:
    objects = render([component(framework="express")], kubevelas_own=[])["under-test"]
    assert set(objects) == {"output"}
    assert container(objects["output"])["ports"] == [{"name": "http", "containerPort": 3000, "protocol": "TCP"}]


def test_ports_of_the_services_own_stay_alone() -> None:
    workload = shop(framework="express", ports=[{"port": 80, "containerPort": 8080}])
    assert [port["containerPort"] for port in container(workload)["ports"]] == [8080]
    assert container(workload)["readinessProbe"]["httpGet"]["port"] == 8080
    assert environment(workload)["PORT"] == "8080"


def test_volumes_of_the_services_own_stay() -> None:
    workload = shop(image="nginx", realtime="core", volumeMounts={"emptyDir": [{"name": "tmp", "mountPath": "/tmp"}]})
    found = files(workload)
    assert found.pop("/tmp") == "emptyDir"
    assert set(found) == {
        f"/etc/realtime/{name}" for name in ("kafka", "mqtt", "database", "metabase", "grafana", "lenses")
    }


def test_the_consumer_group_is_the_services_name() -> None:
    properties = {"image": "nginx", "realtime": "core", "streaming": {"topics": ["orders"]}}
    assert environment(shop(**properties))["KAFKA_CONSUMER_GROUP"] == "under-test"
    assert environment(shop(name="billing", **properties))["KAFKA_CONSUMER_GROUP"] == "billing"


PLATFORM = {"name": "streaming", "type": "realtime-platform", "properties": {"name": "core", "iot": False}}


@pytest.mark.parametrize("version", VELA_VERSIONS)
@pytest.mark.parametrize("siblings", [[], [PLATFORM]], ids=["elsewhere", "sibling"])
@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"framework": "fastapi", "language": "python"},
        {"websocket": True, "websocketPath": "/live"},
        {"streaming": {"topics": ["orders"], "autoOffsetReset": "earliest"}},
        {"networkPolicy": {"egress": True}},
        {"networkPolicy": {"egress": True}, "telemetry": {"endpoint": "http://collector:4317"}},
        {"framework": "springboot", "healthPath": "/up", "websocket": True, "streaming": {}},
    ],
    ids=["nothing-else", "framework", "websocket", "streaming", "egress", "telemetry", "several"],
)
def test_gives_what_the_trait_gives(properties: dict[str, Any], siblings: list[Any], version: str) -> None:
    """The trait on KubeVela's own webservice and our webservice have one source: a service sees no difference."""
    ports = {"image": "nginx", "ports": [{"port": 8081}]}
    by_property = render([component(realtime="core", **ports, **properties), *siblings], version, kubevelas_own=[])
    with_trait = component(**ports)
    with_trait["traits"] = [{"type": "realtime", "properties": {"platform": "core", **properties}}]
    by_trait = render([with_trait, *siblings], version, kubevelas_own=["webservice"])

    mine, its = by_property["under-test"], by_trait["under-test"]
    assert set(mine) == set(its)
    assert environment(mine["output"]) == environment(its["output"])
    assert files(mine["output"]) == files(its["output"])
    assert pod(mine["output"]) == pod(its["output"])
    assert mine["output"]["metadata"]["labels"] == its["output"]["metadata"]["labels"]
    assert mine["output"]["spec"]["template"]["metadata"] == its["output"]["spec"]["template"]["metadata"]
    for key in set(mine) - {"output"}:
        assert mine[key]["spec"] == its[key]["spec"]
        assert mine[key]["metadata"]["name"] == its[key]["metadata"]["name"]


@pytest.mark.parametrize("version", VELA_VERSIONS)
def test_a_second_platform_comes_by_the_trait(version: str) -> None:
    service = component(image="nginx", realtime="core")
    service["traits"] = [{"type": "realtime", "properties": {"platform": "cold", "prefix": "COLD", "parts": ["kafka"]}}]
    found = environment(render([service], version, kubevelas_own=[])["under-test"]["output"])
    assert found["KAFKA_BOOTSTRAP_SERVERS"] == "core-kafka-secret/KAFKA_BOOTSTRAP_SERVERS?"
    assert found["COLD_KAFKA_BOOTSTRAP_SERVERS"] == "cold-kafka-secret/KAFKA_BOOTSTRAP_SERVERS"


def test_objects_that_are_added_carry_the_recommended_labels() -> None:
    objects = render(
        [component(image="nginx", realtime="core", websocket=True, networkPolicy={"egress": True})], kubevelas_own=[]
    )["under-test"]
    added = {key: item for key, item in objects.items() if key != "output"}
    assert set(added) == {"websocket", "realtime-core-egress"}
    for item in added.values():
        labels = item["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "under-test"
        assert labels["app.kubernetes.io/part-of"] == "app"
        assert labels["app.kubernetes.io/managed-by"] == "kubevela"
        assert item["metadata"]["name"].startswith("under-test-")
