"""What a platform runs against a PostgreSQL that is there already: a real one of the version that definitions render.

It takes nobody without TLS, and who makes roles and databases is no superuser, as managed servers have it.

What is run comes from the rendered objects: the containers' commands, environment and mounts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.hermetic import certificates
from tests.support import postgres_server
from tests.support.doubles import databases
from tests.support.doubles.scripts import Script, failed, require, succeeded
from vela_realtime import library, process
from vela_realtime.library import fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADMIN = "dba"
SECRETS = {"username": ADMIN, "password": "the dba's \\ own", "DB_PASSWORD": "app's", "LENSES_PASSWORD": "lenses's"}


@dataclass(frozen=True)
class Outside:
    """The server, and the certificate by which it is known as localhost."""

    port: int
    ca: Path
    stranger: Path


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("tls")
    pair = certificates.make(folder / "server", ["DNS:localhost"])
    stranger = certificates.make(folder / "stranger", ["DNS:localhost"])
    password = SECRETS["password"].replace("'", "''")
    then = f"CREATE ROLE {ADMIN} LOGIN CREATEDB CREATEROLE PASSWORD '{password}';\n"
    with databases.postgres_with_tls(postgres_server.folder(), pair.key, pair.certificate, then) as server:
        yield Outside(server.port, pair.certificate, stranger.certificate)


class Container:
    """A rendered container, with what it mounts in a folder: its command runs here as it would there."""

    def __init__(self, pod: dict[str, Any], name: str, objects: dict[str, Any], folder: Path, outside: Outside) -> None:
        (self.container,) = (one for one in [*pod.get("initContainers", []), *pod["containers"]] if one["name"] == name)
        self.folder, self.outside = folder, outside
        folder.mkdir()
        self.mounts = {mount["mountPath"]: folder / mount["name"] for mount in self.container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        configs = {one["metadata"]["name"]: one["data"] for one in objects.values() if one["kind"] == "ConfigMap"}
        for place in self.mounts.values():
            place.mkdir(exist_ok=True)
            volume = volumes[place.name]
            if "configMap" in volume:
                for item in volume["configMap"]["items"]:
                    (place / item["path"]).write_text(configs[volume["configMap"]["name"]][item["key"]])
            sources = [volume] if "secret" in volume else volume.get("projected", {}).get("sources", [])
            for source in sources:
                for item in source["secret"]["items"]:
                    (place / item["path"]).write_text(self.secret(item["key"]))
        self.script = Script(self.container["command"][1].split("/")[-1], "dash", self.env())

    def secret(self, key: str) -> str:
        """The value of a Secret's key."""
        return self.outside.ca.read_text() if key == "ca.crt" else SECRETS.get(key, f"{key}'s")

    def env(self) -> dict[str, str]:
        """The environment, with the folders in the place of the mounts."""
        found = {"POLL_SECONDS": "0.1", "WAIT_SECONDS": "3"}
        for variable in self.container["env"]:
            value = variable.get("value", "")
            if "valueFrom" in variable:
                value = self.secret(variable["valueFrom"]["secretKeyRef"]["key"])
            mounted = [(path, place) for path, place in self.mounts.items() if value.startswith(path)]
            found[variable["name"]] = str(mounted[0][1]) + value[len(mounted[0][0]) :] if mounted else value
        return found


def rendered(definition: str, outside: Outside, **properties: Any) -> dict[str, Any]:
    """Return the objects of a component whose database is the one outside."""
    external = {"host": "localhost", "port": outside.port, "secretRef": "dba", "tls": {"caSecret": "db-ca"}}
    given = {"name": "orders-live", **properties, "databaseConfig": {"external": external}}
    case = fixtures.Case(definition, "external", library.find().root, 1, given)
    result = fixtures.render_package(library.find(), definition, case, "component")
    assert not result.problems, [problem.text for problem in result.problems]
    return {name.removeprefix("outputs."): item for name, item in result.objects.items()}


@pytest.fixture(scope="module")
def platform(outside: Outside) -> dict[str, Any]:
    return rendered("realtime-platform", outside)


