"""Messages become rows: the rendered worker and connectors, with a real Kafka, JDBC sink and PostgreSQL."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.library.test_dashboard_sql import Postgres, mounted
from tests.scripts.test_kafka import HOST, Broker
from tests.support import dashboards, kafka_jars
from tests.support.doubles import databases
from tests.support.doubles.databases import ROOT_PASSWORD
from tests.support.doubles.ports import free_port
from tests.support.doubles.scripts import Script, succeeded, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Not one of those that would break a file of properties.
PASSWORD = "it's \\ a #secret"  # noqa: S105
FIELDS = {"deviceId": "string", "temperature": "number", "count": "integer", "ok": "boolean", "at": "timestamp"}
PROPERTIES = {
    "name": "board",
    "dataSources": [
        {
            "name": "events",
            "type": "kafka",
            "topics": [
                {"name": "sensor.data-v1", "fields": FIELDS, "time": "at"},
                {"name": "orders"},
            ],
        }
    ],
}
# Longer than the sink's pool tries for a connection.
OUTAGE = 40
AT = 1_700_000_000_000


class Database:
    """A dashboard's database, from the objects that are rendered for it."""

    def __init__(self, folder: Path, objects: dict[str, Any], postgres: Postgres) -> None:
        self.folder, self.objects, self.postgres = folder, objects, postgres
        self.env = {"PGHOST": "127.0.0.1", "PGPORT": postgres.server.port, "PASSWORDS_DIR": folder / "passwords"}

    def make_tables(self) -> None:
        """Run the Jobs of the database, which may come again at any time."""
        passwords = self.folder / "passwords"
        passwords.mkdir(exist_ok=True)
        config = mounted(self.folder, self.objects, "postgres-databases-config")
        for line in (config / "databases").read_text().splitlines():
            (passwords / line.split()[0]).write_text(PASSWORD)
        (passwords / "postgres").write_text(ROOT_PASSWORD)
        roles = {"PGUSER": "postgres", "DATABASES_FILE": config / "databases"}
        succeeded(Script("postgres-databases.sh", "dash", {**self.env, **roles}).run())
        self._run("tables-config")

    def clean(self) -> None:
        """Run the CronJob that deletes rows whose time is over."""
        self._run("cleanup-config")

    def _run(self, key: str) -> None:
        sql = mounted(self.folder, self.objects, key)
        succeeded(Script("database-sql.sh", "dash", {**self.env, "SQL_DIR": sql}).run())

    def ask(self, sql: str) -> Sequence[list[Any]]:
        """Ask as the data source of the dashboard does."""
        secret = self.objects["outputs.source-events"]["data"]
        reader, database = (base64.b64decode(secret[key]).decode() for key in ("DB_USER", "DB_NAME"))
        return self.postgres.run(sql, reader, PASSWORD, database).rows

    def write(self, sql: str) -> None:
        """Write as the connectors do, which are the owner."""
        self.postgres.run(sql, "kafka_events", PASSWORD)


