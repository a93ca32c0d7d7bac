"""The smallest platform, from nothing to healthy, and what is left when it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.pods import running
from tests.pods.images.names import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hermetic import Cluster
    from tests.pods.running import Running

EXAMPLE = ROOT / "examples/simple-setup.yaml"

REAL = {
    *("orders-kafka-0", "orders-mqtt-0", "orders-bridge", "orders-postgres-0"),
    *("orders-credentials", "orders-kafka-topics", "orders-postgres-databases"),
}
"""The pods that really run; those of Jobs without what follows the Job's part."""

SECRETS = {
    "orders-kafka-secret": {"KAFKA_BOOTSTRAP_SERVERS", "KAFKA_SCHEMA_REGISTRY_URL"},
    "orders-mqtt-secret": {"MQTT_HOST", "MQTT_PORT", "MQTT_USER", "MQTT_PASSWORD"},
    "orders-db-secret": {"DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD"},
    "orders-db-reader-secret": {"DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD"},
    "orders-metabase-secret": {"METABASE_URL", "METABASE_USER", "METABASE_PASSWORD"},
    "orders-lenses-secret": {"LENSES_URL", "LENSES_USER", "LENSES_PASSWORD"},
}


@pytest.fixture(scope="module")
def orders(platform_cluster: Cluster) -> Iterator[tuple[Running, list[str]]]:
    """Return where the example runs, healthy, and all that its status line said on the way."""
    with running.namespace(platform_cluster, running.CONNECT) as here:
        platform_cluster.vela("up", f"--file={EXAMPLE}", here.inside)
        said: list[str] = []

        def healthy() -> bool:
            status = platform_cluster.get("application", "simple-setup", here.namespace).get("status", {})
            for service in status.get("services", []):
                if (line := service.get("message", "")) and line not in said:
                    said.append(line)
            return bool(status.get("status") == "running")

        explain = lambda: platform_cluster.explain("simple-setup", here.namespace)  # noqa: E731
        platform_cluster.until(healthy, running.PATIENCE, explain)
        yield here, said


def test_everything_comes_up_by_itself(orders: tuple[Running, list[str]]) -> None:
    here, said = orders
    real = here.pods(real=True)
    names = {pod["metadata"]["name"] for pod in real}
    assert {name for name in REAL if any(found.startswith(name) for found in names)} == REAL
    assert len(real) == len(REAL)
    for pod in real:
        of_job = any(owner["kind"] == "Job" for owner in pod["metadata"]["ownerReferences"])
        assert pod["status"]["phase"] == "Succeeded" if of_job else running.is_ready(pod), pod["metadata"]["name"]
    # Whoever needs another waits for it: nothing had to be started twice.
    assert set(here.restarts().values()) == {0}, here.restarts()
    assert any("kafka 0/1" in line for line in said), said
    assert any("topics running" in line for line in said), said
    assert said[-1].startswith("kafka 1/1, ")
    for part in (
        "mqtt 1/1",
        "bridge 1/1",
        "postgres 1/1",
        "credentials done",
        "topics done",
        "postgres-databases done",
    ):
        assert part in said[-1]


def test_every_connection_is_in_a_secret(orders: tuple[Running, list[str]]) -> None:
    here, _ = orders
    for name, keys in SECRETS.items():
        values = here.secret(name)
        assert set(values) == keys
        assert all(values.values()), f"{name} has an empty value"
    passwords = [value for name in SECRETS for key, value in here.secret(name).items() if key.endswith("_PASSWORD")]
    assert len(set(passwords)) == len(passwords)
    assert all(len(password) == 40 for password in passwords)


def test_the_exporter_signs_in_to_postgres(orders: tuple[Running, list[str]]) -> None:
    here, _ = orders
    assert "\npg_up 1\n" in here.metrics("orders-postgres-0", 9187)


def test_a_message_of_mqtt_is_a_record_of_kafka(orders: tuple[Running, list[str]]) -> None:
    """Also when the bridge's pod is replaced meanwhile: what comes then waits for it."""
    here, _ = orders
    _mosquitto(here, "mosquitto_pub", "-m", "[20.5, null]", "-q", "1")
    here.cluster.kubectl("delete", "pod", here.pod("bridge"), here.inside, "--wait=false")
    for number in range(20):
        _mosquitto(here, "mosquitto_pub", "-m", str(number), "-q", "1")
    here.ready("bridge")
    reader = "KAFKA_HEAP_OPTS=-Xmx128m /opt/kafka/bin/kafka-console-consumer.sh --bootstrap-server localhost:9092"
    expected = {"kept\t[20.5, null]", *(f"kept\t{number}" for number in range(20))}
    said = ""

    def arrived() -> bool:
        nonlocal said
        options = "--topic mqtt --from-beginning --formatter-property print.key=true --timeout-ms 15000"
        said = here.shell("orders-kafka-0", f"{reader} {options} 2>&1 || true")
        # What the reader itself says has no key.
        return {line for line in said.splitlines() if line.startswith("kept\t")} == expected

    explain = lambda: f"{said}\n{here.logs('bridge')[-3000:]}\n{here.logs('mqtt')[-3000:]}"  # noqa: E731
    here.cluster.until(arrived, running.PATIENCE, explain)


