"""``mysql-databases.sh``, with a real MariaDB, which speaks this part of MySQL's SQL."""

from __future__ import annotations

import itertools
import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.doubles import databases
from tests.support.doubles.databases import ROOT_PASSWORD, Server
from tests.support.doubles.scripts import SHELLS, Script, failed, finish, require, staying, succeeded
from vela_realtime import process

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

pytestmark = SHELLS

HARD_PASSWORDS = ["a\"b'x", "back\\slash", "$HOME `id` $(id)", "  blanks  ", "-- comment; /*", "ünï", "end\\"]

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with databases.mariadb() as running:
        yield running


class Job:
    """The Job that makes databases; every test has names of its own on the one server."""

    def __init__(self, server: Server, folder: Path, shell: str) -> None:
        self.server = server
        self.name = f"user_{os.getpid()}_{next(_numbers)}"
        self.passwords = folder / "passwords"
        self.passwords.mkdir()
        self.list = folder / "databases"
        self.set_password("root", ROOT_PASSWORD)
        self.script = Script(
            "mysql-databases.sh",
            shell,
            {
                "MYSQL_HOST": "127.0.0.1",
                "MYSQL_PORT": server.port,
                "DATABASES_FILE": self.list,
                "PASSWORDS_DIR": self.passwords,
                "POLL_SECONDS": "0.05",
                "WAIT_SECONDS": "20",
            },
        )

    def set_password(self, user: str, password: str) -> None:
        (self.passwords / user).write_text(password)

    def declare(self, *lines: str) -> None:
        self.list.write_text("".join(f"{line}\n" for line in lines))

    def query(self, sql: str, user: str, password: str, database: str = "") -> process.Completed:
        connection = ["--protocol=tcp", "-h", "127.0.0.1", "-P", str(self.server.port), "-u", user]
        argv = [require("mysql"), "--no-defaults", *connection, "-BN", "-e", sql, *([database] if database else [])]
        return process.run(argv, env={"MYSQL_PWD": password})


