"""What a realtime-platform renders, by its meaning: Secrets, brokers, passwords, and what a switch leaves out."""

from __future__ import annotations

import base64
import functools
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.doubles.scripts import require
from vela_realtime import library, process
from vela_realtime.library import fixtures

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = library.find()
CASES = {case.name: case for case in fixtures.load(LIBRARY, "realtime-platform")}
HOSTS = "default.svc.cluster.local"


@functools.cache
def rendered(name: str) -> dict[str, Any]:
    """Return a case's objects by their key in ``outputs``; the main one is ``output``."""
    result = fixtures.render_package(LIBRARY, "realtime-platform", CASES[name], "component")
    assert not result.problems, result.problems
    return {key.removeprefix("outputs."): value for key, value in result.objects.items()}


def secret(name: str, key: str) -> dict[str, str]:
    data = rendered(name)[key].get("data", {})
    return {field: base64.b64decode(value).decode() for field, value in data.items()}


def broker_settings(name: str) -> dict[str, str]:
    text = rendered(name)["kafka-config"]["data"]["server.properties"]
    return dict(line.split("=", 1) for line in text.splitlines())


GUIDE = {
    "mqtt": {"MQTT_HOST": f"simple-streaming-mqtt.{HOSTS}", "MQTT_PORT": "1883", "MQTT_USER": "realtime-user"},
    "kafka": {
        "KAFKA_BOOTSTRAP_SERVERS": f"simple-streaming-kafka.{HOSTS}:9092",
        "KAFKA_SCHEMA_REGISTRY_URL": f"http://simple-streaming-kafka.{HOSTS}:8081",
    },
    "db": {
        "DB_HOST": f"simple-streaming-postgres.{HOSTS}",
        "DB_PORT": "5432",
        "DB_NAME": "simplestreaming",
        "DB_USER": "realtime",
    },
    "metabase": {
        "METABASE_URL": f"http://simple-streaming-metabase.{HOSTS}:3000",
        "METABASE_USER": "admin@example.com",
    },
    "lenses": {"LENSES_URL": f"http://simple-streaming-lenses-hq.{HOSTS}:9991", "LENSES_USER": "admin"},
}


@pytest.mark.parametrize("part", sorted(GUIDE))
def test_secrets_of_the_guide(part: str) -> None:
    """Names, keys and values are the guide's; passwords are added later, by a Job."""
    assert rendered("minimal")[f"{part}-secret"]["metadata"]["name"] == f"simple-streaming-{part}-secret"
    assert secret("minimal", f"{part}-secret") == GUIDE[part]


def test_passwords_are_made_by_the_job() -> None:
    lines = rendered("minimal")["credentials-config"]["data"]["passwords"].split("\n")
    for part, key in (("mqtt", "MQTT"), ("db", "DB"), ("metabase", "METABASE"), ("lenses", "LENSES")):
        assert lines.count(f"simple-streaming-{part}-secret {key}_PASSWORD") == 1


def test_a_certificate_says_what_is_a_name_and_what_an_address() -> None:
    """A client that goes to an address does not look among the names."""
    address = rendered("kafka-on-the-address-of-a-node")["kafka-certificate"]["spec"]
    assert (address.get("dnsNames"), address["ipAddresses"]) == (None, ["192.0.2.10"])
    name = rendered("kafka-by-ports-of-the-nodes")["kafka-certificate"]["spec"]
    assert (name["dnsNames"], name.get("ipAddresses")) == (["nodes.example.com"], None)


def test_no_password_is_rendered() -> None:
    for key, value in rendered("minimal").items():
        if value["kind"] == "Secret":
            assert not [field for field in value.get("data", {}) if "PASSWORD" in field], key


def test_admin_and_admin_only_when_asked_for() -> None:
    assert secret("lenses-with-admin-and-admin", "lenses-secret")["LENSES_PASSWORD"] == "admin"  # noqa: S105 - the guide shows it
    assert "LENSES_PASSWORD" not in secret("minimal", "lenses-secret")


def test_replication_decides_about_brokers_and_internal_topics() -> None:
    settings = broker_settings("replication-factor-3")
    assert rendered("replication-factor-3")["output"]["spec"]["replicas"] == 3
    assert settings["min.insync.replicas"] == "2"
    assert settings["offsets.topic.replication.factor"] == "3"
    assert settings["transaction.state.log.replication.factor"] == "3"
    assert len(settings["controller.quorum.voters"].split(",")) == 3


