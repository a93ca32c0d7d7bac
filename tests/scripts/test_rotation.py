"""A rotation of all passwords of a platform, broken off at every step: what it renders, with real servers.

Kubernetes' part is played: a pod starts when each key that its volumes name is in its Secret, and not before.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import signal
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.support.doubles import databases, mosquitto
from tests.support.doubles.kubernetes_api import NAMESPACE, KubernetesApi
from tests.support.doubles.ports import free_port
from tests.support.doubles.scripts import Script, finish, require, succeeded
from vela_realtime import library, process
from vela_realtime.library import fixtures

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.doubles.http_double import Answer, Request

LIBRARY = library.find()
SHELL = "busybox"


@functools.cache
def _case(name: str) -> str:
    (case,) = (case for case in fixtures.load(LIBRARY, "realtime-platform") if case.name == name)
    result = fixtures.render_package(LIBRARY, "realtime-platform", case, "component")
    assert not result.problems, result.problems
    return json.dumps({key.removeprefix("outputs."): value for key, value in result.objects.items()})


def rendered(name: str, rotation: int) -> dict[str, Any]:
    """Return what a case with a second rotation renders for another one."""
    text = _case(name).replace(".rotation-1", ".rotation-before").replace(".rotation-2", f".rotation-{rotation}")
    objects: dict[str, Any] = json.loads(text.replace(".rotation-before", f".rotation-{rotation - 1}"))
    return objects


class Api(KubernetesApi):
    """An API server in front of which a script is killed: after so many of its changes."""

    victim: subprocess.Popen[str] | None = None
    changes: int = -1

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if request.method == "PATCH" and answer.status == 200:
            self.changes -= 1
        if self.changes == 0 and self.victim is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.victim.pid, signal.SIGKILL)
        return answer


class Database(Protocol):
    """A database server that runs."""

    port: int

    def start_anew(self, password: Path) -> None:
        """Do what its pod does when it starts with this administrator's password."""

    def job(self, list_of_roles: Path, passwords: Path) -> Script:
        """Return the Job that sets the passwords."""

    def accepts(self, user: str, password: str) -> bool:
        """Tell whether somebody is let in."""


class Postgres:
    """PostgreSQL, whose pod runs ``postgres-password.sh`` first."""

    def __init__(self, data: databases.Data, stack: contextlib.ExitStack) -> None:
        self.data = data
        self.outer = stack
        self.port = free_port()
        self.server = contextlib.ExitStack()
        stack.callback(lambda: self.server.close())

    def start_anew(self, password: Path) -> None:
        self.server.close()
        # Its user cannot look into pytest's folder.
        copied = self.data.folder.parent / "password"
        copied.write_text(password.read_text())
        copied.chmod(0o644)
        env = {"PGDATA": self.data.folder, "PGUSER": "postgres", "PASSWORD_FILE": copied}
        script = Script("postgres-password.sh", SHELL, env, path=databases.postgres_folder())
        script.argv = [*databases.as_server(), *script.argv]
        succeeded(script.run())
        self.server.enter_context(databases.postgres_of(self.data, self.port))

    def job(self, list_of_roles: Path, passwords: Path) -> Script:
        env = {"PGHOST": "127.0.0.1", "PGPORT": self.port, "PGUSER": "postgres", "DATABASES_FILE": list_of_roles}
        return Script("postgres-databases.sh", SHELL, {**env, "PASSWORDS_DIR": passwords, "POLL_SECONDS": "0.05"})

    def accepts(self, user: str, password: str) -> bool:
        connection = ["-h", "127.0.0.1", "-p", str(self.port), "-U", user, "-d", "postgres"]
        return process.run(
            [f"{databases.postgres_folder()}/psql", "-XAtqw", *connection, "-c", "SELECT 1"],
            env={"PGPASSWORD": password},
        ).ok


