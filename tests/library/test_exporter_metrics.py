"""Metrics that exporters make of what a server tells: the servers themselves are asked whether they tell it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.library.test_monitoring import EXPORTERS
from tests.support.doubles import databases
from tests.support.doubles.databases import ROOT_PASSWORD
from tests.support.doubles.ports import free_port, listens
from tests.support.doubles.scripts import require, wait_until
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def listed(exporter: str, prefix: str) -> set[str]:
    """Return what is behind the prefix in the names of an exporter's metrics."""
    return {name.removeprefix(prefix) for name in EXPORTERS[exporter]["metrics"] if name.startswith(prefix)}


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[int]:
    port = free_port()
    (tmp_path / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nsys_interval 1\nuser root\n"
    )
    with (tmp_path / "log").open("w") as log:
        argv = [require("mosquitto"), "-c", str(tmp_path / "mosquitto.conf")]
        running = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        wait_until(lambda: listens(port))
        yield port
    finally:
        running.terminate()
        running.wait()


def test_mosquitto_publishes_what_its_exporter_makes_metrics_of(mosquitto: int) -> None:
    """The exporter calls a metric after its topic, without ``$SYS`` and with _ for slashes and blanks."""
    argv = [require("mosquitto_sub"), "-p", str(mosquitto), "-t", "$SYS/#", "-W", "3", "-F", "%t"]
    topics = set(process.run(argv).stdout.splitlines())
    names = {topic.removeprefix("$SYS/").replace("/", "_").replace(" ", "_") for topic in topics}
    assert set(EXPORTERS["mosquitto-exporter"]["metrics"]) <= names


def test_postgres_has_the_columns() -> None:
    with databases.postgres() as server:
        connection = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres"]
        columns = "SELECT attname FROM pg_attribute WHERE attrelid = 'pg_stat_database'::regclass"
        queries = ["-c", columns, "-c", "SELECT name FROM pg_settings"]
        done = process.run([require("psql"), "-XAtq", *connection, *queries], env={"PGPASSWORD": ROOT_PASSWORD})
    names = set(done.stdout.split())
    assert listed("postgres-exporter", "pg_stat_database_") | listed("postgres-exporter", "pg_settings_") <= names


def test_mysql_has_the_variables() -> None:
    with databases.mariadb() as server:
        connection = ["--protocol=tcp", "-h", "127.0.0.1", "-P", str(server.port), "-u", "root"]
        argv = [
            require("mysql"),
            "--no-defaults",
            *connection,
            "-BN",
            "-e",
            "SHOW GLOBAL STATUS; SHOW GLOBAL VARIABLES",
        ]
        done = process.run(argv, env={"MYSQL_PWD": ROOT_PASSWORD})
    names = {line.split("\t")[0].lower() for line in done.stdout.splitlines()}
    status, variables = (listed("mysql-exporter", f"mysql_global_{kind}_") for kind in ("status", "variables"))
    assert status | variables <= names
    assert len(status) > 4