def test_mqtt_goes_and_comes_back(orders: tuple[Running, list[str]], tmp_path: Path) -> None:
    """Switched off, only its volume stays; on again, it has its messages and a new password; nobody else notices."""
    here, _ = orders
    _mosquitto(here, "mosquitto_pub", "-m", "42", "-q", "1", "-r")
    secrets = {name: here.secret(name) for name in SECRETS}
    others = {pod["metadata"]["uid"] for part in ("kafka", "postgres") for pod in here.pods(part)}

    without = tmp_path / "without-mqtt.yaml"
    application = yaml.safe_load(EXAMPLE.read_text())
    application["spec"]["components"][0]["properties"]["iot"] = False
    without.write_text(yaml.safe_dump(application))
    here.cluster.vela("up", f"--file={without}", here.inside)
    kinds = "statefulsets,jobs,services,secrets,configmaps,networkpolicies,pods"

    def left() -> set[str]:
        names = {item["metadata"]["name"] for item in here.cluster.items(kinds, here.namespace)}
        return {name for name in names if name.startswith("orders-mqtt")}

    here.cluster.until(lambda: not left(), running.PATIENCE, lambda: f"still there: {left()}")
    assert "data-orders-mqtt-0" in _volumes(here)

    here.cluster.vela("up", f"--file={EXAMPLE}", here.inside)
    here.ready("mqtt")
    here.running("simple-setup")
    assert _mosquitto(here, "mosquitto_sub", "-C", "1", "-W", "10") == "42"
    assert here.secret("orders-mqtt-secret")["MQTT_PASSWORD"] != secrets["orders-mqtt-secret"]["MQTT_PASSWORD"]
    for name in SECRETS.keys() - {"orders-mqtt-secret"}:
        assert here.secret(name) == secrets[name]
    assert {pod["metadata"]["uid"] for part in ("kafka", "postgres") for pod in here.pods(part)} == others


def _volumes(here: Running) -> set[str]:
    """Return the names of all volume claims."""
    return {item["metadata"]["name"] for item in here.cluster.items("persistentvolumeclaims", here.namespace)}


def _mosquitto(here: Running, program: str, *options: str) -> str:
    """Run one of Mosquitto's clients on the topic ``kept`` in the broker's pod, which no policy lets call itself."""
    secret = here.secret("orders-mqtt-secret")
    connection = ["-h", "127.0.0.1", "-u", secret["MQTT_USER"], "-P", secret["MQTT_PASSWORD"]]
    return here.execute("orders-mqtt-0", program, *connection, "-t", "kept", *options).stdout.strip()


def test_what_is_left_of_a_deleted_platform(orders: tuple[Running, list[str]]) -> None:
    """The last test here: volumes stay, with what clients wrote; everything else goes."""
    here, _ = orders
    password = here.secret("orders-db-secret")["DB_PASSWORD"]
    kept = "CREATE TABLE kept AS SELECT 42 AS answer"
    here.shell("orders-postgres-0", f"PGPASSWORD={password} psql -h 127.0.0.1 -U realtime -d orders -c '{kept}'")
    volumes = _volumes(here)
    assert {f"data-orders-{part}-0" for part in ("kafka", "mqtt", "postgres")} <= volumes
    here.cluster.vela("delete", "simple-setup", here.inside, "--yes", "--wait", timeout=running.PATIENCE)
    kinds = "deployments,statefulsets,jobs,services,secrets,configmaps,networkpolicies,serviceaccounts,roles,pods"

    def gone() -> bool:
        left = {f"{item['kind']}/{item['metadata']['name']}" for item in here.cluster.items(kinds, here.namespace)}
        return left == {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}

    here.cluster.until(gone, running.PATIENCE, lambda: here.cluster.kubectl("get", kinds, here.inside).stdout)
    assert _volumes(here) == volumes

    # Back again, it finds its data, and a new password for it.
    application = yaml.safe_load(EXAMPLE.read_text())
    here.apply(application)
    here.running("simple-setup")
    secret = here.secret("orders-db-secret")
    assert secret["DB_PASSWORD"] != password
    psql = f"PGPASSWORD={secret['DB_PASSWORD']} psql -h 127.0.0.1 -U realtime -d orders -tA"
    assert here.shell("orders-postgres-0", f"{psql} -c 'TABLE kept'") == "42"
