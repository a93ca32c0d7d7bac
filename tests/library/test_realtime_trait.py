"""The realtime trait: what a container is given, and that it lives with whatever else patches the workload."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from tests.support.applications import LIBRARY, container, environment, files, pod, render
from tests.support.versions import CUE_VERSIONS, VELA_VERSIONS
from vela_realtime.library import fixtures

PLATFORM = {"name": "streaming", "type": "realtime-platform", "properties": {"name": "core"}}
LABEL = "client.vela-realtime.dev/core"

KAFKA = ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_SCHEMA_REGISTRY_URL"]
MQTT = ["MQTT_HOST", "MQTT_PASSWORD", "MQTT_PORT", "MQTT_USER"]
DATABASE = ["DB_HOST", "DB_NAME", "DB_PASSWORD", "DB_PORT", "DB_USER"]
METABASE = ["METABASE_PASSWORD", "METABASE_URL", "METABASE_USER"]
GRAFANA = ["GRAFANA_PASSWORD", "GRAFANA_URL", "GRAFANA_USER"]
LENSES = ["LENSES_PASSWORD", "LENSES_URL", "LENSES_USER"]


def realtime(**properties: Any) -> dict[str, Any]:
    return {"type": "realtime", "properties": {"platform": "core", **properties}}


def service(*traits: dict[str, Any], kind: str = "webservice", **properties: Any) -> dict[str, Any]:
    return {
        "name": "shop",
        "type": kind,
        "properties": {"image": "example.com/shop:1", **properties},
        "traits": list(traits),
    }


def shop(*traits: dict[str, Any], version: str | None = None, **properties: Any) -> dict[str, Any]:
    """Render a webservice with traits and return its Deployment."""
    output: dict[str, Any] = render([service(*traits, **properties)], version)["shop"]["output"]
    return output


# what is injected


@pytest.mark.parametrize("version", VELA_VERSIONS)
@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ({}, KAFKA + MQTT + ["MQTT_QOS"] + DATABASE + METABASE + LENSES),
        ({"iot": False}, KAFKA + DATABASE + METABASE + LENSES),
        ({"visualization": "grafana"}, KAFKA + MQTT + ["MQTT_QOS"] + DATABASE + GRAFANA + LENSES),
        ({"iot": False, "visualization": "grafana", "database": "mysql"}, KAFKA + DATABASE + GRAFANA + LENSES),
        ({"iot": False, "visualization": "none"}, KAFKA + DATABASE + LENSES),
    ],
    ids=["defaults", "without-mqtt", "grafana", "mysql", "no-dashboard"],
)
def test_a_sibling_platform_gives_what_it_has(platform: dict[str, Any], expected: list[str], version: str) -> None:
    sibling = {**PLATFORM, "properties": {"name": "core", **platform}}
    found = environment(render([service(realtime()), sibling], version)["shop"]["output"])
    assert sorted(found) == sorted(expected)
    assert not [source for source in found.values() if source.endswith("?")], "a Secret that will come is waited for"


def test_a_platform_elsewhere_gives_what_turns_out_to_be_there() -> None:
    found = environment(shop(realtime()))
    assert sorted(found) == sorted(KAFKA + MQTT + DATABASE + METABASE + GRAFANA + LENSES)
    assert [source for source in found.values() if not source.endswith("?")] == []


ORDER = ["realtime-kafka", "realtime-mqtt", "realtime-database", "realtime-lenses"]
SECRETS = {"lenses": "l", "mqtt": "m", "kafka": "k", "database": "d"}


@pytest.mark.parametrize("version", VELA_VERSIONS)
def test_parts_that_have_secrets_of_the_users_are_in_one_order(version: str) -> None:
    workload = shop(realtime(secrets=SECRETS), version=version)
    assert [volume["name"] for volume in pod(workload)["volumes"]] == ORDER


@pytest.mark.parametrize("version", CUE_VERSIONS)
def test_that_order_is_the_same_where_cue_renders_by_itself(version: str) -> None:
    """A fixture is rendered by ``cue``: what it proves is what KubeVela makes."""
    case = next(case for case in fixtures.load(LIBRARY, "realtime") if case.valid)
    case = dataclasses.replace(
        case, properties={"platform": "core", "secrets": SECRETS, "networkPolicy": {"egress": True}}
    )
    result = fixtures.render_package(LIBRARY, "realtime", case, "trait", version)
    assert not result.problems
    patched = result.objects["patch"]["spec"]["template"]["spec"]
    assert [volume["name"] for volume in patched["volumes"]] == ORDER


def test_declared_parts_are_waited_for() -> None:
    workload = shop(realtime(parts=["kafka", "mqtt"]))
    assert environment(workload) == {
        "KAFKA_BOOTSTRAP_SERVERS": "core-kafka-secret/KAFKA_BOOTSTRAP_SERVERS",
        "KAFKA_SCHEMA_REGISTRY_URL": "core-kafka-secret/KAFKA_SCHEMA_REGISTRY_URL",
        "MQTT_HOST": "core-mqtt-secret/MQTT_HOST",
        "MQTT_PASSWORD": "core-mqtt-secret/MQTT_PASSWORD",
        "MQTT_PORT": "core-mqtt-secret/MQTT_PORT",
        "MQTT_USER": "core-mqtt-secret/MQTT_USER",
    }
    assert files(workload) == {"/etc/realtime/kafka": "core-kafka-secret", "/etc/realtime/mqtt": "core-mqtt-secret"}
    assert [volume["secret"].get("optional", False) for volume in pod(workload)["volumes"]] == [False, False]


def test_files_of_a_platform_elsewhere_are_optional_too() -> None:
    volumes = pod(shop(realtime()))["volumes"]
    assert len(volumes) == 6
    assert all(volume["secret"]["optional"] for volume in volumes)


def test_secrets_of_the_users_own() -> None:
    workload = shop(realtime(parts=["kafka"], secrets={"database": "team-database"}))
    assert environment(workload)["DB_PASSWORD"] == "team-database/DB_PASSWORD"  # noqa: S105
    assert files(workload)["/etc/realtime/database"] == "team-database"
    assert files(workload)["/etc/realtime/kafka"] == "core-kafka-secret"


def test_secrets_that_the_platforms_author_brings_need_hold_no_more_than_the_password() -> None:
    brought = {"mqtt": "team-mqtt", "db": "team-database"}
    sibling = {**PLATFORM, "properties": {"name": "core", "credentials": {"existingSecrets": brought}}}
    objects = render([service(realtime(parts=["mqtt", "database", "kafka"])), sibling])["shop"]
    found = environment(objects["output"])
    assert found["MQTT_PASSWORD"] == "team-mqtt/MQTT_PASSWORD"  # noqa: S105
    assert found["MQTT_HOST"] == "core-mqtt.default.svc.cluster.local"
    assert found["MQTT_USER"] == "realtime-user"
    assert found["DB_PASSWORD"] == "team-database/DB_PASSWORD"  # noqa: S105
    assert found["DB_NAME"] == "core"
    assert found["KAFKA_BOOTSTRAP_SERVERS"] == "core-kafka-secret/KAFKA_BOOTSTRAP_SERVERS"
    assert set(objects["realtime-core-addresses"]["data"]) == {
        *("MQTT_HOST", "MQTT_PORT", "MQTT_USER", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER")
    }


def mounted_keys(workload: dict[str, Any]) -> dict[str, list[str]]:
    """Return the keys of each Secret that is mounted."""
    volumes = [volume["secret"] for volume in pod(workload)["volumes"] if "secret" in volume]
    return {volume["secretName"]: [item["key"] for item in volume["items"]] for volume in volumes}


@pytest.mark.parametrize("version", VELA_VERSIONS)
def test_a_pod_waits_for_the_passwords_of_a_siblings_rotation(version: str) -> None:
    """It is started anew with them; its variables stay what they were."""
    before = render([service(realtime()), PLATFORM], version)["shop"]["output"]
    sibling = {**PLATFORM, "properties": {"name": "core", "credentials": {"rotation": 3}}}
    after = render([service(realtime()), sibling], version)["shop"]["output"]
    assert environment(after) == environment(before)
    keys = mounted_keys(before)
    for part in ("mqtt", "db", "metabase", "lenses"):
        keys[f"core-{part}-secret"].insert(0, ".rotation-3")
    assert mounted_keys(after) == keys


def test_a_pod_waits_for_those_of_a_broker_too() -> None:
    """Of one that lets anyone in there are none."""
    for authentication, waits in (({}, True), ({"authentication": {"enabled": False}}, False)):
        properties = {"name": "core", "credentials": {"rotation": 1}, **authentication}
        broker = {"name": "b", "type": "iot-broker", "properties": properties}
        keys = mounted_keys(render([service(realtime()), broker])["shop"]["output"])
        assert (".rotation-1" in keys["core-iot-mqtt-secret"]) is waits


def test_nobody_waits_for_what_is_not_rotated() -> None:
    """Of a Secret of the user's or of the platform's author, of a password that everybody knows, of another part."""
    properties = {
        "name": "core",
        "visualization": "grafana",
        "lensesConfig": {"defaultCredentials": True},
        "credentials": {"rotation": 1, "existingSecrets": {"mqtt": "team-mqtt"}},
    }
    trait = realtime(secrets={"database": "team-database"}, parts=["kafka", "mqtt", "grafana", "lenses"])
    keys = mounted_keys(render([service(trait), {**PLATFORM, "properties": properties}])["shop"]["output"])
    assert [name for name, found in keys.items() if ".rotation-1" in found] == ["core-grafana-secret"]
    properties["credentials"] = {"rotationOf": {"mqtt": 1}}
    keys = mounted_keys(render([service(realtime()), {**PLATFORM, "properties": properties}])["shop"]["output"])
    assert [name for name, found in keys.items() if ".rotation-1" in found] == ["core-mqtt-secret"]


def test_the_default_quality_of_service_is_the_platforms() -> None:
    for config, expected in (({}, "1"), ({"mqttConfig": {"qosLevel": 2}}, "2")):
        sibling = {**PLATFORM, "properties": {"name": "core", **config}}
        assert environment(render([service(realtime()), sibling])["shop"]["output"])["MQTT_QOS"] == expected
    assert "MQTT_QOS" not in environment(shop(realtime()))


def test_a_secret_of_the_services_own_has_its_user_too() -> None:
    trait = realtime(namespace="streaming", secrets={"database": "core-database-reader"})
    found = environment(shop(trait))
    assert found["DB_USER"] == "core-database-reader/DB_USER"
    assert found["DB_HOST"] == "core-postgres.streaming.svc.cluster.local"


def test_a_long_platform_name_is_cut_as_the_platform_cuts_it() -> None:
    name = "a23456789-b23456789-c23456789-d23456789-e23456789-f23456789-g23"
    objects = render([service(realtime(platform=name, namespace="far", parts=["database", "lenses"]))])
    found = environment(objects["shop"]["output"])
    # A Secret's name may have 253 characters, a Service's 63.
    assert found["DB_PASSWORD"] == f"{name}-db-secret/DB_PASSWORD"
    host = found["DB_HOST"].partition(".")[0]
    assert len(host) == 63
    assert host.startswith("a23456789-")
    assert host.endswith("-postgres")


@pytest.mark.parametrize("version", VELA_VERSIONS)
def test_a_broker(version: str) -> None:
    broker = {"name": "b", "type": "iot-broker", "properties": {"name": "core", "connector": {}}}
    found = environment(render([service(realtime()), broker], version)["shop"]["output"])
    secrets = {name: source.partition("/")[0] for name, source in found.items()}
    assert secrets == {
        "KAFKA_BOOTSTRAP_SERVERS": "core-kafka-secret",
        **dict.fromkeys([*MQTT, "MQTT_WEBSOCKET_PORT"], "core-iot-mqtt-secret"),
    }


def test_a_brokers_secret_of_the_users_own_has_the_keys_that_the_parameter_names() -> None:
    broker = {"name": "b", "type": "iot-broker", "properties": {"name": "core"}}
    trait = realtime(parts=["mqtt"], secrets={"mqtt": "team-mqtt"})
    found = environment(render([service(trait), broker])["shop"]["output"])
    assert found == {**{key: f"team-mqtt/{key}" for key in MQTT}, "MQTT_WEBSOCKET_PORT": "9001"}


def test_a_broker_without_a_login_gives_no_password() -> None:
    broker = {"name": "b", "type": "iot-broker", "properties": {"name": "core", "authentication": {"enabled": False}}}
    found = environment(render([service(realtime()), broker])["shop"]["output"])
    assert sorted(found) == ["MQTT_HOST", "MQTT_PORT", "MQTT_WEBSOCKET_PORT"]


def test_consumer_settings() -> None:
    assert environment(shop(realtime(parts=["kafka"], streaming={"topics": ["orders", "payments"]}))) == {
        "KAFKA_AUTO_OFFSET_RESET": "latest",
        "KAFKA_BOOTSTRAP_SERVERS": "core-kafka-secret/KAFKA_BOOTSTRAP_SERVERS",
        "KAFKA_CONSUMER_GROUP": "shop",
        "KAFKA_SCHEMA_REGISTRY_URL": "core-kafka-secret/KAFKA_SCHEMA_REGISTRY_URL",
        "KAFKA_TOPICS": "orders,payments",
    }
    everything = {
        "topics": ["orders"],
        "consumerGroup": "billing",
        "autoOffsetReset": "earliest",
        "enableAutoCommit": False,
        "maxPollRecords": 100,
        "maxPollInterval": "5m",
        "sessionTimeout": "45s",
        "isolationLevel": "read_committed",
        "config": {"fetch.min.bytes": "1024"},
    }
    found = environment(shop(realtime(parts=["kafka"], streaming=everything)))
    assert {name: value for name, value in found.items() if "/" not in value} == {
        "KAFKA_TOPICS": "orders",
        "KAFKA_CONSUMER_GROUP": "billing",
        "KAFKA_AUTO_OFFSET_RESET": "earliest",
        "KAFKA_ENABLE_AUTO_COMMIT": "false",
        "KAFKA_MAX_POLL_RECORDS": "100",
        "KAFKA_MAX_POLL_INTERVAL_MS": "300000",
        "KAFKA_SESSION_TIMEOUT_MS": "45000",
        "KAFKA_ISOLATION_LEVEL": "read_committed",
        "KAFKA_FETCH_MIN_BYTES": "1024",
    }


def test_streaming_switched_off_sets_nothing() -> None:
    off = environment(shop(realtime(streaming={"enabled": False, "topics": ["orders"]})))
    assert off == environment(shop(realtime()))


@pytest.mark.parametrize(
    ("framework", "port", "ready", "alive"),
    [
        ("fastapi", 8000, "/health", "/health"),
        ("flask", 5000, "/health", "/health"),
        ("django", 8000, "/health/", "/health/"),
        ("springboot", 8080, "/actuator/health/readiness", "/actuator/health/liveness"),
        ("express", 3000, "/health", "/health"),
        ("nestjs", 3000, "/health", "/health"),
        ("gin", 8080, "/health", "/health"),
        ("axum", 3000, "/health", "/health"),
    ],
)
def test_framework(framework: str, port: int, ready: str, alive: str) -> None:
    workload = shop(realtime(framework=framework))
    probes = {key: value["httpGet"] for key, value in container(workload).items() if key.endswith("Probe")}
    assert {key: (probe["path"], probe["port"]) for key, probe in probes.items()} == {
        "startupProbe": (ready, port),
        "readinessProbe": (ready, port),
        "livenessProbe": (alive, port),
    }
    assert environment(workload)["PORT"] == str(port)
    assert environment(workload)["LOG_FORMAT"] == "json"


def test_no_probes_where_nobody_knows_the_path() -> None:
    assert "livenessProbe" not in container(shop(realtime(language="go")))
    assert environment(shop(realtime(language="go")))["PORT"] == "8080"


def test_probes_follow_the_containers_port_and_the_users_path() -> None:
    workload = shop(realtime(framework="fastapi", healthPath="/up"), ports=[{"port": 80, "containerPort": 8081}])
    assert container(workload)["livenessProbe"]["httpGet"] == {"path": "/up", "port": 8081}


def test_probes_of_the_services_own_are_left_alone() -> None:
    workload = shop(realtime(framework="fastapi"), livenessProbe={"tcpSocket": {"port": 8000}})
    assert container(workload)["livenessProbe"]["tcpSocket"] == {"port": 8000}
    assert "readinessProbe" not in container(workload)
    assert "startupProbe" not in container(workload)


def test_a_startup_probe_of_another_trait_is_left_alone() -> None:
    """With both, its probe would have two handlers, which the API server refuses."""
    probe = {"type": "startup-probe", "properties": {"exec": {"command": ["true"]}, "periodSeconds": 5}}
    found = container(shop(probe, realtime(framework="fastapi")))
    assert found["startupProbe"]["exec"] == {"command": ["true"]}
    assert "httpGet" not in found["startupProbe"]


def test_websocket() -> None:
    objects = render([service(realtime(websocket=True, websocketPath="/live"), ports=[{"port": 8081}])])["shop"]
    found = environment(objects["output"])
    assert [found[f"WEBSOCKET_{name}"] for name in ("ENABLED", "PATH", "PORT")] == ["true", "/live", "8081"]
    assert objects["websocket"]["metadata"]["name"] == "shop-websocket"
    spec = objects["websocket"]["spec"]
    assert spec["selector"] == objects["output"]["spec"]["selector"]["matchLabels"]
    assert spec["ports"] == [
        {
            "name": "websocket",
            "port": 8081,
            "targetPort": 8081,
            "protocol": "TCP",
            "appProtocol": "kubernetes.io/ws",
        }
    ]
    assert spec["sessionAffinity"] == "ClientIP"


def test_the_platforms_policies_know_the_client_by_its_label() -> None:
    workload = shop(realtime())
    assert workload["spec"]["template"]["metadata"]["labels"][LABEL] == "true"
    assert workload["metadata"]["labels"][LABEL] == "true"
    assert LABEL not in workload["spec"]["selector"]["matchLabels"], "a selector cannot change"


def test_egress_only_where_asked_for() -> None:
    without = render([service(realtime()), PLATFORM])["shop"]
    assert set(without) == {"output"}
    policy = render([service(realtime(networkPolicy={"egress": True}, parts=["kafka"])), PLATFORM])["shop"]
    spec = policy["realtime-core-egress"]["spec"]
    assert spec["policyTypes"] == ["Egress"]
    assert spec["podSelector"] == without["output"]["spec"]["selector"]
    dns, platform = spec["egress"]
    assert {port["port"] for port in dns["ports"]} == {53}
    assert platform == {
        "to": [
            {
                "podSelector": {
                    "matchLabels": {
                        "app.kubernetes.io/instance": "core",
                        "vela-realtime.dev/definition": "realtime-platform",
                    }
                }
            }
        ],
        "ports": [{"protocol": "TCP", "port": 8081}, {"protocol": "TCP", "port": 9092}],
    }


# telemetry

COLLECTOR = "http://collector.monitoring:4318"
POD = {"K8S_NODE_NAME", "K8S_POD_NAME", "K8S_POD_UID"}


def telemetry(trait: dict[str, Any], version: str | None = None, **properties: Any) -> dict[str, Any]:
    found = container(shop(realtime(parts=["kafka"], **trait), version=version, **properties))["env"]
    return {item["name"]: item.get("value", "") for item in found if item["name"].startswith(("OTEL_", "K8S_"))}


@pytest.mark.parametrize("version", VELA_VERSIONS)
def test_telemetry_is_opentelemetrys_own_variables(version: str) -> None:
    found = telemetry({"telemetry": {"endpoint": COLLECTOR}}, version)
    attributes = dict(pair.split("=") for pair in found.pop("OTEL_RESOURCE_ATTRIBUTES").split(","))
    assert found == {
        "OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_PROPAGATORS": "tracecontext,baggage",
        **dict.fromkeys(POD, ""),
    }
    assert attributes == {
        "service.namespace": "default",
        "service.instance.id": "default.$(K8S_POD_NAME).shop",
        "k8s.namespace.name": "default",
        "k8s.deployment.name": "shop",
        "k8s.pod.name": "$(K8S_POD_NAME)",
        "k8s.pod.uid": "$(K8S_POD_UID)",
        "k8s.node.name": "$(K8S_NODE_NAME)",
        "k8s.container.name": "shop",
    }


@pytest.mark.parametrize("version", VELA_VERSIONS)
def test_kubernetes_puts_in_only_what_stands_before(version: str) -> None:
    workload = shop(realtime(telemetry={"endpoint": COLLECTOR}), version=version)
    names = [item["name"] for item in container(workload)["env"]]
    assert max(names.index(name) for name in POD) < names.index("OTEL_RESOURCE_ATTRIBUTES")


def kubelets(env: list[dict[str, Any]], pod: str) -> dict[str, str]:
    """Return variables as Kubernetes fills them in: ``$(NAME)`` is what came before in the list, else it stays.

    Source: the API's reference of EnvVar, and k8s.io/kubernetes third_party/forked/golang/expansion.
    """
    known: dict[str, str] = {}
    for item in env:
        text = pod if "fieldRef" in item.get("valueFrom", {}) else item.get("value", "")
        known[item["name"]] = re.sub(r"\$\((\w+)\)", lambda found: known.get(found[1], found[0]), text)
    return known


@pytest.mark.parametrize("version", VELA_VERSIONS)
def test_opentelemetrys_sdk_reads_it(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resources = pytest.importorskip("opentelemetry.sdk.resources")
    exporter = pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    workload = shop(realtime(telemetry={"endpoint": COLLECTOR}), version=version)
    for name, value in kubelets(container(workload)["env"], "shop-7d4-x1").items():
        monkeypatch.setenv(name, value)
    attributes = dict(resources.Resource.create().attributes)
    assert (
        attributes.items()
        >= {
            "service.name": "shop",
            "service.namespace": "default",
            "service.instance.id": "default.shop-7d4-x1.shop",
            "k8s.deployment.name": "shop",
            "k8s.pod.name": "shop-7d4-x1",
        }.items()
    )
    assert exporter.OTLPSpanExporter()._endpoint == "http://collector.monitoring:4318/v1/traces"


@pytest.mark.parametrize(
    ("said", "protocol"),
    [
        ({"endpoint": "http://collector:4317"}, "grpc"),
        ({"endpoint": "https://[fd00::1]:4317/"}, "grpc"),
        ({"endpoint": "http://collector:4317", "protocol": "http/json"}, "http/json"),
        ({"endpoint": "https://otlp.example.com/base"}, "http/protobuf"),
    ],
)
def test_the_protocol_is_what_the_port_is_for(said: dict[str, str], protocol: str) -> None:
    assert telemetry({"telemetry": said})["OTEL_EXPORTER_OTLP_PROTOCOL"] == protocol


def test_telemetry_that_a_service_has_of_its_own_stays() -> None:
    own = [
        {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://mine:4317"},
        {"name": "OTEL_SERVICE_NAME", "value": "x"},
    ]
    found = telemetry({"telemetry": {"endpoint": COLLECTOR}}, env=own)
    assert found["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://mine:4317"
    assert found["OTEL_SERVICE_NAME"] == "x"
    assert "OTEL_EXPORTER_OTLP_PROTOCOL" not in found, "it might not be the one that is spoken at http://mine"


def test_without_an_endpoint_there_is_no_telemetry() -> None:
    assert telemetry({}) == {}


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [(COLLECTOR, 4318), ("http://[fd00::1]:4317", 4317), ("https://otlp.example.com", 443), ("http://collector", 80)],
)
def test_the_collectors_port_is_open_where_egress_is_closed(endpoint: str, port: int) -> None:
    def rules(**properties: Any) -> list[Any]:
        egress = realtime(networkPolicy={"egress": True}, parts=["kafka"], **properties)
        found: list[Any] = render([service(egress), PLATFORM])["shop"]["realtime-core-egress"]["spec"]["egress"]
        return found

    assert rules(telemetry={"endpoint": endpoint}) == [*rules(), {"ports": [{"protocol": "TCP", "port": port}]}]


# a platform in another namespace


def test_from_another_namespace_addresses_are_worked_out() -> None:
    traits = [realtime(namespace="streaming", parts=["kafka", "mqtt", "database", "metabase", "lenses"])]
    objects = render([service(*traits)])["shop"]
    assert environment(objects["output"]) == {
        "KAFKA_BOOTSTRAP_SERVERS": "core-kafka.streaming.svc.cluster.local:9092",
        "KAFKA_SCHEMA_REGISTRY_URL": "http://core-kafka.streaming.svc.cluster.local:8081",
        "MQTT_HOST": "core-mqtt.streaming.svc.cluster.local",
        "MQTT_PORT": "1883",
        "MQTT_USER": "realtime-user",
        "MQTT_PASSWORD": "core-mqtt-secret/MQTT_PASSWORD",
        "DB_HOST": "core-postgres.streaming.svc.cluster.local",
        "DB_PORT": "5432",
        "DB_NAME": "core",
        "DB_USER": "realtime",
        "DB_PASSWORD": "core-db-secret/DB_PASSWORD",
        "METABASE_URL": "http://core-metabase.streaming.svc.cluster.local:3000",
        "METABASE_USER": "admin@example.com",
        "METABASE_PASSWORD": "core-metabase-secret/METABASE_PASSWORD",
        "LENSES_URL": "http://core-lenses-hq.streaming.svc.cluster.local:9991",
        "LENSES_USER": "admin",
        "LENSES_PASSWORD": "core-lenses-secret/LENSES_PASSWORD",
    }
    assert set(files(objects["output"])) == {
        f"/etc/realtime/{part}" for part in ("kafka", "mqtt", "database", "metabase", "lenses")
    }


def test_from_another_namespace_kafka_needs_no_secret() -> None:
    objects = render([service(realtime(namespace="streaming", parts=["kafka"]))])["shop"]
    (volume,) = pod(objects["output"])["volumes"]
    (source,) = volume["projected"]["sources"]
    addresses = objects["realtime-core-addresses"]
    assert source["configMap"]["name"] == addresses["metadata"]["name"]
    assert addresses["data"] == {
        "KAFKA_BOOTSTRAP_SERVERS": "core-kafka.streaming.svc.cluster.local:9092",
        "KAFKA_SCHEMA_REGISTRY_URL": "http://core-kafka.streaming.svc.cluster.local:8081",
    }


def test_from_another_namespace_a_missing_secret_keeps_no_undeclared_part_from_starting() -> None:
    objects = render([service(realtime(namespace="streaming"))])["shop"]
    assert environment(objects["output"])["MQTT_PASSWORD"] == "core-mqtt-secret/MQTT_PASSWORD?"  # noqa: S105
    secrets = [
        source["secret"]
        for volume in pod(objects["output"])["volumes"]
        for source in volume["projected"]["sources"]
        if "secret" in source
    ]
    assert secrets
    assert all(secret["optional"] for secret in secrets)


def test_a_mysql_platform_in_another_namespace() -> None:
    found = environment(shop(realtime(namespace="streaming", parts=["database"], database="mysql")))
    assert (found["DB_HOST"], found["DB_PORT"]) == ("core-mysql.streaming.svc.cluster.local", "3306")


# beside other traits

LABELS = {"type": "labels", "properties": {"team": "orders"}}
ANNOTATIONS = {"type": "annotations", "properties": {"owner": "orders"}}
SCALER = {"type": "scaler", "properties": {"replicas": 3}}
SIDECAR = {
    "type": "sidecar",
    "properties": {"name": "proxy", "image": "example.com/proxy:1", "volumes": [{"name": "run", "path": "/run"}]},
}
ENV = {"type": "env", "properties": {"env": {"KAFKA_TOPICS": "mine", "OWN": "1"}}}
STORAGE = {
    "type": "storage",
    "properties": {
        "configMap": [{"name": "settings", "mountPath": "/settings", "data": {"a": "b"}}],
        "secret": [{"name": "keys", "mountPath": "/keys", "mountToEnv": {"envName": "KEY", "secretKey": "k"}}],
        "emptyDir": [{"name": "cache", "mountPath": "/cache"}],
    },
}
REALTIME = realtime(parts=["kafka"], streaming={"topics": ["orders"]})
OTHER = realtime(platform="cold", prefix="COLD", parts=["database"])


def assert_all_traits_have_done_their_work(workload: dict[str, Any]) -> None:
    template = workload["spec"]["template"]
    assert template["metadata"]["labels"]["team"] == "orders"
    assert template["metadata"]["labels"][LABEL] == "true"
    assert template["metadata"]["labels"]["client.vela-realtime.dev/cold"] == "true"
    assert template["metadata"]["annotations"]["owner"] == "orders"
    assert workload["spec"]["replicas"] == 3
    assert [item["name"] for item in template["spec"]["containers"]] == ["shop", "proxy"]
    assert "env" not in container(workload, "proxy")
    found = environment(workload, "shop")
    assert found["KAFKA_TOPICS"] == "mine", "a service's own variable wins"
    assert found["OWN"] == "1"
    assert found["KEY"] == "keys/k"
    assert found["IMAGES"] == "in the component"
    assert found["KAFKA_BOOTSTRAP_SERVERS"] == "core-kafka-secret/KAFKA_BOOTSTRAP_SERVERS"
    assert found["COLD_DB_HOST"] == "cold-db-secret/DB_HOST"
    assert "DB_HOST" not in found
    assert files(workload, "shop") == {
        "/settings": "settings",
        "/keys": "keys",
        "/cache": "emptyDir",
        "/tmp": "emptyDir",
        "/etc/realtime/kafka": "core-kafka-secret",
        "/etc/realtime/cold/database": "cold-db-secret",
    }


ALL = [LABELS, ANNOTATIONS, SCALER, SIDECAR, ENV, STORAGE, REALTIME, OTHER]
# Each trait once before and once after realtime, which moves through all places.
ORDERS = [ALL[place:] + ALL[:place] for place in range(len(ALL))] + [ALL[::-1]]


@pytest.mark.parametrize("version", VELA_VERSIONS)
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(trait["type"][:3] for trait in order))
def test_any_order(order: list[dict[str, Any]], version: str) -> None:
    workload = shop(
        *order,
        version=version,
        env=[{"name": "IMAGES", "value": "in the component"}],
        volumeMounts={"emptyDir": [{"name": "tmp", "mountPath": "/tmp"}]},
    )
    assert_all_traits_have_done_their_work(workload)
