"""``postgres-databases.sh``, with a real PostgreSQL."""

from __future__ import annotations

import itertools
import os
import random
import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.doubles import databases
from tests.support.doubles.databases import ROOT_PASSWORD, Server
from tests.support.doubles.scripts import SHELLS, Script, failed, finish, require, staying, succeeded
from vela_realtime import library, process

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

pytestmark = SHELLS

HARD_PASSWORDS = ["a\"b'x", "back\\slash", "$HOME `id` $(id) :name :'name'", "  blanks  ", "-- comment; /*", "ünï"]

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with databases.postgres() as running:
        yield running


class Job:
    """The Job that makes databases; every test has names of its own on the one server."""

    def __init__(self, server: Server, folder: Path, shell: str) -> None:
        self.server = server
        self.name = f"role_{os.getpid()}_{next(_numbers)}"
        self.passwords = folder / "passwords"
        self.passwords.mkdir()
        self.list = folder / "databases"
        self.set_password("postgres", ROOT_PASSWORD)
        self.script = Script(
            "postgres-databases.sh",
            shell,
            {
                "PGHOST": "127.0.0.1",
                "PGPORT": server.port,
                "PGUSER": "postgres",
                "DATABASES_FILE": self.list,
                "PASSWORDS_DIR": self.passwords,
                "POLL_SECONDS": "0.05",
                "WAIT_SECONDS": "20",
            },
        )

    def set_password(self, role: str, password: str) -> None:
        (self.passwords / role).write_text(password)

    def declare(self, *lines: str) -> None:
        self.list.write_text("".join(f"{line}\n" for line in lines))

    def query(self, sql: str, role: str, password: str, database: str = "postgres") -> process.Completed:
        connection = ["-h", "127.0.0.1", "-p", str(self.server.port), "-U", role, "-d", database]
        return process.run([require("psql"), "-XAtq", *connection, "-c", sql], env={"PGPASSWORD": password})

    def roles(self) -> list[str]:
        return self.query("SELECT rolname FROM pg_roles", "postgres", ROOT_PASSWORD).stdout.split()


@pytest.fixture
def job(server: Server, tmp_path: Path, shell: str) -> Job:
    return Job(server, tmp_path, shell)


def test_makes_a_role_and_its_database(job: Job) -> None:
    job.declare(f"{job.name} {job.name}-db", "")
    job.set_password(job.name, "secret")
    assert succeeded(job.script.run()) == [f"role {job.name}: {job.name}-db", "all roles and databases are there"]
    assert job.query("CREATE TABLE t (a int)", job.name, "secret", f"{job.name}-db").ok
    assert not job.query("SELECT 1", job.name, "wrong", f"{job.name}-db").ok


def test_a_reader_reads_what_the_owner_makes_and_nothing_else(job: Job) -> None:
    owner, reader, other = job.name, f"{job.name}r", f"{job.name}x"
    job.declare(f"{owner} {owner}", f"{other} {other}", f"{reader} {owner} read")
    for role in (owner, reader, other):
        job.set_password(role, role)
    assert f"role {reader}: {owner}" in succeeded(job.script.run())
    succeeded(job.script.run())
    assert job.query("CREATE TABLE t AS SELECT 7 AS a", owner, owner, owner).ok
    assert job.query("SELECT a FROM t", reader, reader, owner).stdout == "7\n"
    for sql in ("INSERT INTO t VALUES (1)", "DROP TABLE t", "CREATE TABLE u (a int)", "CREATE SCHEMA u"):
        assert not job.query(sql, reader, reader, owner).ok, sql
    assert not job.query("SELECT 1", reader, reader, other).ok


def test_a_reader_cannot_look_at_what_the_server_keeps_for_itself(job: Job) -> None:
    job.declare(f"{job.name} {job.name}", f"{job.name}r {job.name} read")
    for role in (job.name, f"{job.name}r"):
        job.set_password(role, role)
    succeeded(job.script.run())
    for sql in ("SELECT rolpassword FROM pg_authid", "SELECT * FROM pg_statistic", "SELECT * FROM pg_user_mapping"):
        assert "permission denied" in job.query(sql, f"{job.name}r", f"{job.name}r", job.name).stderr, sql


def test_a_reader_loses_what_earlier_versions_gave(job: Job) -> None:
    owner, reader = job.name, f"{job.name}r"
    job.declare(f"{owner} {owner}", f"{reader} -")
    for role in (owner, reader):
        job.set_password(role, role)
    succeeded(job.script.run())
    assert job.query(f"GRANT pg_read_all_data TO {reader}", "postgres", ROOT_PASSWORD).ok
    assert job.query("CREATE TABLE before AS SELECT 1 AS a", owner, owner, owner).ok

    job.declare(f"{owner} {owner}", f"{reader} {owner} read")
    succeeded(job.script.run())
    predefined = "SELECT count(*) FROM pg_auth_members WHERE member = CURRENT_USER::regrole"
    assert job.query(predefined, reader, reader, owner).stdout == "0\n"
    assert job.query("SELECT a FROM before", reader, reader, owner).stdout == "1\n"