class MySQL:
    """MariaDB in the place of MySQL, whose pod has the server run what ``mysql-password.sh`` writes."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.folder = folder
        self.root = databases.ROOT_PASSWORD
        (folder / "data" / "mysql").mkdir(parents=True)

    def _mysql(self, user: str, password: str, *options: str, stdin: str | None = None) -> process.Completed:
        connection = ["--no-defaults", "--host=127.0.0.1", f"--port={self.port}", "--protocol=tcp", f"--user={user}"]
        return process.run([require("mysql"), *connection, *options], stdin=stdin, env={"MYSQL_PWD": password})

    def start_anew(self, password: Path) -> None:
        init = self.folder / "init.sql"
        env = {"DATA_DIR": self.folder / "data", "PASSWORD_FILE": password, "INIT_FILE": init}
        succeeded(Script("mysql-password.sh", SHELL, env).run())
        done = self._mysql("root", self.root, stdin=init.read_text())
        assert done.ok, done.stderr
        self.root = password.read_text()

    def job(self, list_of_roles: Path, passwords: Path) -> Script:
        env = {"MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": self.port, "DATABASES_FILE": list_of_roles}
        return Script("mysql-databases.sh", SHELL, {**env, "PASSWORDS_DIR": passwords, "POLL_SECONDS": "0.05"})

    def accepts(self, user: str, password: str) -> bool:
        return self._mysql(user, password, "-e", "SELECT 1").ok


class Broker:
    """Mosquitto, whose pod runs ``mosquitto-auth.sh`` first."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self.port = free_port()
        self.server = contextlib.ExitStack()
        self.path = str(mosquitto.install_mosquitto_passwd(folder / "mosquitto-2.1"))
        (folder / "auth").mkdir()
        stack.callback(lambda: self.server.close())

    def start_anew(self, users: Path, acl: str) -> None:
        self.server.close()
        (self.folder / "acl").write_text(acl)
        env = {"USERS_DIR": users, "ACL_FILE": self.folder / "acl", "AUTH_DIR": self.folder / "auth"}
        succeeded(Script("mosquitto-auth.sh", SHELL, env, path=self.path).run())
        config = self.folder / "mosquitto.conf"
        files = f"password_file {self.folder}/auth/passwd\nacl_file {self.folder}/auth/acl\n"
        user = "user root\n" if os.getuid() == 0 else ""
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous false\n{files}{user}")
        self.server.enter_context(mosquitto.running(config, self.port, self.folder / "broker.log"))

    def accepts(self, user: str, password: str) -> bool:
        connection = ["-h", "127.0.0.1", "-p", str(self.port), "-u", user, "-P", password]
        return process.run([require("mosquitto_pub"), *connection, "-t", "any", "-m", "any"]).ok


class Platform:
    """A platform of the fixtures: its Secrets, and those of its parts that know passwords."""

    def __init__(self, case: str, kind: str, api: Api, database: Database, broker: Broker, folder: Path) -> None:
        self.case, self.kind, self.api, self.database, self.broker, self.folder = (
            *(case, kind, api, database),
            *(broker, folder),
        )
        self.objects = rendered(case, 1)
        for item in self.objects.values():
            if item["kind"] == "Secret":
                api.add(item["metadata"]["name"])
        self.admin = {"postgres": "postgres", "mysql": "root"}[kind]

    def raised_to(self, rotation: int) -> None:
        """Apply the Application with another rotation: each of its pods starts anew when it may."""
        self.objects = rendered(self.case, rotation)

    def make_passwords(self, *, until: int = -1) -> None:
        """Run the credentials Job, or kill it after so many changes."""
        (self.folder / "passwords").write_text(self.objects["credentials-config"]["data"]["passwords"])
        script = Script(
            "credentials.sh",
            SHELL,
            {
                "NAMESPACE": NAMESPACE,
                "CREDENTIALS_FILE": self.folder / "passwords",
                "KUBERNETES_URL": self.api.url,
                "ACCOUNT_DIR": self.api.account(self.folder / "account"),
                "POLL_SECONDS": "0.05",
            },
        )
        if until == 0:
            return
        self.api.changes, self.api.victim = until, None
        running = script.start()
        if until > 0:
            self.api.victim = running
        done = finish(running)
        assert until > 0 or done.ok, done.stderr

    def _mounted(self, key: str, volume_name: str) -> Path | None:
        """Mount a volume of Secrets; None while a key is missing."""
        (volume,) = (
            item for item in self.objects[key]["spec"]["template"]["spec"]["volumes"] if item["name"] == volume_name
        )
        only = {"name": volume.get("secret", {}).get("secretName"), "items": volume.get("secret", {}).get("items")}
        files = {}
        for source in volume.get("projected", {"sources": [{"secret": only}]})["sources"]:
            data = self.api.data(source["secret"]["name"])
            for item in source["secret"]["items"]:
                if item["key"] not in data:
                    return None
                files[item["path"]] = data[item["key"]]
        folder = self.folder / "volumes" / key
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder

    def start(self) -> set[str]:
        """Start what may start; return it."""
        started = set()
        if admin := self._mounted(self.kind, "admin"):
            self.database.start_anew(admin / "password")
            started.add(self.kind)
        if users := self._mounted("mqtt", "users"):
            self.broker.start_anew(users, self.objects["mqtt-config"]["data"]["acl"])
            started.add("mqtt")
        return started

    def job(self) -> Script | None:
        """Return the Job of the database's passwords, where it may start."""
        passwords = self._mounted(f"{self.kind}-databases", "passwords")
        if passwords is None:
            return None
        roles = self.folder / "roles"
        roles.write_text(self.objects[f"{self.kind}-databases-config"]["data"]["databases"])
        return self.database.job(roles, passwords)

    def passwords(self) -> dict[tuple[str, str], str]:
        """Return everybody's password as the Secrets have it: server and user to password."""
        found = {}
        for server, key, volume in (("database", f"{self.kind}-databases", "passwords"), ("mqtt", "mqtt", "users")):
            volumes = self.objects[key]["spec"]["template"]["spec"]["volumes"]
            (sources,) = (item["projected"]["sources"] for item in volumes if item["name"] == volume)
            for source in sources:
                first = source["secret"]["items"][0]
                found[server, first["path"]] = self.api.data(source["secret"]["name"])[first["key"]]
        return found

    def accepts(self, who: tuple[str, str], password: str) -> bool:
        server = self.database if who[0] == "database" else self.broker
        return server.accepts(who[1], password)