class Pipeline(Database):
    """A dashboard's Connect and database, from the objects that are rendered for it."""

    def __init__(self, folder: Path, broker: Broker, postgres: Postgres) -> None:
        source = {**PROPERTIES["dataSources"][0], "connectionString": f"kafka://{HOST}:{broker.port}"}  # type: ignore[dict-item]
        super().__init__(folder, dashboards.render({**PROPERTIES, "dataSources": [source]}), postgres)
        self.broker = broker
        self.hosts = (f"-Djdk.net.hosts.file={broker.folder}/hosts", "-Xmx512m")
        self.port = free_port()

    @contextlib.contextmanager
    def connect(self) -> Iterator[None]:
        """Run the worker with its rendered properties; only places and ports are this machine's."""
        secrets, plugins = self.folder / "secrets", self.folder / "plugins"
        for folder in (secrets, plugins):
            folder.mkdir()
        (secrets / "events").write_text(PASSWORD)
        (plugins / "jdbc").symlink_to(kafka_jars.jdbc_sink())
        text: str = self.objects["outputs.connect-config"]["data"]["connect-distributed.properties"]
        for name, value in {
            "/etc/connect/secrets": str(secrets),
            "plugin.path=/opt/connectors": f"plugin.path={plugins}",
            "listeners=http://:8083": f"listeners=http://127.0.0.1:{self.port}",
        }.items():
            assert name in text
            text = text.replace(name, value)
        properties = self.folder / "connect.properties"
        properties.write_text(text)
        argv = kafka_jars.java("org.apache.kafka.connect.cli.ConnectDistributed", properties, options=self.hosts)
        with (self.folder / "connect.log").open("w") as log:
            worker = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            yield
        finally:
            worker.kill()
            worker.wait()

    def register(self) -> list[str]:
        """Run the Job that registers the connectors."""
        connectors = self.folder / "connectors"
        connectors.mkdir(exist_ok=True)
        for name, text in self.objects["outputs.connectors-config"]["data"].items():
            if name.endswith(".json") or name == "connectors":
                config = re.sub(r"board-dashboard-postgres[^/]*:5432", f"127.0.0.1:{self.postgres.server.port}", text)
                config = config.replace("/etc/connect/secrets", str(self.folder / "secrets"))
                (connectors / name).write_text(config)
        return self._about_connectors("connector-register.sh")

    def restart(self) -> list[str]:
        """Run the CronJob that restarts what has failed."""
        return self._about_connectors("connector-restart.sh")

    def _about_connectors(self, script: str) -> list[str]:
        env = {
            "CONNECT_URL": f"http://127.0.0.1:{self.port}",
            "CONNECTORS_DIR": self.folder / "connectors",
            "OWNER": "default/board/analytics-dashboard",
            "POLL_SECONDS": "0.2",
        }
        return succeeded(Script(script, "busybox", env).run(timeout=240))

    def kafka(self, main: str, *arguments: str, stdin: str = "") -> str:
        argv = kafka_jars.java(main, "--bootstrap-server", f"{HOST}:{self.broker.port}", *arguments, options=self.hosts)
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def send(self, topic: str, *messages: str) -> None:
        self.kafka(
            "org.apache.kafka.tools.ConsoleProducer", "--topic", topic, stdin="".join(f"{m}\n" for m in messages)
        )

    def send_one_each(self) -> None:
        self.send("sensor.data-v1", '{"deviceId": "d3"}')
        self.send("orders", '{"device": "till"}')

    def states(self) -> set[str]:
        """Return the states of all tasks."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/connectors?expand=status") as answer:
            connectors = json.load(answer).values()
        return {task["state"] for connector in connectors for task in connector["status"]["tasks"]}

    def count(self) -> float:
        return float(self.ask("SELECT count(*) FROM stream")[0][0])

    def connections(self) -> int:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'kafka_events'"
        return int(self.postgres.run(sql, database="postgres").rows[0][0])


@pytest.mark.xdist_group("kafka")
def test_messages_become_rows(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    broker = Broker(tmp_path / "kafka")
    with databases.postgres_data() as data, broker.running(), contextlib.ExitStack() as database:
        server = database.enter_context(databases.postgres_of(data))
        pipeline = Pipeline(tmp_path, broker, Postgres(server))
        broker.declare("sensor.data-v1 1 1", "orders 1 1")
        pipeline.make_tables()
        with pipeline.connect():
            said = pipeline.register()
            assert {"board.events: runs", "board.events.sensor.data-v1: runs"} <= set(said)
            check_rows(pipeline)
            # Four tasks, each with two at most.
            assert pipeline.connections() <= 8
            # The connections that the worker has are dead, and then there is no server either.
            database.close()
            with databases.postgres_of(data, server.port):
                pipeline.send_one_each()
                check_rows_after(pipeline, 7)
            pipeline.send_one_each()
            time.sleep(OUTAGE)
            with databases.postgres_of(data, server.port):
                # Whether a task has failed by then is a matter of moments; the CronJob comes again and again.
                wait_until(lambda: not pipeline.restart() and pipeline.count() == 9, 240)
                check_rows_after(pipeline, 9)


def check_rows_after(pipeline: Pipeline, rows: int) -> None:
    """Check that as many rows are there at last, and that all tasks go on."""
    wait_until(lambda: pipeline.count() == rows or pipeline.states() != {"RUNNING"}, 60)
    assert pipeline.states() == {"RUNNING"}


def check_rows(pipeline: Pipeline) -> None:
    readings = [
        {"deviceId": "d1", "temperature": 21.5, "count": 3, "ok": True, "at": AT},
        {"deviceId": "d2", "temperature": -4, "unknown": "is left out"},
    ]
    pipeline.send("sensor.data-v1", json.dumps(readings[0]), "no JSON", json.dumps(readings[1]))
    # PostgreSQL has no text with the second.
    pipeline.send("orders", '{"device": "till", "total": 12.5, "note": "ü"}', "no JSON \0", "")
    count = "SELECT count(*) FROM stream"
    wait_until(lambda: pipeline.ask(count) == [[5.0]], 120)

    table = 'SELECT "deviceId", temperature, count, ok, extract(epoch FROM "at") FROM sensor_data_v1 ORDER BY 1'
    assert pipeline.ask(table) == [["d1", 21.5, 3.0, "t", AT / 1000], ["d2", -4.0, "", "", ""]]
    seen = "SELECT device, measurement, value FROM readings ORDER BY 1, 2"
    assert pipeline.ask(seen) == [
        ["d1", "count", 3.0],
        ["d1", "temperature", 21.5],
        ["d2", "temperature", -4.0],
        ["till", "total", 12.5],
    ]
    # The time of a reading is the field that says so, else the message's.
    (own,) = pipeline.ask("SELECT extract(epoch FROM time) FROM readings WHERE device = 'd1' AND measurement = 'count'")
    assert own == [AT / 1000]
    fresh = (
        "SELECT count(*) FROM readings WHERE device <> 'd1' AND time BETWEEN now() - interval '10 minutes' AND now()"
    )
    assert pipeline.ask(fresh) == [[2.0]]
    assert pipeline.ask("SELECT DISTINCT topic, topic_partition FROM stream ORDER BY 1") == [
        ["orders", 0.0],
        ["sensor.data-v1", 0.0],
    ]

    dead = (
        "--topic",
        "_board-dashboard-dead-letters",
        "--from-beginning",
        "--max-messages",
        "1",
        "--timeout-ms",
        "30000",
    )
    assert pipeline.kafka("org.apache.kafka.tools.consumer.ConsoleConsumer", *dead) == "no JSON\n"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with databases.postgres() as server:
        yield Postgres(server)


# ruff: noqa: S608


def database(folder: Path, postgres: Postgres, *topics: dict[str, Any]) -> Database:
    """Return a database with the tables of these topics."""
    folder.mkdir()
    source = {"name": "events", "type": "kafka", "connectionString": "kafka:9092", "retention": "1d", "topics": topics}
    it = Database(folder, dashboards.render({"name": "board", "dataSources": [source]}), postgres)
    it.make_tables()
    return it


def test_rows_whose_time_is_over_are_deleted(tmp_path: Path, postgres: Postgres) -> None:
    """Also those of a topic that has got fields or is no longer declared; and nothing that somebody else has made."""
    sensors = {"name": "sensors", "fields": {"temperature": "number"}}
    before = database(tmp_path / "before", postgres, sensors, {"name": "orders"})
    for table in ("sensors", "messages"):
        before.write(
            f"INSERT INTO {table} (__connect_topic, __connect_partition, __connect_offset, inserted_at) "
            "VALUES ('t', 0, 0, now() - interval '25 hours'), ('t', 0, 1, now() - interval '23 hours')"
        )
    before.write("CREATE TABLE theirs AS SELECT now() - interval '25 hours' AS inserted_at")
    before.write("CREATE TABLE unfinished AS SELECT 1 AS __connect_offset")
    after = database(tmp_path / "after", postgres, {"name": "orders", "fields": {"total": "number"}})
    after.clean()
    for table, rows in {"sensors": 1, "messages": 1, "theirs": 1, "unfinished": 1}.items():
        assert after.ask(f"SELECT count(*) FROM {table}") == [[float(rows)]], table


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b'{"device": "till", "note": "\xc3\xbc"}', '{"note": "ü", "device": "till"}'),
        (b"no JSON", ""),
        (b"", ""),
        (b'{"nothing": "\x00"}', ""),
        (b'{"nothing": "\\u0000"}', ""),
        (b"\x00\xff\xfe", ""),
        (b'"\xff"', ""),
    ],
    ids=["JSON", "text", "empty", "NUL", "NUL-in-JSON", "bytes", "no-UTF-8"],
)
def test_a_message_is_kept_as_bytes_and_where_it_is_one_as_json(
    tmp_path: Path, postgres: Postgres, payload: bytes, body: str
) -> None:
    it = database(tmp_path / "board", postgres, {"name": "orders"})
    keys = "__connect_topic, __connect_partition, __connect_offset, kafka_timestamp"
    it.write("TRUNCATE messages")
    it.write(f"INSERT INTO messages ({keys}, payload) VALUES ('orders', 0, 0, now(), '\\x{payload.hex()}')")
    assert it.ask("SELECT payload, body FROM messages") == [[f"\\x{payload.hex()}", body]]
