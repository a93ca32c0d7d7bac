"""``backup-mysql.sh``, with MariaDB for MySQL: what was there is there again, and what is there stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.doubles import databases
from tests.support.doubles.databases import ROOT_PASSWORD, Server
from tests.support.doubles.scripts import Script, require, succeeded
from vela_realtime import process

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = """
CREATE DATABASE plant CHARACTER SET utf8mb4;
CREATE DATABASE `metabase_app` CHARACTER SET utf8mb4;
USE plant;
CREATE TABLE readings (device varchar(20), value double);
INSERT INTO readings VALUES ('a', 1), ('ü', 2);
CREATE FUNCTION twice(x int) RETURNS int DETERMINISTIC RETURN 2 * x;
"""


class Copy:
    """A backup, and the servers that it is of and for."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.folder = folder / "backup"
        self.folder.mkdir()
        self.shell = shell
        require("mysqldump")

    def run(self, server: Server, verb: str) -> process.Completed:
        env = {"MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": server.port, "MYSQL_PWD": ROOT_PASSWORD}
        script = Script("backup-mysql.sh", self.shell, {**env, "BACKUP_DIR": self.folder, "POLL_SECONDS": "0.05"})
        script.argv.append(verb)
        return script.run()


def query(server: Server, sql: str) -> str:
    options = ["--no-defaults", "--host=127.0.0.1", f"--port={server.port}", "--user=root", "--batch", "-N"]
    done = process.run([require("mysql"), *options], stdin=sql, env={"MYSQL_PWD": ROOT_PASSWORD})
    assert done.ok, done.stderr
    return done.stdout


@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_rows_and_functions_are_there_again(tmp_path: Path, shell: str) -> None:
    copy = Copy(tmp_path, shell)
    with databases.mariadb() as server:
        query(server, CONTENT)
        assert sorted(succeeded(copy.run(server, "save"))) == [
            "database metabase_app: saved",
            "database plant: saved",
        ]
    whole = (copy.folder / "mysql" / "plant.sql").read_text()
    with databases.mariadb() as server:
        # One that ends too early leaves no database that anybody would take for whole.
        (copy.folder / "mysql" / "plant.sql").write_text(whole.partition("INSERT INTO")[0] + "no such statement;")
        assert copy.run(server, "restore").returncode != 0
        assert query(server, "SHOW TABLES FROM vela_realtime_restoring") == "plant\n"
        (copy.folder / "mysql" / "plant.sql").write_text(whole)
        assert "database plant: restored" in succeeded(copy.run(server, "restore"))
        assert query(server, "SELECT device, value FROM plant.readings ORDER BY 2; SELECT plant.twice(4)") == (
            "a\t1\nü\t2\n8\n"
        )
        assert "vela_realtime_restoring" not in query(server, "SHOW DATABASES")

        query(server, "DELETE FROM plant.readings")
        assert sorted(succeeded(copy.run(server, "restore"))) == [
            "database metabase_app: is there, and stays",
            "database plant: is there, and stays",
        ]
        assert query(server, "SELECT count(*) FROM plant.readings") == "0\n"