@pytest.fixture(params=["postgres", "mysql"])
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Platform]:
    kind = request.param
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(Api())
        database: Database
        if kind == "postgres":
            database = Postgres(stack.enter_context(databases.postgres_data()), stack)
        else:
            database = MySQL(stack.enter_context(databases.mariadb()).port, tmp_path)
        case = {"postgres": "second-rotation", "mysql": "second-rotation-with-mysql-and-grafana"}[kind]
        it = Platform(case, kind, api, database, Broker(tmp_path, stack), tmp_path)
        it.make_passwords()
        assert it.start() == {kind, "mqtt"}
        job = it.job()
        assert job is not None
        succeeded(job.run())
        yield it


def test_broken_off_at_every_step(platform: Platform) -> None:
    """Nothing starts with a password from before, nobody is let in by two, and the next run brings it to its end."""
    chance = random.Random(7)  # noqa: S311
    secrets = len(
        {line.split()[0] for line in platform.objects["credentials-config"]["data"]["passwords"].splitlines()}
    )
    assert secrets >= 6
    broken_off = []
    for changes in range(secrets + 1):
        before = platform.passwords()
        platform.raised_to(changes + 2)
        platform.make_passwords(until=changes)

        # The passwords' Job was killed: what waits for it waits, and what does not has what is new.
        started = platform.start()
        now = platform.passwords()
        if "mqtt" in started:
            assert all(platform.accepts(who, now[who]) for who in now if who[0] == "mqtt")
        job = platform.job()
        if job is None:
            broken_off.append(changes)
        else:
            # So was the database's.
            assert started == {platform.kind, "mqtt"}
            for _ in range(3):
                job.run_and_kill(chance.uniform(0, 0.3))
            for who, password in platform.passwords().items():
                assert platform.accepts(who, password) or platform.accepts(who, before[who])

        platform.make_passwords()
        assert platform.start() == {platform.kind, "mqtt"}
        job = platform.job()
        assert job is not None
        succeeded(job.run())
        after = platform.passwords()
        assert [who for who, password in after.items() if not platform.accepts(who, password)] == []
        assert [who for who, password in before.items() if platform.accepts(who, password)] == []
    assert len(broken_off) >= 5, broken_off


def test_two_rotations_at_once(platform: Platform) -> None:
    """Raised again before anything of the first was done: a pod that waits for the first starts too."""
    platform.raised_to(2)
    waiting = platform.objects
    platform.raised_to(3)
    platform.make_passwords()
    platform.objects = waiting
    assert platform.start() == {platform.kind, "mqtt"}
    assert all(platform.accepts(who, password) for who, password in platform.passwords().items() if who[0] == "mqtt")


@pytest.mark.parametrize("platform", ["postgres"], indirect=True)
def test_one_part_alone_broken_off_at_every_step(platform: Platform) -> None:
    """The database's passwords become new, whatever is killed; those of the broker work on, as they were."""
    for changes in range(4):
        before = platform.passwords()
        # The case has rotation 1 of the database, and none of the others.
        platform.objects = rendered("rotation-of-one-part", changes + 3)
        platform.make_passwords(until=changes)
        assert "mqtt" in platform.start(), "it waits for nothing"
        platform.make_passwords()
        assert platform.start() == {"postgres", "mqtt"}
        job = platform.job()
        assert job is not None
        succeeded(job.run())
        after = platform.passwords()
        assert {who for who in after if after[who] != before.get(who)} == {who for who in after if who[0] == "database"}
        assert [who for who, password in after.items() if not platform.accepts(who, password)] == []
        old = {who: password for who, password in before.items() if who[0] == "database"}
        assert [who for who, password in old.items() if platform.accepts(who, password)] == []
