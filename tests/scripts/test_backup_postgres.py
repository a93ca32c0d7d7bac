"""``backup-postgres.sh``, with a real PostgreSQL: what was there is there again, and what is there stays."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.support.doubles import databases
from tests.support.doubles.databases import ROOT_PASSWORD, Server
from tests.support.doubles.scripts import SHELLS, Script, failed, require, succeeded
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = SHELLS

CONTENT = """
CREATE ROLE plant LOGIN PASSWORD 'of plant';
CREATE ROLE "a-reader" LOGIN PASSWORD 'of reader';
GRANT pg_monitor TO "a-reader";
CREATE DATABASE plant OWNER plant;
CREATE DATABASE "metabase-app" OWNER plant;
\\connect plant plant
CREATE TABLE readings (device text, value double precision);
INSERT INTO readings SELECT 'd' || i, i FROM generate_series(1, 1000) i;
GRANT SELECT ON readings TO "a-reader";
"""


class Copy:
    """A backup, and the servers that it is of and for."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.folder = folder / "backup"
        self.folder.mkdir()
        self.shell = shell

    def script(self, server: Server) -> Script:
        env = {"PGHOST": "127.0.0.1", "PGPORT": server.port, "PGUSER": "postgres", "PGPASSWORD": ROOT_PASSWORD}
        return Script(
            "backup-postgres.sh",
            self.shell,
            {**env, "BACKUP_DIR": self.folder, "POLL_SECONDS": "0.05", "WAIT_SECONDS": "2"},
        )

    def run(self, server: Server, verb: str) -> list[str]:
        script = self.script(server)
        script.argv.append(verb)
        return succeeded(script.run())


def query(server: Server, sql: str, user: str = "postgres", password: str = ROOT_PASSWORD, database: str = "") -> str:
    connection = ["-h", "127.0.0.1", "-p", str(server.port), "-U", user, "-d", database or "postgres"]
    done = process.run([require("psql"), "-XAtq", *connection], stdin=sql, env={"PGPASSWORD": password})
    return done.stdout + done.stderr


@contextlib.contextmanager
def filled() -> Iterator[Server]:
    with databases.postgres() as server:
        connection = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres"]
        script = CONTENT.replace("\\connect plant plant", "\\connect plant\nSET ROLE plant;")
        done = process.run(
            [require("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", *connection],
            stdin=script,
            env={"PGPASSWORD": ROOT_PASSWORD},
        )
        assert done.ok, done.stderr
        yield server


def test_rows_roles_passwords_and_owners_are_there_again(tmp_path: Path, shell: str) -> None:
    copy = Copy(tmp_path, shell)
    with filled() as server:
        assert copy.run(server, "save") == ["database metabase-app: saved", "database plant: saved"]
    with databases.postgres() as server:
        assert copy.run(server, "restore") == ["database metabase-app: restored", "database plant: restored"]
        assert query(server, "SELECT count(*), sum(value) FROM readings", "a-reader", "of reader", "plant") == (
            "1000|500500\n"
        )
        owners = "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE NOT datistemplate ORDER BY 1"
        assert query(server, owners) == "metabase-app|plant\nplant|plant\npostgres|postgres\n"
        # The owner may go on where it was.
        assert query(server, "CREATE TABLE more (a int)", "plant", "of plant", "plant") == ""
        assert "pg_monitor" in query(server, "SELECT pg_get_userbyid(roleid) FROM pg_auth_members")

        # Again: nothing is changed.
        assert query(server, "DELETE FROM readings", database="plant") == ""
        assert copy.run(server, "restore") == [
            "database metabase-app: is there, and stays",
            "database plant: is there, and stays",
        ]
        assert query(server, "SELECT count(*) FROM readings", database="plant") == "0\n"


def test_a_restore_that_was_broken_off_is_made_anew(tmp_path: Path, shell: str) -> None:
    copy = Copy(tmp_path, shell)
    with filled() as server:
        copy.run(server, "save")
    with databases.postgres() as server:
        whole = (copy.folder / "postgres" / "plant.dump").read_bytes()
        (copy.folder / "postgres" / "plant.dump").write_bytes(whole[: len(whole) // 2])
        script = copy.script(server)
        script.argv.append("restore")
        assert script.run().returncode != 0
        assert query(server, "SELECT datname FROM pg_database WHERE datname = 'plant'") == ""
        (copy.folder / "postgres" / "plant.dump").write_bytes(whole)
        assert copy.run(server, "restore") == ["database metabase-app: is there, and stays", "database plant: restored"]
        assert query(server, "SELECT count(*) FROM readings", database="plant") == "1000\n"


def test_without_a_backup_of_it_there_is_nothing_to_restore(tmp_path: Path, shell: str) -> None:
    with databases.postgres() as server:
        assert Copy(tmp_path, shell).run(server, "restore") == []


def test_a_server_that_does_not_answer_is_told(tmp_path: Path, shell: str) -> None:
    script = Copy(tmp_path, shell).script(Server(1, tmp_path))
    script.argv.append("save")
    assert "backup-postgres.sh: gave up after 2 seconds: " in failed(script.run())