def session(job: Job, user: str, password: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """A connection of a user that stays, but for what the server says."""
    connection = ["--protocol=tcp", "-h", "127.0.0.1", "-P", str(job.server.port), "-u", user]
    command = [require("mysql"), "--no-defaults", *connection, "-e", "SELECT SLEEP(60)"]
    there = f'SELECT COUNT(*) FROM information_schema.processlist WHERE User = "{user}" AND Command = "Query"'  # noqa: S608
    return staying(command, {"MYSQL_PWD": password}, lambda: job.query(there, "root", ROOT_PASSWORD).stdout == "1\n")


@pytest.fixture
def job(server: Server, tmp_path: Path, shell: str) -> Job:
    return Job(server, tmp_path, shell)


def test_a_reader_reads_what_the_owner_makes_and_nothing_else(job: Job) -> None:
    owner, reader, other = job.name, f"{job.name}r", f"{job.name}x"
    job.declare(f"{owner} {owner}", f"{other} {other}", f"{reader} {owner} read")
    for user in (owner, reader, other):
        job.set_password(user, user)
    assert f"user {reader}: {owner}" in succeeded(job.script.run())
    succeeded(job.script.run())
    assert job.query("CREATE TABLE t AS SELECT 7 AS a", owner, owner, owner).ok
    assert job.query("SELECT a FROM t", reader, reader, owner).stdout == "7\n"
    for sql in ("INSERT INTO t VALUES (1)", "DROP TABLE t", "CREATE TABLE u (a int)", "CREATE DATABASE u"):
        assert not job.query(sql, reader, reader, owner).ok, sql
    assert not job.query("SELECT 1", reader, reader, other).ok


def test_a_client_that_is_declared_no_more_goes_with_its_sessions_and_nobody_else_does(job: Job) -> None:
    owner, clients = job.name, f"{job.name}-c"
    gone, stays, by_hand = f"{clients}'s", f"{clients}2", f"{job.name}o"
    job.script.env["CLIENTS"] = clients
    job.declare(f"{owner} {owner}", f"{stays} {owner} read")
    for user in (owner, stays):
        job.set_password(user, user)
    succeeded(job.script.run())
    for user in (gone, by_hand):
        made = f"CREATE USER \"{user}\"@'%' IDENTIFIED BY 'x'; GRANT SELECT ON `{owner}`.* TO \"{user}\"@'%'"
        assert job.query(made, "root", ROOT_PASSWORD).ok
    with session(job, gone, "x") as connected:
        assert f"user {gone}: withdrawn" in succeeded(job.script.run())
        assert connected.wait(10) != 0
    assert "Access denied" in job.query("SELECT 1", gone, "x").stderr
    for user, password in ((stays, stays), (by_hand, "x")):
        assert job.query("SELECT 1", user, password, owner).ok, user
    assert not [line for line in succeeded(job.script.run()) if "withdrawn" in line]


def test_clients_go_while_the_password_of_root_is_rotated(job: Job) -> None:
    job.script.env["CLIENTS"] = f"{job.name}-c"
    job.declare(f"{job.name} {job.name}", f"{job.name}-c {job.name} read")
    for user in (job.name, f"{job.name}-c"):
        job.set_password(user, "x")
    succeeded(job.script.run())
    job.declare(f"{job.name} {job.name}")
    job.set_password("root.previous", ROOT_PASSWORD)
    job.set_password("root", "new")
    try:
        said = succeeded(job.script.run())
        assert f"user {job.name}-c: withdrawn" in said
        assert "root: password changed" in said
    finally:
        job.set_password("root.previous", "new")
        job.set_password("root", ROOT_PASSWORD)
        succeeded(job.script.run())


def test_makes_a_user_and_a_database(job: Job) -> None:
    job.declare(f"{job.name} {job.name}-db", "")
    job.set_password(job.name, "secret")
    assert succeeded(job.script.run()) == [f"user {job.name}: {job.name}-db", "all users and databases are there"]
    assert job.query("CREATE TABLE t (a int)", job.name, "secret", f"{job.name}-db").ok
    assert not job.query("SELECT 1", job.name, "wrong").ok


def test_a_second_run_keeps_the_data_and_applies_a_new_password(job: Job) -> None:
    job.declare(f"{job.name} {job.name}")
    job.set_password(job.name, "first")
    succeeded(job.script.run())
    assert job.query("CREATE TABLE t (a int)", job.name, "first", job.name).ok

    job.set_password(job.name, "second\n")
    succeeded(job.script.run())
    assert job.query("SELECT * FROM t", job.name, "second", job.name).ok
    assert not job.query("SELECT 1", job.name, "first").ok


@pytest.mark.parametrize("password", HARD_PASSWORDS)
def test_any_password(job: Job, password: str) -> None:
    job.declare(f"{job.name} {job.name}")
    job.set_password(job.name, password)
    done = job.script.run()
    succeeded(done)
    assert job.query("SELECT 1", job.name, password, job.name).ok
    assert password not in done.stdout + done.stderr


def test_an_underscore_gives_no_right_to_other_databases(job: Job) -> None:
    other = job.name.replace("_", "x")
    job.declare(f"{job.name} {job.name}", f"{other} {other}")
    job.set_password(job.name, "secret")
    job.set_password(other, "secret")
    succeeded(job.script.run())
    assert "Access denied" in job.query("SELECT 1", job.name, "secret", other).stderr


def test_a_user_without_a_database_may_read_statistics(job: Job) -> None:
    job.declare(f"{job.name} -")
    job.set_password(job.name, "secret")
    succeeded(job.script.run())
    assert job.query("SHOW PROCESSLIST; SELECT count(*) FROM performance_schema.threads", job.name, "secret").ok
    assert "denied" in job.query("SELECT * FROM mysql.user", job.name, "secret").stderr


def test_roots_password_is_rotated(job: Job) -> None:
    job.declare(f"{job.name} {job.name}")
    job.set_password(job.name, "secret")
    job.set_password("root", "rotated 'pass\\word'")
    job.set_password("root.previous", ROOT_PASSWORD)
    try:
        assert "root: password changed" in succeeded(job.script.run())
        assert job.query("SELECT 1", "root", "rotated 'pass\\word'").ok
        assert not job.query("SELECT 1", "root", ROOT_PASSWORD).ok
        assert "root: password changed" not in succeeded(job.script.run())
    finally:
        job.set_password("root", ROOT_PASSWORD)
        job.set_password("root.previous", "rotated 'pass\\word'")
        succeeded(job.script.run())


@pytest.mark.parametrize("content", [None, ""])
def test_a_user_without_a_password(job: Job, content: str | None) -> None:
    job.declare(f"{job.name} {job.name}")
    if content is not None:
        job.set_password(job.name, content)
    assert failed(job.script.run()) == f"mysql-databases: there is no password for the user {job.name}"


@pytest.mark.parametrize("what", ["write", "read write", "-"])
def test_a_word_that_is_not_known(job: Job, what: str) -> None:
    job.declare(f"{job.name} {job.name} {what}")
    job.set_password(job.name, "secret")
    said = failed(job.script.run())
    assert said == f"mysql-databases: {job.name} may {what} in {job.name}: only read is known"


def test_waits_for_the_server(job: Job) -> None:
    job.declare(f"{job.name} {job.name}")
    job.set_password(job.name, "secret")
    assert job.script.first_line(MYSQL_PORT=1).startswith("waiting: ERROR 2002")


def test_gives_up_with_the_reason(job: Job) -> None:
    job.declare(f"{job.name} {job.name}")
    job.set_password(job.name, "secret")
    assert "gave up after 0 seconds: ERROR 2002" in failed(job.script.run(MYSQL_PORT=1, WAIT_SECONDS=0))

    job.set_password("root", "wrong")
    assert "Access denied for user 'root'" in failed(job.script.run(WAIT_SECONDS=0))


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
    for name in (*names, job.name):
        job.set_password(name, "secret")
    job.declare(f"{job.name} -")
    started = time.monotonic()
    succeeded(job.script.run())
    longest = 2 * (time.monotonic() - started)
    job.declare(*(f"{name} {name}" for name in names))
    chance = random.Random(7)  # noqa: S311
    for _ in range(6):
        job.script.run_and_kill(chance.uniform(0, longest))
    succeeded(job.script.run())
    assert all(job.query("SELECT 1", name, "secret", name).ok for name in names)
