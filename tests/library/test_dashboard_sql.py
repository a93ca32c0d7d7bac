"""What the dashboards ask, asked of real databases: every panel and alert of every template, in both products.

The questions come from the rendered objects. Each is asked by the role that the product would use, and its answer is
compared with what Python makes of the same messages.
"""

from __future__ import annotations

import base64
import csv
import io
import re
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import sqlglot
import yaml

# ruff: noqa: S608
from tests import ROOT
from tests.support import dashboards
from tests.support.doubles import databases
from tests.support.doubles.databases import ROOT_PASSWORD, Server
from tests.support.doubles.scripts import Script, require, succeeded
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

TEMPLATES = {
    "overview": "standard-overview",
    "streaming": "streaming-metrics",
    "sensors": "iot-sensors",
    "hot": "temperature-alerts",
}
MINUTE, HOUR = 60, 3600
STEP = 300


@dataclass(frozen=True)
class Message:
    """A message in Kafka, ``age`` seconds old, which came into the database ``delay`` seconds later."""

    topic: str
    partition: int
    age: int
    delay: int
    payload: str
    device: str = ""
    values: tuple[tuple[str, float], ...] = ()


def reading(partition: int, age: int, delay: int, device: str, **values: float) -> Message:
    """Return a message that a device sent."""
    members = "".join(f', "{name}": {value}' for name, value in values.items())
    payload = f'{{"deviceId": "{device}"{members}}}'
    return Message("telemetry", partition, age, delay, payload, device, tuple(values.items()))


# No age is near the end of a time that a panel looks at, so that a slow machine changes nothing.
MESSAGES = [
    reading(0, MINUTE, 1, "cold-store", temperature=-20.5, humidity=40),
    reading(1, 2 * MINUTE, 2, "oven", temperature=45.5, humidity=10),
    reading(1, 8 * MINUTE, 3, "oven", temperature=41),
    reading(0, 25 * MINUTE, 4, "gate", temperature=12),
    reading(0, 3 * HOUR, 2, "gate", temperature=31),
    reading(0, 30 * HOUR, 2, "attic", temperature=99),
    Message("orders", 0, 40 * MINUTE, 1, '{"order": "A-1"}'),
    Message("payments", 2, 100, 90, "no JSON at all"),
]


@dataclass(frozen=True)
class Since:
    """Seconds that have passed since something: as many as then, and those that the test took."""

    age: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and self.age <= other < self.age + 100

    def __hash__(self) -> int:
        return hash(self.age)