@pytest.mark.parametrize(
    ("case", "least"), [("replication-factor-3", "2"), ("minimal", "1"), ("guide-without-mqtt", "1")]
)
def test_the_job_keeps_what_a_write_needs_with_topics_and_without(case: str, least: str) -> None:
    (container,) = rendered(case)["kafka-topics"]["spec"]["template"]["spec"]["containers"]
    env = {variable["name"]: variable["value"] for variable in container["env"]}
    assert env["MIN_INSYNC_REPLICAS"] == broker_settings(case)["min.insync.replicas"] == least


def test_one_broker_is_enough_for_itself() -> None:
    settings = broker_settings("minimal")
    assert settings["min.insync.replicas"] == settings["offsets.topic.replication.factor"] == "1"
    assert len(settings["controller.quorum.voters"].split(",")) == 1


def test_autoscaling_is_for_what_has_no_state() -> None:
    objects = rendered("minimal")
    scaled = {value["spec"]["scaleTargetRef"]["name"] for value in objects.values() if value["kind"].endswith("scaler")}
    assert scaled == {"simple-streaming-connect", "simple-streaming-schema-registry"}
    assert "replicas" not in objects["connect"]["spec"]
    assert "replicas" not in objects["schema-registry"]["spec"]
    assert objects["output"]["spec"]["replicas"] == 1


def test_heap_is_half_of_the_memory() -> None:
    container = rendered("minimal")["output"]["spec"]["template"]["spec"]["containers"][0]
    variables = {item["name"]: item.get("value") for item in container["env"]}
    assert container["resources"]["limits"]["memory"] == "4Gi"
    assert variables["KAFKA_HEAP_OPTS"] == "-Xms2048m -Xmx2048m"


def test_iot_false_leaves_no_trace() -> None:
    objects = rendered("guide-without-mqtt")
    assert not [key for key in objects if "mqtt" in key]
    assert "mqtt" not in json.dumps([value["metadata"]["name"] for value in objects.values()])


@pytest.mark.parametrize(
    ("case", "with_one"),
    [("postgres-and-no-dashboard", "one-letter-name"), ("mysql-and-no-dashboard", "mysql-and-metabase")],
)
def test_without_a_dashboard_only_what_is_the_dashboards_is_missing(case: str, with_one: str) -> None:
    """Its pods, database, passwords and policy are not there; the reader of the database is, for another dashboard."""
    objects, others = rendered(case), rendered(with_one)
    assert not [word for word in ("metabase", "grafana", "none_app") if word in json.dumps(objects)]
    assert set(objects) == {key for key in others if "metabase" not in key}
    assert secret(case, "db-reader-secret") == secret(with_one, "db-reader-secret") != {}


def ingress(name: str, part: str) -> set[int]:
    """Return the ports of a part that its policy admits anybody to."""
    rules = rendered(name)[f"network-{part}"]["spec"]["ingress"]
    return {port["port"] for rule in rules for port in rule["ports"]}


def egress(name: str, part: str) -> set[int]:
    """Return the ports outside of the platform that a part may reach."""
    rules = rendered(name)[f"network-{part}"]["spec"]["egress"]
    return {port["port"] for rule in rules if "to" not in rule for port in rule["ports"]}


def test_the_number_of_controllers_is_where_kubernetes_refuses_a_change() -> None:
    for case, controllers in (("minimal", "1"), ("replication-factor-3", "3")):
        (claim,) = rendered(case)["output"]["spec"]["volumeClaimTemplates"]
        assert claim["metadata"]["annotations"]["vela-realtime.dev/controllers"] == controllers


def test_the_log_of_the_garbage_collector_fits_into_its_volume() -> None:
    spec = rendered("minimal")["output"]["spec"]["template"]["spec"]
    variables = {item["name"]: item.get("value", "") for item in spec["containers"][0]["env"]}
    assert variables["LOG_DIR"].startswith("/tmp/")
    assert "gc.log:time,tags:filecount=3,filesize=8M" in rendered("minimal")["kafka-config"]["data"]["kafka-start.sh"]
    assert {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}} in spec["volumes"]