def test_a_reader_reads_every_schema_of_whoever_owns_something(job: Job) -> None:
    first, second, reader = job.name, f"{job.name}x", f"{job.name}r"
    job.declare(f"{first} {first}", f"{second} {first}", f"{reader} {first} read")
    for role in (first, second, reader):
        job.set_password(role, role)
    assert job.script.run().ok
    for role in (first, second):
        made = f"CREATE SCHEMA s_{role} CREATE TABLE t (a serial) CREATE VIEW v AS TABLE t"
        assert job.query(made, role, role, first).ok
        for relation in ("t", "v", "t_a_seq"):
            assert job.query(f"TABLE s_{role}.{relation}", reader, reader, first).ok, relation


def session(job: Job, role: str, password: str, database: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """A connection of a role that stays, but for what the server says."""
    connection = ["-h", "127.0.0.1", "-p", str(job.server.port), "-U", role, "-d", database]
    command = [require("psql"), "-XAtq", *connection, "-c", "SELECT pg_sleep(60)"]
    there = "SELECT usename FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    return staying(
        command, {"PGPASSWORD": password}, lambda: role in job.query(there, "postgres", ROOT_PASSWORD).stdout
    )


def test_a_client_that_is_declared_no_more_goes_with_its_sessions_and_nobody_else_does(job: Job) -> None:
    owner, clients = job.name, f"{job.name}-client-"
    gone, stays, by_hand = f"{clients}gone's", f"{clients}stays", f"{job.name}-other"
    job.script.env["CLIENTS"] = clients
    job.declare(f"{owner} {owner}", f"{stays} {owner} read")
    for role in (owner, stays):
        job.set_password(role, role)
    succeeded(job.script.run())
    admin = ("postgres", ROOT_PASSWORD, owner)
    assert job.query("CREATE TABLE t AS SELECT 7 AS a", owner, owner, owner).ok
    assert job.query(f"CREATE ROLE \"{by_hand}\" LOGIN PASSWORD 'x'", *admin).ok
    made = (
        f'CREATE ROLE "{gone}" LOGIN PASSWORD \'x\'; GRANT CONNECT ON DATABASE "{owner}" TO "{gone}";'
        f'GRANT SELECT ON t TO "{gone}"; ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" GRANT SELECT ON TABLES TO "{gone}"'
    )
    assert job.query(made, *admin).ok
    with session(job, gone, "x", owner) as connected:
        assert f"role {gone}: withdrawn" in succeeded(job.script.run())
        assert connected.wait(10) != 0
    assert gone not in job.roles()
    assert job.query("SELECT a FROM t", stays, stays, owner).stdout == "7\n"
    assert job.query("SELECT 1", by_hand, "x").ok
    assert not [line for line in succeeded(job.script.run()) if "withdrawn" in line]


def test_clients_stay_where_nobody_says_that_they_are_the_scripts(job: Job) -> None:
    job.declare(f"{job.name} {job.name}", f"client-{job.name} {job.name} read")
    job.set_password(job.name, "x")
    job.set_password(f"client-{job.name}", "x")
    succeeded(job.script.run())
    job.declare(f"{job.name} {job.name}")
    succeeded(job.script.run())
    assert job.query("SELECT 1", f"client-{job.name}", "x", job.name).ok


def test_two_runs_at_once_withdraw_a_client(job: Job) -> None:
    job.script.env["CLIENTS"] = f"{job.name}-c"
    reader = f"{job.name}r"
    for role in (job.name, reader):
        job.set_password(role, "x")
    for number in range(3):
        client = f"{job.name}-c{number}"
        job.set_password(client, "x")
        job.declare(f"{job.name} {job.name}", f"{reader} {job.name} read", f"{client} {job.name} read")
        succeeded(job.script.run())
        job.declare(f"{job.name} {job.name}", f"{reader} {job.name} read")
        for running in [job.script.start(), job.script.start()]:
            succeeded(finish(running))
        assert client not in job.roles()


def test_a_second_run_keeps_the_data_and_applies_a_new_password(job: Job) -> None:
    job.declare(f"{job.name} {job.name}")
    job.set_password(job.name, "first")
    succeeded(job.script.run())
    assert job.query("CREATE TABLE t (a int)", job.name, "first", job.name).ok

    job.set_password(job.name, "second\n")
    succeeded(job.script.run())
    assert job.query("SELECT * FROM t", job.name, "second", job.name).ok
    assert not job.query("SELECT 1", job.name, "first", job.name).ok


@pytest.mark.parametrize("password", HARD_PASSWORDS)
def test_any_password(job: Job, password: str) -> None:
    job.declare(f"{job.name} {job.name}")
    job.set_password(job.name, password)
    done = job.script.run()
    succeeded(done)
    assert job.query("SELECT 1", job.name, password, job.name).ok
    assert password not in done.stdout + done.stderr