class Positive:
    """Any number above zero."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and other > 0

    __hash__ = object.__hash__


Row = list[Any]


class Expected:
    """What the messages say, counted by Python. ``start`` is the moment that ages count from."""

    def __init__(self, start: int, *, longest: bool) -> None:
        self.start = start
        # MySQL has no percentiles: there the longest delay is shown.
        self.longest = longest
        self.day = [message for message in MESSAGES if message.age < 24 * HOUR]
        self.readings = [(m, name, value) for m in self.day for name, value in m.values]
        self.hot = [(m, name, value) for m, name, value in self.readings if name == "temperature"]

    def step(self, message: Message) -> float:
        return (self.start - message.age) // STEP * STEP

    def high(self, delays: Iterable[int]) -> float:
        """Return the 95th percentile between the two nearest, or the longest."""
        ordered = sorted(delays)
        place = (len(ordered) - 1) * (1 if self.longest else 0.95)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

    def by(self, key: Callable[[Message], Any], messages: Iterable[Message]) -> dict[Any, list[Message]]:
        groups = defaultdict(list)
        for message in messages:
            groups[key(message)].append(message)
        return dict(groups)

    def rates(self, key: Callable[[Message], Any], messages: Iterable[Message]) -> list[Row]:
        groups = self.by(lambda message: (self.step(message), key(message)), messages)
        return [[*names, len(members) / STEP] for names, members in groups.items()]

    def streaming(self) -> dict[str, list[Row]]:
        topics = self.by(lambda m: m.topic, self.day)
        recent = [message for message in self.day if message.age < 15 * MINUTE]
        high = "Longest delay" if self.longest else "Delay, 95th percentile"
        steps = self.by(self.step, self.day)
        partitions = self.by(lambda m: f"{m.topic} / {m.partition}", self.day)
        return {
            "Messages per second": [[3 / 300]],
            high: [[self.high(m.delay for m in recent)]],
            "Since the newest message": [[Since(MINUTE)]],
            "Topics with messages": [[3.0]],
            "Messages per second, by topic": self.rates(lambda m: m.topic, self.day),
            "Delay from Kafka to the database": [
                [at, sum(m.delay for m in members) / len(members), self.high(m.delay for m in members)]
                for at, members in steps.items()
            ],
            "Messages by partition": [[name, float(len(members))] for name, members in partitions.items()],
            "Topics": [
                [
                    topic,
                    float(len(members)),
                    float(self.start - min(m.age for m in members)),
                    self.high(m.delay for m in members),
                ]
                for topic, members in topics.items()
            ],
        }

    def sensors(self) -> dict[str, list[Row]]:
        devices = self.by(lambda m: m.device, (m for m, _, _ in self.readings))
        means = defaultdict(list)
        latest: dict[tuple[str, str], tuple[float, float]] = {}
        for message, name, value in self.readings:
            means[self.step(message), name].append(value)
            key, at = (message.device, name), float(self.start - message.age)
            latest[key] = max(latest.get(key, (0.0, 0.0)), (at, value))
        return {
            "Active devices": [[2.0]],
            "Silent devices": [[1.0]],
            "Readings per second": [[4 / 300]],
            "Since the newest reading": [[Since(MINUTE)]],
            "Mean of each measurement": [[*key, sum(values) / len(values)] for key, values in means.items()],
            "Readings per second, by device": self.rates(lambda m: m.device, (m for m, _, _ in self.readings)),
            "Latest readings": [[*key, value, at] for key, (at, value) in latest.items()],
            "Devices": [
                [device, float(len(members)), float(self.start - newest), Since(newest)]
                for device, members in devices.items()
                for newest in [min(m.age for m in members)]
            ],
        }

    def temperatures(self) -> dict[str, list[Row]]:
        recent = [(m, value) for m, _, value in self.hot if m.age < 15 * MINUTE]
        values = [value for _, value in recent]
        steps, devices = defaultdict(list), defaultdict(list)
        above: dict[str, float] = defaultdict(float)
        for message, _, value in self.hot:
            steps[self.step(message), message.device].append(value)
            devices[message.device].append(value)
            if value > 30:
                above[message.device] += 1
        return {
            "Highest temperature": [[45.5]],
            "Lowest temperature": [[-20.5]],
            "Mean temperature": [[sum(values) / len(values)]],
            "Devices above 30 now": [[1.0]],
            "Temperature by device": [[*key, sum(found) / len(found)] for key, found in steps.items()],
            "Readings above 30": [list(item) for item in above.items()],
            "Devices above 30 in the last 15 minutes": [["oven", "temperature", 45.5, float(self.start - 8 * MINUTE)]],
            "Extremes by device": [
                [device, min(found), sum(found) / len(found), max(found), above[device]]
                for device, found in devices.items()
            ],
        }

    def alerts(self) -> dict[str, list[Row]]:
        return {
            "Topics without messages": [["orders", Since(40 * MINUTE)]],
            "Messages are late": [["payments", 90.0]],
            "Silent devices": [["gate", Since(25 * MINUTE)]],
            "Temperature above 30": [["oven", 45.5]],
        }

    def of_kafka(self, source: str) -> dict[str, list[Row]]:
        """Return what the overview says of a kafka data source."""
        # Of what the others leave out, this shows all that is there.
        topics = self.by(lambda m: m.topic, MESSAGES)
        found: dict[str, list[Row]] = {
            "messages per second": [[3 / 300]],
            "topics": [[3.0]],
            "since the newest message": [[Since(MINUTE)]],
            "size of the database": [[Positive()]],
            "messages per second, by topic": self.rates(lambda m: m.topic, self.day),
            "topics and their messages": [
                [topic, float(len(members)), *(float(self.start - end(m.age for m in members)) for end in (max, min))]
                for topic, members in topics.items()
            ],
        }
        return {f"{source}: {title}": rows for title, rows in found.items()}


def close(found: Any, expected: Any) -> bool:
    """Tell whether a cell has the value; numbers may differ by what dividing costs, MySQL by its four digits."""
    if isinstance(expected, float) and isinstance(found, float):
        return abs(found - expected) <= max(6e-5, abs(expected) * 1e-9)
    return bool(expected == found)


def same(found: list[Row], expected: list[Row]) -> bool:
    """Tell whether two answers have the same rows, in whatever order."""
    rest = list(expected)
    for row in found:
        match = next((e for e in rest if len(e) == len(row) and all(map(close, row, e))), None)
        if match is None:
            return False
        rest.remove(match)
    return not rest


def cell(text: str) -> Any:
    """Return a value as a number, a time as seconds since 1970, or a text."""
    if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text):
        return datetime.strptime(text[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc).timestamp()
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class Answer:
    """Rows and the names of their columns."""

    columns: list[str]
    rows: list[Row]

    @classmethod
    def of(cls, done: process.Completed, delimiter: str) -> Answer:
        """Read what a client printed: the columns' names come first, and nothing where the statement has no rows."""
        assert done.ok, done.stderr
        lines = list(csv.reader(io.StringIO(done.stdout), delimiter=delimiter)) or [[]]
        return cls(lines[0], [[cell(text) for text in line] for line in lines[1:]])