def test_a_broker_has_an_hour_to_recover_and_the_next_one_waits() -> None:
    spec = rendered("replication-factor-3")["output"]["spec"]
    probe = spec["template"]["spec"]["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 3600
    assert broker_settings("replication-factor-3")["initial.broker.registration.timeout.ms"] == "3600000"
    assert spec["minReadySeconds"] == 30


def test_messages_for_a_bridge_that_is_away_are_kept() -> None:
    lines = rendered("minimal")["mqtt-config"]["data"]["mosquitto.conf"].splitlines()
    # A sixteenth of 512 MiB.
    assert "max_queued_messages 32768" in lines
    assert "max_queued_bytes 16777216" in lines
    worker = rendered("minimal")["connect-config"]["data"]["connect-distributed.properties"]
    assert "scheduled.rebalance.max.delay.ms=0" in worker.splitlines()


def test_a_shared_subscription_may_read_what_it_shares() -> None:
    objects = rendered("bridge-that-shares-its-subscription")
    assert "user bridge\ntopic read sensors/#\n" in objects["mqtt-config"]["data"]["acl"]
    (stream,) = (text for key, text in objects["bridge-config"]["data"].items() if key != "bento.yaml")
    assert yaml.safe_load(stream)["input"]["mqtt"]["topics"] == ["$share/kafka/sensors/#"]


def test_tls_is_for_clients_inside_of_the_cluster_too() -> None:
    assert ingress("minimal", "mqtt") == {1883, 9001, 9234}
    assert ingress("everything-on", "mqtt") == {1883, 9001, 9234, 8883, 9443}
    service = {port["port"] for port in rendered("everything-on")["mqtt-service"]["spec"]["ports"]}
    assert service == {1883, 9001, 8883, 9443}


def test_plugins_may_come_from_any_port() -> None:
    assert egress("minimal", "connect") == {443}
    assert egress("plugin-from-another-port", "connect") == {443, 8081}


def reached(name: str, part: str) -> dict[str, set[int]]:
    """Return the ports of other parts that a part may reach, by the part's label."""
    rules = rendered(name)[f"network-{part}"]["spec"]["egress"]
    return {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]: {port["port"] for port in rule["ports"]}
        for rule in rules
        for peer in rule.get("to", [])
    }


@pytest.mark.parametrize(
    ("case", "server", "port"),
    [("minimal", "postgres", 5432), ("mysql-and-metabase", "mysql", 3306)],
)
def test_connectors_may_use_the_registry_and_the_applications_database(case: str, server: str, port: int) -> None:
    others = {"connect": {8083}, "kafka": {9092}, "mqtt": {1883}}
    assert reached(case, "connect") == {**others, "schema-registry": {8081}, server: {port}}
    admitted = rendered(case)[f"network-{server}"]["spec"]["ingress"]
    assert "connect" in json.dumps(
        [rule["from"] for rule in admitted if {"protocol": "TCP", "port": port} in rule["ports"]]
    )


def test_connectors_may_use_ports_outside_that_are_named() -> None:
    assert egress("connectors-of-other-ports", "connect") == {443, 9200, 1433}


def test_what_snowflake_cannot_take_is_kept() -> None:
    config = json.loads(rendered("snowflake-4")["connectors-config"]["data"]["p-snowflake.json"])
    assert config["errors.tolerance"] == "all"
    assert config["errors.deadletterqueue.topic.name"] == "_p-snowflake-dead-letters"


def test_mysql_deletes_its_binary_logs_after_a_day_and_owners_may_make_functions(tmp_path: Path) -> None:
    conf: str = rendered("mysql-and-metabase")["mysql-config"]["data"]["vela-realtime.cnf"]
    assert "log_error_verbosity = 2" in conf.splitlines()
    (tmp_path / "my.cnf").write_text(conf.replace("log_error_verbosity", "loose_log_error_verbosity"))
    done = process.run([require("mariadbd"), f"--defaults-file={tmp_path}/my.cnf", "--verbose", "--help"])
    assert done.ok, done.stderr
    values = {words[0]: words[1] for line in done.stdout.splitlines() if len(words := line.split()) == 2}
    assert values["binlog-expire-logs-seconds"] == "86400"
    assert values["log-bin-trust-function-creators"] == "TRUE"


def test_postgres_has_shared_memory_for_parallel_queries() -> None:
    spec = rendered("minimal")["postgres"]["spec"]["template"]["spec"]
    (server,) = (item for item in spec["containers"] if item["name"] == "postgres")
    assert {"name": "shm", "mountPath": "/dev/shm"} in server["volumeMounts"]
    assert server["resources"]["limits"]["memory"] == "1Gi"
    assert {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "256Mi"}} in spec["volumes"]