def test_others_cannot_look_into_a_database(job: Job) -> None:
    job.declare(f"{job.name} {job.name}", f"{job.name}x {job.name}x")
    job.set_password(job.name, "secret")
    job.set_password(f"{job.name}x", "secret")
    succeeded(job.script.run())
    refused = job.query("SELECT 1", job.name, "secret", f"{job.name}x")
    assert "permission denied for database" in refused.stderr


def test_the_tables_of_a_dashboard_that_is_gone_are_dropped_as_the_guide_says(job: Job) -> None:
    job.declare("metabase_app metabase_app")
    job.set_password("metabase_app", "secret")
    succeeded(job.script.run())
    assert job.query("CREATE TABLE t (a int)", "metabase_app", "secret", "metabase_app").ok
    for sql in re.findall(r"-c '(DROP [^']+)'", (library.find().root / "docs" / "dashboards.md").read_text()):
        assert job.query(sql, "postgres", ROOT_PASSWORD).ok, sql
    assert "metabase_app" not in job.roles()


def test_two_roles_may_share_a_database(job: Job) -> None:
    job.declare(f"{job.name} {job.name}", f"{job.name}x {job.name}")
    job.set_password(job.name, "secret")
    job.set_password(f"{job.name}x", "secret")
    succeeded(job.script.run())
    assert job.query("CREATE SCHEMA own", f"{job.name}x", "secret", job.name).ok


def test_a_role_without_a_database_may_read_statistics(job: Job) -> None:
    job.declare(f"{job.name} -")
    job.set_password(job.name, "secret")
    succeeded(job.script.run())
    assert job.query("SELECT pg_has_role('pg_monitor', 'member')", job.name, "secret").stdout.strip() == "t"


def test_the_superusers_password_is_rotated(job: Job) -> None:
    job.declare(f"{job.name} {job.name}")
    job.set_password(job.name, "secret")
    job.set_password("postgres", "rotated 'password'")
    job.set_password("postgres.previous", ROOT_PASSWORD)
    try:
        assert "postgres: password changed" in succeeded(job.script.run())
        assert job.query("SELECT 1", "postgres", "rotated 'password'").ok
        assert not job.query("SELECT 1", "postgres", ROOT_PASSWORD).ok
        assert "postgres: password changed" not in succeeded(job.script.run())
    finally:
        job.set_password("postgres", ROOT_PASSWORD)
        job.set_password("postgres.previous", "rotated 'password'")
        succeeded(job.script.run())


@pytest.mark.parametrize("content", [None, ""])
def test_a_role_without_a_password(job: Job, content: str | None) -> None:
    job.declare(f"{job.name} {job.name}")
    if content is not None:
        job.set_password(job.name, content)
    assert failed(job.script.run()) == f"postgres-databases: there is no password for the role {job.name}"
    assert job.name not in job.roles()


@pytest.mark.parametrize("what", ["write", "read write", "-"])
def test_a_word_that_is_not_known(job: Job, what: str) -> None:
    job.declare(f"{job.name} {job.name} {what}")
    job.set_password(job.name, "secret")
    said = failed(job.script.run())
    assert said == f"postgres-databases: {job.name} may {what} in {job.name}: only read is known"


def test_waits_for_the_server(job: Job) -> None:
    job.declare(f"{job.name} {job.name}")
    job.set_password(job.name, "secret")
    assert job.script.first_line(PGPORT=1).startswith("waiting: psql: error: connection to server")


def test_gives_up_with_the_reason(job: Job) -> None:
    job.declare(f"{job.name} {job.name}")
    job.set_password(job.name, "secret")
    assert "Is the server running on that host" in failed(job.script.run(PGPORT=1, WAIT_SECONDS=0))

    job.set_password("postgres", "wrong")
    assert 'password authentication failed for user "postgres"' in failed(job.script.run(WAIT_SECONDS=0))


def test_two_at_once(job: Job) -> None:
    names = [f"{job.name}_{number}" for number in range(4)]
    job.declare(*(f"{name} {name}" for name in names))
    for name in names:
        job.set_password(name, "secret")
    for running in [job.script.start() for _ in range(3)]:
        succeeded(finish(running))
    assert all(job.query("SELECT 1", name, "secret", name).ok for name in names)


def test_killed_at_any_point(job: Job) -> None:
    names = [f"{job.name}_{number}" for number in range(4)]
    job.declare(*(f"{name} {name}" for name in names))
    for name in names:
        job.set_password(name, "secret")
    started = time.monotonic()
    job.declare(f"{job.name} -")
    job.set_password(job.name, "secret")
    succeeded(job.script.run())
    longest = 2 * (time.monotonic() - started)
    job.declare(*(f"{name} {name}" for name in names))
    chance = random.Random(7)  # noqa: S311
    for _ in range(6):
        job.script.run_and_kill(chance.uniform(0, longest))
    succeeded(job.script.run())
    assert all(job.query("SELECT 1", name, "secret", name).ok for name in names)