class Postgres:
    """A client of PostgreSQL."""

    engine = "postgres"

    def __init__(self, server: Server) -> None:
        self.server = server

    def run(self, sql: str, role: str = "postgres", password: str = ROOT_PASSWORD, database: str = "") -> Answer:
        connection = ["-h", "127.0.0.1", "-p", str(self.server.port), "-U", role, "-d", database or role]
        argv = [require("psql"), "-Xq", "--csv", "-v", "ON_ERROR_STOP=1", *connection, "-c", sql]
        return Answer.of(process.run(argv, env={"PGPASSWORD": password, "PGTZ": "UTC"}), ",")

    @staticmethod
    def ago(start: int, age: int) -> str:
        return f"to_timestamp({start - age})"

    @staticmethod
    def macros(sql: str, start: int) -> str:
        """Write Grafana's macros out as its PostgreSQL data source does, for the last day in steps of five minutes."""
        day = [datetime.fromtimestamp(at, timezone.utc).isoformat() for at in (start - 24 * HOUR, start + HOUR)]
        return _macros(sql, f"BETWEEN '{day[0]}' AND '{day[1]}'", "floor(extract(epoch from {0})/300)*300")


class MySQL:
    """A client of MySQL, or what stands for it."""

    engine = "mysql"

    def __init__(self, server: Server) -> None:
        self.server = server

    def run(self, sql: str, role: str = "root", password: str = ROOT_PASSWORD, database: str = "") -> Answer:
        connection = ["--protocol=tcp", "-h", "127.0.0.1", "-P", str(self.server.port), "-u", role]
        argv = [require("mysql"), "--no-defaults", *connection, "--batch", "-e", f"SET time_zone = '+00:00'; {sql}"]
        return Answer.of(process.run([*argv, *([database] if database else [])], env={"MYSQL_PWD": password}), "\t")

    @staticmethod
    def ago(start: int, age: int) -> str:
        return f"from_unixtime({start - age})"

    @staticmethod
    def macros(sql: str, start: int) -> str:
        """Write Grafana's macros out as its MySQL data source does."""
        day = f"BETWEEN FROM_UNIXTIME({start - 24 * HOUR}) AND FROM_UNIXTIME({start + HOUR})"
        return _macros(sql, day, "UNIX_TIMESTAMP({0}) DIV 300 * 300")


