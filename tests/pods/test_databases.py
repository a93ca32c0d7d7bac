"""The databases really run, with roles as asked for, and clients that are told no more than the guide's Secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.pods import running
from tests.pods.images import names, store
from tests.vendors.metrics import asked_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.pods.running import Running

PLAYED = ("kafka", "kafka-topics", "connect", "connectors")
"""What has nothing to do with databases."""

CLIENTS = {
    "postgres": (
        70,
        'PGPASSWORD="$DB_PASSWORD" psql -h "$DB_HOST" -p "$DB_PORT" -U "$DB_USER" "$DB_NAME" -v ON_ERROR_STOP=1 -XqtA',
    ),
    "mysql": (
        999,
        'MYSQL_PWD="$DB_PASSWORD" mysql --no-defaults -h "$DB_HOST" -P "$DB_PORT" -u "$DB_USER" -BN "$DB_NAME"',
    ),
}
"""The user of each image, and its client with the variables of the connection Secret; SQL is read from the input."""


class Database:
    """A platform's database for clients, and a client's pod that is given the Secret as it is."""

    def __init__(self, here: Running, kind: str) -> None:
        self.here = here
        self.kind = kind
        self.application = running.platform("shop", iot=False, database=kind, visualization="grafana")
        here.apply(self.application)
        here.running("shop")
        self.uid, self.program = CLIENTS[kind]
        self.new_client("client")

    def new_client(self, name: str) -> None:
        """Start a pod: what it is told does not change while it runs."""
        self.client = self.here.client(
            name, names.reference(self.kind), self.uid, "shop", envFrom=[{"secretRef": {"name": "shop-db-secret"}}]
        )

    def ask(self, sql: str) -> str:
        return self.here.execute(self.client, "sh", "-c", self.program, stdin=sql).stdout.strip()

    def run_again(self) -> None:
        """Delete the Job that makes roles and databases: KubeVela brings it back."""
        part = f"{self.kind}-databases"
        (before,) = self.here.jobs(part)
        self.here.cluster.delete("job", before["metadata"]["name"], self.here.namespace)

        def another() -> bool:
            jobs = self.here.jobs(part)
            return any(job["metadata"]["uid"] != before["metadata"]["uid"] for job in jobs)

        self.here.cluster.until(another, running.PATIENCE)
        self.here.job(part)


@pytest.fixture(scope="module", params=list(CLIENTS))
def database(request: pytest.FixtureRequest, platform_cluster: Cluster) -> Iterator[Database]:
    store.give(platform_cluster, "mysql", "mysql-exporter")
    with running.namespace(platform_cluster, PLAYED) as here:
        yield Database(here, request.param)


def test_it_comes_up_by_itself(database: Database) -> None:
    assert set(database.here.restarts().values()) == {0}, database.here.restarts()
    names_of_pods = [pod["metadata"]["name"] for pod in database.here.pods(real=True)]
    assert f"shop-{database.kind}-0" in names_of_pods


def test_the_exporter_signs_in_and_answers_what_alerts_ask_for(database: Database) -> None:
    port, up = {"postgres": (9187, "pg_up"), "mysql": (9104, "mysql_up")}[database.kind]
    answered = database.here.metrics(f"shop-{database.kind}-0", port)
    assert f"\n{up} 1\n" in answered
    assert asked_for()[f"{database.kind}-exporter"] <= {re.split(r"[{ ]", line)[0] for line in answered.splitlines()}


def test_a_client_needs_nothing_but_the_secret(database: Database) -> None:
    database.ask("CREATE TABLE IF NOT EXISTS readings (id integer, value varchar(20)); DELETE FROM readings;")
    database.ask("INSERT INTO readings VALUES (1, 'kept');")
    assert database.ask("SELECT value FROM readings;") == "kept"


def test_a_client_sees_its_own_database_only(database: Database) -> None:
    if database.kind == "postgres":
        mine = "SELECT string_agg(datname, ' ') FROM pg_database WHERE has_database_privilege(datname, 'CREATE');"
        assert database.ask(mine) == "shop"
        assert database.ask("SELECT rolsuper FROM pg_roles WHERE rolname = current_user;") == "f"
    else:
        found = set(database.ask("SHOW DATABASES;").split())
        assert found == {"information_schema", "shop"}


def test_the_job_may_run_again(database: Database) -> None:
    database.ask("CREATE TABLE IF NOT EXISTS twice (id integer); INSERT INTO twice VALUES (7);")
    database.run_again()
    assert database.ask("SELECT min(id) FROM twice;") == "7"


def test_data_outlives_the_pod(database: Database) -> None:
    database.ask("CREATE TABLE IF NOT EXISTS outlives (id integer); INSERT INTO outlives VALUES (9);")
    # As if the machine were gone: the server has no time to put its data in order.
    name = f"shop-{database.kind}-0"
    uid = database.here.cluster.get("pod", name, database.here.namespace)["metadata"]["uid"]
    database.here.cluster.kubectl("delete", "pod", name, database.here.inside, "--grace-period=0", "--force")

    def back() -> dict[str, Any] | None:
        pod = database.here.cluster.get("pod", name, database.here.namespace)
        return pod if pod and pod["metadata"]["uid"] != uid and running.is_ready(pod) else None

    database.here.cluster.until(back, running.PATIENCE, lambda: database.here.logs(database.kind)[-3000:])
    assert database.ask("SELECT min(id) FROM outlives;") == "9"


def test_kept_data_takes_the_new_password(database: Database) -> None:
    """An Application that is applied again finds its data, with passwords that it never had."""
    here = database.here
    database.ask("CREATE TABLE IF NOT EXISTS back (id integer); INSERT INTO back VALUES (11);")
    password = here.secret("shop-db-secret")["DB_PASSWORD"]
    here.cluster.kubectl("delete", "application", "shop", here.inside, timeout=running.PATIENCE)
    here.cluster.until(lambda: not here.pods(database.kind), running.PATIENCE)
    here.apply(database.application)
    here.running("shop")
    assert here.secret("shop-db-secret")["DB_PASSWORD"] != password
    database.new_client("another-client")
    assert database.ask("SELECT min(id) FROM back;") == "11"