@pytest.mark.parametrize(
    ("case", "level"),
    [("text-logs-at-debug", "DEBUG"), ("minimal", "INFO"), ("warnings-only", "WARNING"), ("errors-only", "ERROR")],
)
def test_karapace_is_told_a_level_that_uvicorn_knows(case: str, level: str) -> None:
    (container,) = rendered(case)["schema-registry"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "KARAPACE_LOG_LEVEL", "value": level} in container["env"]


@pytest.mark.parametrize(
    ("case", "cpu", "memory"),
    [
        ("small-with-confluents-registry", "100m", "512Mi"),
        ("small-with-confluents-registry-and-more-cpu", "1", "512Mi"),
        ("small-with-confluents-registry-and-more-memory", "100m", "1Gi"),
        ("small-karapace-with-little-memory", "100m", "128Mi"),
    ],
)
def test_confluents_registry_has_memory_for_java(case: str, cpu: str, memory: str) -> None:
    (container,) = rendered(case)["schema-registry"]["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}


@pytest.mark.parametrize("case", ["mysql-and-metabase", "postgres-and-grafana"])
def test_a_user_that_may_only_read_has_a_secret_of_its_own(case: str) -> None:
    objects = rendered(case)
    own, reader = (
        {key: base64.b64decode(value).decode() for key, value in objects[f"{part}-secret"]["data"].items()}
        for part in ("db", "db-reader")
    )
    assert reader == {**own, "DB_USER": "realtime_reader"}
    server = "mysql" if case.startswith("mysql") else "postgres"
    databases = objects[f"{server}-databases-config"]["data"]["databases"].splitlines()
    assert f"realtime_reader {own['DB_NAME']} read" in databases


def test_the_platforms_grafana_may_only_read() -> None:
    objects = rendered("postgres-and-grafana")
    (source,) = yaml.safe_load(objects["grafana-config"]["data"]["provisioning.datasources.platform.yaml"])[
        "datasources"
    ]
    assert (source["user"], source["secureJsonData"]) == (
        "realtime_reader",
        {"password": "$__file{/etc/grafana-secrets/reader}"},
    )


def page(name: str, part: str) -> tuple[list[str], set[int]]:
    """Return the hosts of a part's Ingress or route, and the ports that its policy opens to anyone."""
    objects = rendered(name)
    spec = objects.get(f"{part}-ingress", objects.get(f"{part}-route", {})).get("spec", {})
    hosts = [rule["host"] for rule in spec.get("rules", []) if "host" in rule] + spec.get("hostnames", [])
    rules = objects[f"network-{part}"]["spec"]["ingress"]
    return hosts, {port["port"] for rule in rules if "from" not in rule for port in rule["ports"]}


@pytest.mark.parametrize(
    ("case", "part", "hosts", "ports"),
    [
        ("lenses-by-an-ingress", "lenses-hq", ["lenses.example.com"], {9991}),
        ("lenses-by-an-ingress", "metabase", [], set[int]()),
        ("dashboard-by-an-ingress", "metabase", ["board.example.com"], {3000}),
        ("dashboard-by-an-ingress", "lenses-hq", [], set[int]()),
        ("both-by-ingresses-with-everything", "grafana", ["board.example.com"], {3000}),
        ("both-by-a-gateway", "lenses-hq", ["lenses.example.com"], {9991}),
        ("both-by-a-gateway", "metabase", ["board.example.com"], {3000}),
    ],
)
def test_a_page_is_open_on_its_own_port_alone(case: str, part: str, hosts: list[str], ports: set[int]) -> None:
    assert page(case, part) == (hosts, ports)


def test_an_ingress_has_the_certificate_of_its_host() -> None:
    objects = rendered("both-by-ingresses-with-everything")
    for part, host in {"lenses-hq": "lenses.example.com", "grafana": "board.example.com"}.items():
        assert objects[f"{part}-ingress"]["spec"]["tls"] == [{"hosts": [host], "secretName": f"p-{part}-tls"}]
        certificate = objects[f"{part}-certificate"]["spec"]
        assert (certificate["secretName"], certificate["dnsNames"]) == (f"p-{part}-tls", [host])
    brought = rendered("lenses-by-an-ingress")
    assert brought["lenses-hq-ingress"]["spec"]["tls"][0]["secretName"] == "lenses-cert"
    assert "lenses-hq-certificate" not in brought


def test_a_route_names_the_https_listener() -> None:
    objects = rendered("both-by-a-gateway")
    assert [objects[f"{part}-route"]["spec"]["parentRefs"] for part in ("lenses-hq", "metabase")] == [
        [{"name": "public", "namespace": "gateways", "sectionName": "https"}],
        [{"name": "public", "namespace": "default", "sectionName": "https"}],
    ]


def lenses_config(case: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(rendered(case)["lenses-hq-config"]["data"]["config.yaml"])
    return config


def test_a_page_knows_that_people_open_it_by_https() -> None:
    """Cookies of a session are for https alone then; links in mails and redirects name the host."""
    assert lenses_config("lenses-by-an-ingress")["http"]["secureSessionCookies"] is True
    assert lenses_config("dashboard-by-an-ingress")["http"]["secureSessionCookies"] is False
    containers = rendered("dashboard-by-an-ingress")["metabase"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "MB_SITE_URL", "value": "https://board.example.com"} in containers[0]["env"]
    ini = rendered("both-by-ingresses-with-everything")["grafana-config"]["data"]["grafana.ini"]
    assert "root_url = https://board.example.com\n" in ini
    assert "cookie_secure = true\n" in ini


def outside(name: str) -> list[dict[str, Any]]:
    """Return the Services of the brokers for the outside, in their order."""
    found = {key: item for key, item in rendered(name).items() if key.startswith("kafka-outside-")}
    return [found[f"kafka-outside-{node}"] for node in range(len(found))]


def test_each_broker_has_a_service_for_the_outside() -> None:
    services = outside("kafka-by-load-balancers-with-everything")
    assert [item["metadata"]["name"] for item in services] == [f"core-kafka-outside-{node}" for node in range(3)]
    for node, item in enumerate(services):
        assert item["spec"]["selector"]["statefulset.kubernetes.io/pod-name"] == f"core-kafka-{node}"
        assert item["spec"]["ports"] == [{"name": "kafka", "port": 9094, "targetPort": "outside"}]
        assert item["metadata"]["annotations"] == {
            "external-dns.alpha.kubernetes.io/hostname": f"kafka-{node}.example.com"
        }
    ports = [item["spec"]["ports"][0]["nodePort"] for item in outside("kafka-by-ports-of-the-nodes")]
    assert ports == [32766, 32767]


@pytest.mark.parametrize(
    ("case", "address", "names"),
    [
        (
            "kafka-by-load-balancers-with-everything",
            "kafka-{nodeId}.example.com:9094",
            ["kafka-0.example.com", "kafka-1.example.com", "kafka-2.example.com"],
        ),
        ("kafka-by-ports-of-the-nodes", "nodes.example.com:32766+{nodeId}", ["nodes.example.com"]),
    ],
)
def test_the_certificate_has_the_names_of_all_brokers_and_a_key_that_kafka_reads(
    case: str, address: str, names: list[str]
) -> None:
    objects = rendered(case)
    (container,) = objects["output"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "OUTSIDE", "value": address} in container["env"]
    spec = objects["kafka-certificate"]["spec"]
    assert (spec["dnsNames"], spec["privateKey"]) == (names, {"encoding": "PKCS8"})
    volumes = {item["name"]: item for item in objects["output"]["spec"]["template"]["spec"]["volumes"]}
    (shown,) = (source["secret"] for source in volumes["certificates"]["projected"]["sources"])
    assert (shown["name"], [item["path"] for item in shown["items"]]) == (
        spec["secretName"],
        ["outside/tls.crt", "outside/tls.key"],
    )
    assert volumes["keystore"]["emptyDir"]["medium"] == "Memory"


def test_more_brokers_leave_what_is_outside_as_it_is() -> None:
    """Nothing in a pod changes with the number."""
    one, three = (rendered(name) for name in ("kafka-by-a-load-balancer", "kafka-by-load-balancers-with-everything"))
    texts = [item["kafka-config"]["data"]["server.properties"] for item in (one, three)]
    assert len({line for text in texts for line in text.splitlines() if "outside" in line.lower()}) == 6


def test_anyone_gets_to_the_port_of_the_outside_alone() -> None:
    rules = rendered("kafka-by-a-load-balancer")["network-kafka"]["spec"]["ingress"]
    assert [rule["ports"] for rule in rules if "from" not in rule] == [[{"protocol": "TCP", "port": 9094}]]
    rules = rendered("with-users-of-kafka")["network-kafka"]["spec"]["ingress"]
    assert [rule for rule in rules if "from" not in rule] == []