def pod(item: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = item["spec"]["template"]["spec"]
    return found


@pytest.fixture
def job(platform: dict[str, Any], tmp_path: Path, outside: Outside) -> Container:
    return Container(pod(platform["postgres-databases"]), "databases", platform, tmp_path / "job", outside)


def query(
    outside: Outside, sql: str, role: str, password: str, database: str, mode: str = "verify-full"
) -> process.Completed:
    where = f"host=localhost port={outside.port} user={role} dbname={database} sslmode={mode} sslrootcert={outside.ca}"
    return process.run([require("psql"), "-XAtq", "-c", sql, where], env={"PGPASSWORD": password})


def test_roles_and_databases_are_made_over_tls_by_who_is_no_superuser(job: Container, outside: Outside) -> None:
    said = succeeded(job.script.run())
    assert said[-1] == "all roles and databases are there"
    assert "role orderslive_lenses_hq: orderslive_lenses_hq" in said
    succeeded(job.script.run())
    app = ("orderslive_realtime", SECRETS["DB_PASSWORD"], "orderslive")
    reader = ("orderslive_realtime_reader", SECRETS["DB_PASSWORD"], "orderslive")
    assert query(outside, "CREATE TABLE t AS SELECT 7 AS a", *app).ok
    assert query(outside, "SELECT a FROM t", *reader).stdout == "7\n"
    assert "permission denied" in query(outside, "INSERT INTO t VALUES (1)", *reader).stderr
    assert query(outside, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", *app).stdout == "t\n"
    assert "no encryption" in query(outside, "SELECT 1", *app, mode="disable").stderr


def test_another_platform_on_the_server_has_names_of_its_own(outside: Outside, job: Container, tmp_path: Path) -> None:
    succeeded(job.script.run())
    objects = rendered("realtime-platform", outside, name="billing")
    succeeded(Container(pod(objects["postgres-databases"]), "databases", objects, tmp_path / "2", outside).script.run())
    sql = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1"
    found = query(outside, sql, ADMIN, SECRETS["password"], "postgres").stdout.split()
    own = ["", "_lenses_agent", "_lenses_hq", "_metabase_app"]
    assert found == [f"{name}{suffix}" for name in ("billing", "orderslive") for suffix in own]


def test_the_certificate_of_a_stranger_is_not_taken(job: Container, outside: Outside) -> None:
    (job.mounts["/etc/database-ca"] / "ca.crt").write_text(outside.stranger.read_text())
    assert "certificate verify failed" in failed(job.script.run())


def test_a_host_name_that_is_not_in_the_certificate_is_not_taken(job: Container) -> None:
    assert 'does not match host name "127.0.0.1"' in failed(job.script.run(PGHOST="127.0.0.1"))


def test_a_dba_who_may_make_no_roles_is_told_so(job: Container, outside: Outside) -> None:
    succeeded(job.script.run())
    password = job.mounts["/etc/postgresql-admin"] / "password"
    password.write_text(SECRETS["DB_PASSWORD"])
    assert "Only roles with the CREATEROLE attribute" in failed(job.script.run(PGUSER="orderslive_realtime"))


def test_hq_gets_its_configuration_over_tls(
    platform: dict[str, Any], job: Container, tmp_path: Path, outside: Outside
) -> None:
    succeeded(job.script.run())
    hq = Container(pod(platform["lenses-hq"]), "config", platform, tmp_path / "hq", outside)
    assert succeeded(hq.script.run())[-1].startswith("wrote ")
    text = (hq.mounts["/etc/panoptes"] / "config.yaml").read_text()
    assert "sslmode: verify-full" in text
    assert "$2a$10$" in text


def test_tables_of_a_dashboard_are_made_over_tls(outside: Outside, tmp_path: Path) -> None:
    source = {"name": "events", "type": "kafka", "connectionString": "k:9092", "retention": "24h"}
    objects = rendered("analytics-dashboard", outside, name="board", dataSources=[source])
    assert not {"postgres", "postgres-service", "postgres-config"} & set(objects)
    databases_job = Container(pod(objects["postgres-databases"]), "databases", objects, tmp_path / "one", outside)
    succeeded(databases_job.script.run())
    tables = Container(pod(objects["tables"]), "sql", objects, tmp_path / "two", outside)
    assert succeeded(tables.script.run()) == ["board_kafka_events: done"]
    reader = ("board_read_events", SECRETS["DB_PASSWORD"], "board_kafka_events")
    assert query(outside, "SELECT count(*) FROM stream", *reader).stdout == "0\n"


def test_nothing_of_a_server_is_rendered(platform: dict[str, Any]) -> None:
    assert not {
        name for name in platform if name in {"postgres", "postgres-service", "postgres-config", "network-postgres"}
    }
    assert ":postgres-exporter" not in json.dumps(platform)
    assert '"postgres"' not in json.dumps([item for name, item in platform.items() if name.startswith("network-")])
