"""``lenses-hq-config.sh``, with a real PostgreSQL: HQ gets a hash that fits its administrator's password."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.doubles import databases
from tests.support.doubles.databases import ROOT_PASSWORD, Server
from tests.support.doubles.scripts import SHELLS, Script, failed, finish, require, succeeded
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = SHELLS

CONFIG = (
    'auth:\n  users:\n    - username: admin\n      password: "ADMIN_BCRYPT"\nlicense:\n  key: $(LENSESHQ_LICENSE)\n'
)

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with databases.postgres() as running:
        yield running


class Container:
    """The init container of HQ's pod, with a role and a database as ``postgres-databases.sh`` makes them."""

    def __init__(self, server: Server, folder: Path, shell: str) -> None:
        self.folder = folder
        self.role = f"lenses_{os.getpid()}_{next(_numbers)}"
        self.connection = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port)}
        (folder / "config.yaml").write_text(CONFIG)
        (folder / "databases").write_text(f"{self.role} {self.role}\n")
        (folder / self.role).write_text("secret")
        (folder / "postgres").write_text(ROOT_PASSWORD)
        self.make_database = Script(
            "postgres-databases.sh",
            shell,
            {
                **self.connection,
                "PGUSER": "postgres",
                "DATABASES_FILE": folder / "databases",
                "PASSWORDS_DIR": folder,
            },
        )
        self.script = Script(
            "lenses-hq-config.sh",
            shell,
            {
                **self.connection,
                "PGDATABASE": self.role,
                "PGUSER": self.role,
                "PGPASSWORD": "secret",
                "CONFIG_FILE": folder / "config.yaml",
                "TARGET_FILE": folder / "target.yaml",
            },
        )

    @property
    def hash(self) -> str:
        """The hash that was written, after a check that nothing else of the file changed."""
        before, after = CONFIG.split("ADMIN_BCRYPT")
        text = (self.folder / "target.yaml").read_text()
        assert text.startswith(before)
        assert text.endswith(after)
        return text[len(before) : -len(after)]

    def fits(self, password: str) -> bool:
        """Ask PostgreSQL whether the hash is that of a password."""
        sql = "BEGIN; CREATE EXTENSION pgcrypto; SELECT crypt(:'password', :'hash') = :'hash'; ROLLBACK;"
        return self.as_superuser(sql, "postgres", "-v", f"password={password}", "-v", f"hash={self.hash}") == "t"

    def as_superuser(self, sql: str, database: str, *options: str) -> str:
        env = {**self.connection, "PGUSER": "postgres", "PGPASSWORD": ROOT_PASSWORD, "PGDATABASE": database}
        done = process.run([require("psql"), "-XAtq", *options], env=env, stdin=sql)
        assert done.ok, done.stderr
        return done.stdout.strip()


@pytest.fixture
def container(server: Server, tmp_path: Path, shell: str) -> Container:
    return Container(server, tmp_path, shell)


@pytest.mark.parametrize("password", ["admin", 'it\'s "quoted" \\ $HOME `id` & | /', "x" * 40])
def test_the_hash_fits_the_password(container: Container, password: str) -> None:
    succeeded(container.make_database.run())
    done = container.script.run(ADMIN_PASSWORD=password)
    assert succeeded(done) == [f"wrote {container.folder}/target.yaml"]
    assert container.hash.startswith("$2a$10$")
    assert len(container.hash) == 60
    assert container.fits(password)
    assert not container.fits(password + "x")
    assert password not in done.stdout.replace(str(container.folder), "") + done.stderr
    assert (container.folder / "target.yaml").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("default", "password"), [("true", "from before"), ("false", "admin")])
def test_a_password_that_is_about_to_change(container: Container, default: str, password: str) -> None:
    """The Application has just asked for admin and admin, or no more; the Secret follows in a moment."""
    succeeded(container.make_database.run())
    done = container.script.run(ADMIN_PASSWORD=password, DEFAULT_CREDENTIALS=default, POLL_SECONDS=0)
    assert failed(done) == "the administrator's password is about to change; trying again"
    assert not (container.folder / "target.yaml").exists()


def test_a_word_that_is_neither_true_nor_false(container: Container) -> None:
    done = container.script.run(DEFAULT_CREDENTIALS="yes", POLL_SECONDS=0)
    assert failed(done) == "lenses-hq-config: DEFAULT_CREDENTIALS is yes: only true and false are known"


def test_a_password_of_the_users_own_may_be_any(container: Container) -> None:
    succeeded(container.make_database.run())
    succeeded(container.script.run(ADMIN_PASSWORD="admin"))  # noqa: S106
    assert container.fits("admin")


def test_waits_for_its_database(container: Container) -> None:
    sleep = container.folder / "bin" / "sleep"
    sleep.parent.mkdir()
    sleep.write_text("#!/bin/sh\nexec /usr/bin/sleep 0.1\n")
    sleep.chmod(0o755)
    container.script.env["PATH"] = f"{sleep.parent}:{container.script.env['PATH']}"
    running = container.script.start(ADMIN_PASSWORD="admin")  # noqa: S106
    assert running.stdout is not None
    first = running.stdout.readline()
    assert first.startswith("waiting: psql: error: connection to server at ")
    succeeded(container.make_database.run())
    succeeded(finish(running))
    assert container.fits("admin")


def test_says_when_the_role_may_not_make_the_extension(container: Container) -> None:
    """Whose database it is gives it: nobody else helps by waiting."""
    succeeded(container.make_database.run())
    role = container.role
    container.as_superuser(f"ALTER DATABASE {role} OWNER TO postgres", "postgres")
    container.as_superuser(f"REVOKE CREATE ON DATABASE {role} FROM {role}", "postgres")
    # Only its owner may connect to a database of ours: without this, it would be for that that the role is refused.
    container.as_superuser(f"GRANT CONNECT ON DATABASE {role} TO {role}", "postgres")
    said = container.script.run(ADMIN_PASSWORD="admin")  # noqa: S106
    assert said.returncode == 1
    assert said.stderr.splitlines()[0].startswith(
        f"lenses-hq-config: HQ needs the extension pgcrypto in the database {container.role} on 127.0.0.1, and "
        f"{container.role} cannot make it. As a superuser: CREATE EXTENSION pgcrypto. "
    )

    container.as_superuser("CREATE EXTENSION pgcrypto", container.role)
    succeeded(container.script.run(ADMIN_PASSWORD="admin"))  # noqa: S106
    assert container.fits("admin")


def test_ends_when_it_is_told_to(container: Container) -> None:
    """The first process of a container ignores a signal that it does not trap."""
    running = container.script.start(ADMIN_PASSWORD="admin")  # noqa: S106
    assert running.stdout is not None
    running.stdout.readline()
    running.terminate()
    assert finish(running).returncode == 143
