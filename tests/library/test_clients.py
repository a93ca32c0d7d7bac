"""Clients from outside of the Application: each has a Secret, may do what its rights say, and nothing once it is gone.

Kafka is 4.3.1 itself, PostgreSQL, Mosquitto and MariaDB (for MySQL) are those that are installed, with the files that a
platform renders.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.library.test_kafka_users import (
    FORBIDDEN,
    NO_GROUP,
    REFUSED,
    Job,
    OwnKafka,
    create,
    decoded,
    done,
    rendered,
    write,
)
from tests.scripts.test_mosquitto_auth import Container, broker, publish
from tests.support.doubles import databases
from tests.support.doubles.databases import ROOT_PASSWORD
from tests.support.doubles.scripts import Script, require, succeeded
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KAFKA = {"topics": ["orders", "eu.west", "euro", "prices"]}
ACME = {"name": "acme", "kafka": {"read": ["orders", "eu.*"], "write": ["prices"]}, "mqtt": ["acme/#"]}
READER = {"name": "reader", "database": "read"}


def platform(*clients: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """Return the objects of a platform with clients."""
    return rendered(kafkaConfig=KAFKA, clients=list(clients), **properties)


# Kafka


async def transact(how: dict[str, str], topic: str, name: str) -> None:
    from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]

    producer = AIOKafkaProducer(**how, transactional_id=name, request_timeout_ms=20000)
    try:
        await producer.start()
        async with producer.transaction():
            await producer.send_and_wait(topic, b"x")
    finally:
        await producer.stop()


async def receive(how: dict[str, str], topic: str, group: str) -> None:
    """Read a record that is there."""
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(topic, **how, group_id=group, auto_offset_reset="earliest", request_timeout_ms=20000)
    try:
        await consumer.start()
        if not await consumer.getmany(timeout_ms=6000):
            raise LookupError(topic)
        await consumer.commit()
    finally:
        await consumer.stop()


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnKafka]:
    server = OwnKafka(tmp_path_factory.mktemp("own"))
    server.start()
    acme_2 = {**ACME, "name": "acme-2"}
    assert (
        "all users are as declared" in Job(tmp_path_factory.mktemp("job") / "1", server, platform(ACME, acme_2)).run()
    )
    owner = server.sign_in("lenses-agent")
    assert done(create(owner, "_schemas")) == "done"
    for topic in ("orders", "eu.west", "euro", "prices", "_schemas"):
        assert done(write(owner, topic)) == "done"
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("work", "topic", "more", "ends"),
    [
        (receive, "orders", ("client-acme.main",), "done"),
        (receive, "eu.west", ("client-acme.other",), "done"),
        (receive, "prices", ("client-acme.main",), FORBIDDEN),
        (receive, "euro", ("client-acme.main",), FORBIDDEN),
        (receive, "_schemas", ("client-acme.main",), FORBIDDEN),
        (receive, "orders", ("orders-service",), NO_GROUP),
        (receive, "orders", ("client-acme-2.main",), NO_GROUP),
        (write, "prices", (), "done"),
        (write, "orders", (), FORBIDDEN),
        (write, "undeclared", (), FORBIDDEN),
        (create, "of-a-client", (), FORBIDDEN),
        (transact, "prices", ("client-acme.1",), "done"),
        (transact, "prices", ("client-acme-2.1",), "TransactionalIdAuthorizationFailed"),
    ],
)
def test_in_kafka_it_has_its_topics_groups_and_transactions(
    kafka: OwnKafka, work: Any, topic: str, more: tuple[str, ...], ends: str
) -> None:
    assert done(work(kafka.sign_in("client-acme"), topic, *more)) == ends


def test_in_kafka_a_client_and_a_right_that_are_taken_out_are_gone(kafka: OwnKafka, tmp_path: Path) -> None:
    for client in ("client-acme", "client-acme-2"):
        assert done(write(kafka.sign_in(client), "prices")) == "done"
    lines = Job(tmp_path / "2", kafka, platform({"name": "acme", "kafka": {"read": ["orders"]}})).run()
    assert sorted(line for line in lines if "client" in line) == sorted(
        [
            "p.client-acme READ topic=eu.*: remove",
            "p.client-acme WRITE topic=prices: remove",
            *(
                f"p.client-acme-2 {right}: remove"
                for right in (
                    "ALL group=client-acme-2.*",
                    "ALL transactional-id=client-acme-2.*",
                    "READ topic=eu.*",
                    "READ topic=orders",
                    "WRITE topic=prices",
                )
            ),
            "p.client-acme-2: withdrawn",
        ]
    )
    assert done(write(kafka.sign_in("client-acme-2"), "prices")) in REFUSED
    assert done(write(kafka.sign_in("client-acme"), "prices")) == FORBIDDEN
    assert done(receive(kafka.sign_in("client-acme"), "orders", "client-acme.more")) == "done"


# MQTT


def test_at_the_mqtt_broker_it_has_its_filters_until_it_is_taken_out(tmp_path: Path) -> None:
    def written(name: str, *clients: dict[str, Any]) -> Container:
        folder = tmp_path / name
        folder.mkdir()
        container = Container(folder, "dash")
        objects = platform(*clients)
        acl = objects["mqtt-config"]["data"]["acl"]
        users = [line.removeprefix("user ") for line in acl.splitlines() if line.startswith("user ")]
        container.mount({user: f"secret of {user}" for user in users})
        container.acl.write_text(acl)
        succeeded(container.script.run())
        return container

    other = {"name": "other", "mqtt": ["other/#", "$share/all/acme/1"]}
    user, password = "client-acme", "secret of client-acme"
    with broker(written("with", ACME, other), tmp_path / "with") as port:
        assert publish(port, user, password, "acme/1").ok
        assert "not authorized" in publish(port, user, password, "other/1").stderr.lower()
        assert publish(port, "client-other", "secret of client-other", "other/1").ok
        assert not publish(port, user, "guessed", "acme/1").ok
        heard = process.run([require("mosquitto_sub"), *f"-p {port} -u {user} -t # -F %t -W 1 -P".split(), password])
        assert heard.stdout.splitlines() == ["acme/1"]
    with broker(written("without", other), tmp_path / "without") as port:
        assert not publish(port, user, password, "acme/1").ok
        assert publish(port, "client-other", "secret of client-other", "other/1").ok


# The database


@pytest.mark.parametrize("product", ["postgres", "mysql"])
def test_it_reads_the_applications_database_until_it_is_taken_out(product: str, tmp_path: Path) -> None:
    start = {"postgres": databases.postgres, "mysql": databases.mariadb}[product]
    with start() as server:

        def run(name: str, *clients: dict[str, Any]) -> list[str]:
            folder = tmp_path / name
            (folder / "passwords").mkdir(parents=True)
            objects = platform(*clients, database=product)
            (container,) = objects[f"{product}-databases"]["spec"]["template"]["spec"]["containers"]
            listed = objects[f"{product}-databases-config"]["data"]["databases"]
            (folder / "databases").write_text(listed)
            for line in listed.splitlines():
                (folder / "passwords" / line.split()[0]).write_text(f"secret of {line.split()[0]}")
            (folder / "passwords" / {"postgres": "postgres", "mysql": "root"}[product]).write_text(ROOT_PASSWORD)
            env = {item["name"]: item["value"] for item in container["env"]}
            env |= {"DATABASES_FILE": str(folder / "databases"), "PASSWORDS_DIR": str(folder / "passwords")}
            env |= {"POLL_SECONDS": "0.1", "WAIT_SECONDS": "20"}
            host = {"postgres": ("PGHOST", "PGPORT"), "mysql": ("MYSQL_HOST", "MYSQL_PORT")}[product]
            env |= dict(zip(host, ("127.0.0.1", str(server.port)), strict=True))
            return succeeded(Script(f"{product}-databases.sh", "dash", env).run())

        def ask(user: str, sql: str, database: str = "p") -> process.Completed:
            secret = f"secret of {user}"
            if product == "postgres":
                argv = ["psql", "-XAtq", "-h", "127.0.0.1", "-p", str(server.port), "-U", user, "-d", database]
                return process.run([require("psql"), *argv[1:], "-c", sql], env={"PGPASSWORD": secret})
            argv = ["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-P", str(server.port), "-u", user, "-BN"]
            return process.run([require("mysql"), *argv, "-e", sql, database], env={"MYSQL_PWD": secret})

        run("with", READER, {"name": "stays", "database": "read"})
        assert ask("realtime", "CREATE TABLE t AS SELECT 7 AS a").ok
        for client in ("client-reader", "client-stays"):
            assert ask(client, "SELECT a FROM t").stdout == "7\n"
            for sql in ("INSERT INTO t VALUES (1)", "DROP TABLE t", "CREATE TABLE u (a int)"):
                assert not ask(client, sql).ok, sql
            assert not ask(client, "SELECT 1", "metabase_app").ok
        said = run("without", {"name": "stays", "database": "read"})
        assert [line for line in said if "withdrawn" in line] == [
            f"{'role' if product == 'postgres' else 'user'} client-reader: withdrawn"
        ]
        assert not ask("client-reader", "SELECT 1").ok
        assert ask("client-stays", "SELECT a FROM t").stdout == "7\n"
        assert any("client-stays: withdrawn" in line for line in run("none"))
        assert ask("realtime_reader", "SELECT a FROM t").stdout == "7\n"


# The Secret


def test_its_secret_says_all_that_it_needs_and_nothing_else() -> None:
    objects = platform(ACME, READER)
    assert objects["client-acme"]["metadata"]["name"] == "p-client-acme"
    assert decoded(objects["client-acme"]) == {
        "KAFKA_BOOTSTRAP_SERVERS": "p-kafka.default.svc.cluster.local:9092",
        "KAFKA_SCHEMA_REGISTRY_URL": "http://p-kafka.default.svc.cluster.local:8081",
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "p.client-acme",
        "KAFKA_CONSUMER_GROUP": "client-acme.main",
        "MQTT_HOST": "p-mqtt.default.svc.cluster.local",
        "MQTT_PORT": "1883",
        "MQTT_USER": "client-acme",
    }
    assert decoded(objects["client-reader"]) == {
        "DB_HOST": "p-postgres.default.svc.cluster.local",
        "DB_PORT": "5432",
        "DB_NAME": "p",
        "DB_USER": "client-reader",
    }
    made = objects["credentials-config"]["data"]["passwords"].splitlines()
    assert [line for line in made if "client-" in line] == [
        "p-client-acme KAFKA_SASL_PASSWORD",
        "p-client-acme MQTT_PASSWORD",
        "p-client-reader DB_PASSWORD",
    ]
    (rules,) = (item["rules"] for item in objects.values() if item["kind"] == "Role" and "p-client-acme" in str(item))
    assert {"p-client-acme", "p-client-reader"} <= set(rules[0]["resourceNames"])


@pytest.mark.parametrize(("product", "job"), [("postgres", "postgres-databases"), ("mysql", "mysql-databases")])
def test_new_passwords_are_known_to_all_servers_before_they_hold(product: str, job: str) -> None:
    """Each server's pod waits for the key that comes with the new password."""
    objects = platform({**ACME, **READER, "name": "acme"}, database=product, credentials={"rotation": 2})
    made = objects["credentials-config"]["data"]["passwords"].splitlines()
    assert [line for line in made if "p-client-acme" in line] == [
        "p-client-acme .rotation-1 keep",
        "p-client-acme .rotation-2",
        "p-client-acme DB_PASSWORD",
        "p-client-acme KAFKA_SASL_PASSWORD",
        "p-client-acme MQTT_PASSWORD",
    ]
    for part, field in (("kafka-topics", "KAFKA_SASL_PASSWORD"), ("mqtt", "MQTT_PASSWORD"), (job, "DB_PASSWORD")):
        volumes = objects[part]["spec"]["template"]["spec"]["volumes"]
        mounted = [source["secret"] for v in volumes for source in v.get("projected", {}).get("sources", [])]
        (secret,) = (item for item in mounted if item["name"] == "p-client-acme")
        assert [item["key"] for item in secret["items"]] == [field, ".rotation-2"], part


def test_without_clients_nothing_of_it_is_there() -> None:
    assert platform() == rendered(kafkaConfig=KAFKA)
    assert "p-client-" not in json.dumps(platform())


def test_whoever_else_has_a_user_of_such_a_name_in_another_server_keeps_it() -> None:
    """Only the platform's own PostgreSQL and MySQL have the Job that takes users away by their names."""
    external = {"external": {"host": "db.example.com", "secretRef": "admin"}}
    foreign = platform(databaseConfig=external)["postgres-databases"]
    assert "CLIENTS" not in json.dumps(foreign["spec"]["template"]["spec"]["containers"])
    own = platform()["postgres-databases"]
    assert {"name": "CLIENTS", "value": "client-"} in own["spec"]["template"]["spec"]["containers"][0]["env"]
