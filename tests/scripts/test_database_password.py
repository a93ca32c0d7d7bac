"""``postgres-password.sh`` and ``mysql-password.sh``: old data takes the password of a new Secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.doubles import databases
from tests.support.doubles.databases import ROOT_PASSWORD
from tests.support.doubles.scripts import SHELLS, Script, failed, require, succeeded
from vela_realtime import process

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = SHELLS

PASSWORDS = ["new", "  a\"b'x back\\slash\\' $HOME `id` ; -- /* ünï  "]


class Postgres:
    """A server's data without the server, and the script for it."""

    def __init__(self, data: databases.Data, folder: Path, shell: str) -> None:
        self.data = data
        self.password = folder / "password"
        env = {"PGDATA": data.folder, "PGUSER": "postgres", "PASSWORD_FILE": self.password}
        self.script = Script("postgres-password.sh", shell, env, path=databases.postgres_folder())
        # PostgreSQL does not run as root.
        self.script.argv = [*databases.as_server(), *self.script.argv]

    def accepts(self, password: str) -> bool:
        with databases.postgres_of(self.data) as server:
            connection = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-d", "postgres"]
            done = process.run([require("psql"), "-XAtqw", *connection, "-c", "SELECT 1"], env={"PGPASSWORD": password})
            return done.ok


def test_postgres_takes_any_password(shell: str) -> None:
    with databases.postgres_data() as data:
        it = Postgres(data, data.folder.parent, shell)
        for password in PASSWORDS:
            it.password.write_text(f"{password}\n")
            it.password.chmod(0o644)
            done = it.script.run()
            assert succeeded(done) == ["the password of postgres is the Secret's"]
            assert password not in done.stderr
            assert it.accepts(password)
        assert not it.accepts(ROOT_PASSWORD)
        it.password.write_text("")
        assert failed(it.script.run()) == "postgres-password: the password is empty"


def test_postgres_of_another_major_version_is_left_alone(shell: str) -> None:
    with databases.postgres_data() as data:
        it = Postgres(data, data.folder.parent, shell)
        it.password.write_text("new")
        it.password.chmod(0o644)
        version = data.folder / "PG_VERSION"
        mine = version.read_text().strip()
        version.write_text("12\n")
        assert failed(it.script.run()) == (
            f"postgres-password: the volume has data of PostgreSQL 12, which PostgreSQL {mine} cannot read: go back to "
            f"12 with images.postgres, make a backup, and restore it into {mine} on a new volume"
        )
        version.write_text(f"{mine}\n")
        assert it.accepts(ROOT_PASSWORD)


def test_postgres_without_data(shell: str, tmp_path: Path) -> None:
    script = Script("postgres-password.sh", shell, {"PGDATA": tmp_path, "PGUSER": "x", "PASSWORD_FILE": "/none"})
    assert succeeded(script.run()) == [f"{tmp_path} is empty"]


def test_postgres_whose_first_start_was_ended(shell: str) -> None:
    """A node that is lost while initdb runs leaves what the image takes for a whole database."""
    with databases.postgres_half_made() as data:
        beside = data.folder.parent / "beside"
        beside.write_text("stays")
        it = Postgres(data, data.folder.parent, shell)
        said = f"{data.folder}: its making was broken off, and no server has run on it: it is made anew"
        assert succeeded(it.script.run()) == [said]
        assert list(data.folder.iterdir()) == []
        assert beside.read_text() == "stays"
        assert succeeded(it.script.run()) == [f"{data.folder} is empty"]


@pytest.mark.parametrize("missing", ["global/pg_filenode.map", "global/pg_control"])
def test_postgres_that_has_run_is_never_deleted(shell: str, missing: str) -> None:
    with databases.postgres_data() as data:
        with databases.postgres_of(data):
            pass
        it = Postgres(data, data.folder.parent, shell)
        it.password.write_text("new")
        it.password.chmod(0o644)
        (data.folder / missing).unlink()
        files = set(data.folder.rglob("*"))
        failed(it.script.run())
        assert set(data.folder.rglob("*")) >= files