class Snowflake:
    """What comes nearest to Snowflake on one machine: its SQL, translated for DuckDB."""

    engine = "snowflake"

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")

    def run(self, sql: str) -> Answer:
        (translated,) = sqlglot.transpile(sql, read="snowflake", write="duckdb")
        found = self.connection.execute(translated)
        columns = [column[0] for column in found.description or []]
        return Answer(columns, [[self._cell(value) for value in row] for row in found.fetchall()])

    @staticmethod
    def _cell(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.replace(tzinfo=timezone.utc).timestamp()
        return value if isinstance(value, str) else float(value)


def _macros(sql: str, day: str, step: str) -> str:
    sql = sql.replace("$__interval_ms", "300000").replace("$__interval", "5m")
    sql = re.sub(r"\$__timeFilter\(([^)]*)\)", lambda m: f"{m[1]} {day}", sql)
    sql = re.sub(r"\$__timeGroup\(([^,)]*), 5m\)", lambda m: step.format(m[1]), sql)
    assert "$" not in sql, sql
    return sql


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with databases.postgres() as server:
        yield Postgres(server)


@pytest.fixture(scope="module")
def mysql() -> Iterator[MySQL]:
    with databases.mariadb() as server:
        yield MySQL(server)


def properties(product: str, source: dict[str, Any], *, relations: bool = False) -> dict[str, Any]:
    """Return a dashboard with every template, and every alert."""
    boards = [{"name": name, "template": template} for name, template in TEMPLATES.items()]
    if relations:
        boards[1]["relation"], boards[2]["relation"], boards[3]["relation"] = "message_log", "measured", "measured"
    return {
        "name": "board",
        "dashboardType": product,
        "dataSources": [source],
        "dashboards": boards,
        "alerts": {"channels": [{"type": "email", "config": {"recipients": ["ops@example.com"]}}]},
        "smtp": {"host": "mail.example.com", "from": "board@example.com"},
    }


def check(
    objects: dict[str, Any], expected: Expected, more: dict[str, list[Row]], ask: Callable[[str], Answer]
) -> None:
    """Ask every question, and compare the answers; no panel and no expectation may be left over."""
    panels = {**expected.streaming(), **expected.sensors(), **expected.temperatures(), **more}
    asked = dashboards.questions(objects)
    assert sorted(q.title for q in asked if not q.alert) == sorted(panels)
    assert sorted(q.title for q in asked if q.alert) == sorted(expected.alerts())
    for question in asked:
        answer = ask(question.sql)
        rows = answer.rows
        if question.alert and answer.columns[0] == "time":
            rows = [row[1:] for row in rows]
        wanted = (expected.alerts() if question.alert else panels)[question.title]
        assert same(rows, wanted), f"{question.title}\n{question.sql}\nfound    {rows}\nexpected {wanted}"
        assert set(question.columns) <= set(answer.columns), question
        if "ORDER BY 1" in question.sql:
            assert rows == sorted(rows, key=lambda row: row[0]), question.title


PRODUCTS = pytest.mark.parametrize("product", ["metabase", "grafana"])
FIELDS = {"deviceId": "string", "temperature": "number", "humidity": "number"}
TOPICS = {
    "as-text": [{"name": topic} for topic in ("telemetry", "orders", "payments")],
    "with-fields": [{"name": "telemetry", "fields": FIELDS}, {"name": "orders"}, {"name": "payments"}],
}


def now() -> int:
    return int(time.time())


def mounted(folder: Path, objects: dict[str, Any], key: str) -> Path:
    """Write a ConfigMap's files into a folder."""
    path = folder / key
    path.mkdir()
    for name, text in objects[f"outputs.{key}"]["data"].items():
        (path / name).write_text(text)
    return path


def kafka_rows(start: int, topics: list[dict[str, Any]]) -> str:
    """Return SQL that writes the messages as the connectors do."""
    typed = {topic["name"] for topic in topics if "fields" in topic}
    sql = []
    for offset, message in enumerate(MESSAGES):
        at, later = (Postgres.ago(start, age) for age in (message.age, message.age - message.delay))
        columns, values = "payload", f"'{message.payload}'"
        if message.topic in typed:
            found = dict(message.values)
            columns = ", ".join(f'"{field}"' for field in FIELDS)
            values = f"'{message.device}', {found['temperature']}, {found.get('humidity', 'NULL')}"
        table = message.topic if message.topic in typed else "messages"
        keys = "__connect_topic, __connect_partition, __connect_offset, kafka_timestamp, inserted_at"
        sql.append(
            f"INSERT INTO {table} ({keys}, {columns}) "
            f"VALUES ('{message.topic}', {message.partition}, {offset}, {at}, {later}, {values});"
        )
    return "\n".join(sql)


@PRODUCTS
@pytest.mark.parametrize("topics", TOPICS.values(), ids=TOPICS)
def test_messages_of_kafka(postgres: Postgres, tmp_path: Path, product: str, topics: list[dict[str, Any]]) -> None:
    """The Jobs make the databases and tables, the owner writes as the sink does, the reader asks."""
    name = f"events{'-typed' if 'fields' in topics[0] else ''}-{product}"
    source = {"name": name, "type": "kafka", "connectionString": "kafka:9092", "topics": topics}
    objects = dashboards.render(properties(product, source))
    passwords = tmp_path / "passwords"
    passwords.mkdir()
    config = mounted(tmp_path, objects, "postgres-databases-config")
    for line in (config / "databases").read_text().splitlines():
        (passwords / line.split()[0]).write_text("secret")
    (passwords / "postgres").write_text(ROOT_PASSWORD)
    env = {"PGHOST": "127.0.0.1", "PGPORT": postgres.server.port, "PASSWORDS_DIR": passwords, "WAIT_SECONDS": 20}
    made = Script(
        "postgres-databases.sh", "dash", {**env, "PGUSER": "postgres", "DATABASES_FILE": config / "databases"}
    )
    succeeded(made.run())
    tables = Script("database-sql.sh", "dash", {**env, "SQL_DIR": mounted(tmp_path, objects, "tables-config")})
    succeeded(tables.run())
    secret = objects[f"outputs.source-{name}"]["data"]
    reader, database = (base64.b64decode(secret[key]).decode() for key in ("DB_USER", "DB_NAME"))
    start = now()
    postgres.run(kafka_rows(start, topics), database, "secret")
    expected = Expected(start, longest=False)

    def ask(sql: str) -> Answer:
        return postgres.run(Postgres.macros(sql, start), reader, "secret", database)

    check(objects, expected, expected.of_kafka(name), ask)


def own_tables(client: type[Postgres | MySQL], start: int) -> str:
    """Return SQL that makes tables of the user's own with the same messages."""
    moment = "timestamptz" if client.engine == "postgres" else "datetime"
    sql = [
        f"CREATE TABLE message_log (topic varchar(50), topic_partition int, time {moment}, inserted_at {moment});",
        f"CREATE TABLE measured (time {moment}, device varchar(50), measurement varchar(50), value double precision);",
    ]
    for message in MESSAGES:
        at, later = (client.ago(start, age) for age in (message.age, message.age - message.delay))
        sql.append(f"INSERT INTO message_log VALUES ('{message.topic}', {message.partition}, {at}, {later});")
        for name, value in message.values:
            sql.append(f"INSERT INTO measured VALUES ({at}, '{message.device}', '{name}', {value});")
    return "\n".join(sql)


READINGS = float(sum(len(message.values) for message in MESSAGES))


@PRODUCTS
def test_tables_of_your_own_in_postgres(postgres: Postgres, product: str) -> None:
    database, start = f"app_{product}", now()
    postgres.run(f"CREATE ROLE {database} LOGIN PASSWORD 'secret'")
    postgres.run(f"CREATE DATABASE {database}", database="postgres")
    postgres.run(own_tables(Postgres, start), database=database)
    postgres.run(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {database}; ANALYZE", database=database)
    # Something must have read before the overview tells how much is read.
    postgres.run("SELECT * FROM message_log, measured", database=database)
    source = {"name": "app", "type": "postgres", "secretRef": "app-db"}
    overview: dict[str, list[Row]] = {
        "app: tables": [[2.0]],
        "app: rows, estimated": [[len(MESSAGES) + READINGS]],
        "app: size": [[Positive()]],
        "app: connections": [[Positive()]],
        "app: largest tables": [["measured", Positive()], ["message_log", Positive()]],
        "app: activity by table": [
            ["measured", READINGS, READINGS, 0.0, 0.0, Positive()],
            ["message_log", float(len(MESSAGES)), float(len(MESSAGES)), 0.0, 0.0, Positive()],
        ],
    }
    objects = dashboards.render(properties(product, source, relations=True))
    check(
        objects,
        Expected(start, longest=False),
        overview,
        lambda sql: postgres.run(Postgres.macros(sql, start), database, "secret"),
    )


@PRODUCTS
def test_tables_of_your_own_in_mysql(mysql: MySQL, product: str) -> None:
    database, start = f"app_{product}", now()
    mysql.run(f"CREATE DATABASE {database}")
    mysql.run(own_tables(MySQL, start) + "ANALYZE TABLE message_log, measured;", database=database)
    mysql.run(f"CREATE USER {product}@'%' IDENTIFIED BY 'secret'; GRANT SELECT ON {database}.* TO {product}@'%'")
    source = {"name": "shop", "type": "mysql", "secretRef": "shop-db"}
    overview: dict[str, list[Row]] = {
        "shop: tables": [[2.0]],
        "shop: rows, estimated": [[len(MESSAGES) + READINGS]],
        "shop: size": [[Positive()]],
        "shop: tables changed in 24 hours": [[2.0]],
        "shop: largest tables": [["measured", Positive()], ["message_log", Positive()]],
        "shop: activity by table": [
            ["measured", READINGS, Positive(), Positive()],
            ["message_log", float(len(MESSAGES)), Positive(), Positive()],
        ],
    }
    check(
        dashboards.render(properties(product, source, relations=True)),
        Expected(start, longest=True),
        overview,
        lambda sql: mysql.run(MySQL.macros(sql, start), product, "secret", database),
    )


def test_tables_of_your_own_in_snowflake() -> None:
    snowflake, start = Snowflake(), now()
    for statement in own_tables(Postgres, start).splitlines():
        snowflake.connection.execute(statement)
    # Of Snowflake's own catalogue, which lists itself too, DuckDB has fewer columns.
    snowflake.connection.execute(
        "CREATE TABLE catalogue AS SELECT * FROM (VALUES ('PUBLIC', 'readings', 'BASE TABLE', 20, 900, now(), now()), "
        "('PUBLIC', 'log', 'BASE TABLE', 10, 300, now() - INTERVAL 3 DAY, now() - INTERVAL 2 DAY), "
        "('INFORMATION_SCHEMA', 'TABLES', 'VIEW', NULL, NULL, NULL, now())) "
        "t (table_schema, table_name, table_type, row_count, bytes, created, last_altered)"
    )
    overview: dict[str, list[Row]] = {
        "app: tables": [[2.0]],
        "app: rows, estimated": [[30.0]],
        "app: size": [[1200.0]],
        "app: tables changed in 24 hours": [[1.0]],
        "app: largest tables": [["readings", 900.0], ["log", 300.0]],
        "app: activity by table": [
            ["PUBLIC", "readings", 20.0, Positive(), Positive()],
            ["PUBLIC", "log", 10.0, Positive(), Positive()],
        ],
    }
    source = {"name": "app", "type": "snowflake", "secretRef": "snowflake-creds"}
    check(
        dashboards.render(properties("metabase", source, relations=True)),
        Expected(start, longest=False),
        overview,
        lambda sql: snowflake.run(sql.replace("information_schema.tables", "catalogue")),
    )


def test_these_are_all_templates() -> None:
    """The rule that names the templates names no other."""
    wrong = properties("metabase", {"name": "app", "type": "postgres", "secretRef": "app-db"})
    wrong["dashboards"] = [{"name": "x", "template": "unknown"}]
    with pytest.raises(AssertionError, match=f"use {', '.join(TEMPLATES.values())}, or configMap"):
        dashboards.render(wrong)


def test_the_page_on_dashboards_tells_of_all_templates_and_its_example_renders() -> None:
    text = (ROOT / "docs" / "dashboards.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+-[a-z]+)` \|", text, re.MULTILINE)) == set(TEMPLATES.values())
    (component,) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    objects = dashboards.render(component["properties"], component["type"])
    assert {board["uid"] for board in dashboards.grafana_dashboards(objects)} == {"streaming", "sensors"}
    assert objects["outputs.grafana-secret"]["metadata"]["name"] in text