def mysql_script(folder: Path, shell: str) -> Script:
    env = {"DATA_DIR": folder, "PASSWORD_FILE": folder / "password", "INIT_FILE": folder / "init.sql"}
    return Script("mysql-password.sh", shell, env)


def test_mysql_without_data(shell: str, tmp_path: Path) -> None:
    (tmp_path / "init.sql").write_text("old")
    assert succeeded(mysql_script(tmp_path, shell).run()) == [f"{tmp_path} is empty"]
    assert (tmp_path / "init.sql").read_text() == ""


@pytest.mark.parametrize("password", PASSWORDS)
def test_mysql_takes_any_password(shell: str, tmp_path: Path, password: str) -> None:
    (tmp_path / "mysql").mkdir()
    (tmp_path / "password").write_text(f"{password}\n")
    done = mysql_script(tmp_path, shell).run()
    assert succeeded(done) == ["the password of root becomes the Secret's"]
    statements = tmp_path / "init.sql"
    assert statements.stat().st_mode & 0o777 == 0o600
    with databases.mariadb(statements.read_text()) as server:
        connection = ["--no-defaults", "--host=127.0.0.1", f"--port={server.port}", "--protocol=tcp", "--user=root"]
        assert process.run([require("mysql"), *connection, "-e", "SELECT 1"], env={"MYSQL_PWD": password}).ok
        assert not process.run([require("mysql"), *connection, "-e", "SELECT 1"], env={"MYSQL_PWD": ROOT_PASSWORD}).ok


def test_mysql_whose_first_start_was_ended(shell: str, tmp_path: Path) -> None:
    """The image makes the account that signs in from elsewhere after the data, and only at the first start."""
    (tmp_path / "mysql").mkdir()
    (tmp_path / "password").write_text("new")
    succeeded(mysql_script(tmp_path, shell).run())
    statements = (tmp_path / "init.sql").read_text()
    with databases.mariadb(f"DROP USER 'root'@'%';\n{statements}") as server:
        connection = ["--no-defaults", "--host=127.0.0.1", f"--port={server.port}", "--protocol=tcp", "--user=root"]
        sql = "CREATE USER app; CREATE DATABASE app; GRANT ALL ON app.* TO app"
        done = process.run([require("mysql"), *connection, "-e", sql], env={"MYSQL_PWD": "new"})
        assert done.ok, done.stderr


def test_mysql_refuses_an_empty_password(shell: str, tmp_path: Path) -> None:
    (tmp_path / "mysql").mkdir()
    (tmp_path / "password").write_text("\n")
    assert failed(mysql_script(tmp_path, shell).run()) == "mysql-password: the password is empty"


def test_mysql_of_another_major_version_is_left_alone(shell: str, tmp_path: Path) -> None:
    (tmp_path / "data" / "mysql").mkdir(parents=True)
    (tmp_path / "password").write_text("new")
    (tmp_path / "mysqld").write_text(
        "#!/bin/sh\necho 'mysqld  Ver 8.4.11 for Linux on x86_64 (MySQL Community Server - GPL)'\n"
    )
    (tmp_path / "mysqld").chmod(0o755)
    history = tmp_path / "data" / "mysql_upgrade_history"
    env = {"DATA_DIR": tmp_path / "data", "PASSWORD_FILE": tmp_path / "password", "INIT_FILE": tmp_path / "init"}
    script = Script("mysql-password.sh", shell, env, path=str(tmp_path))
    entry = '{"date":"2026-01-01 00:00:00","version":"%s","maturity":"LTS"%s}'
    form = '{"file_format":"1","upgrade_history":[%s]}'

    history.write_text(form % entry % ("9.7.2", ',"initialize":true'))
    assert failed(script.run()) == (
        "mysql-password: the volume has data of MySQL 9, and this is MySQL 8: go back to 9 with images.mysql, make a "
        "backup, and restore it into 8 on a new volume"
    )
    history.write_text(form % ",".join([entry % ("8.0.40", ',"initialize":true'), entry % ("8.4.0", "")]))
    assert succeeded(script.run()) == ["the password of root becomes the Secret's"]
    history.unlink()
    assert succeeded(script.run()) == ["the password of root becomes the Secret's"]
