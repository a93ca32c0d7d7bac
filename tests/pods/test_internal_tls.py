"""Kafka and PostgreSQL with TLS inside of the cluster: they start with the Secret as a node mounts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.hermetic import certificates
from tests.pods import running
from tests.pods.images import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.pods.running import Running


def _secret(name: str, **values: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


@pytest.fixture(scope="module")
def here(platform_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running.namespace(platform_cluster, (*running.CONNECT, "kafka-exporter", "schema-registry")) as place:
        domain = f"{place.namespace}.svc.cluster.local"
        reached = [f"shop-kafka.{domain}", f"*.shop-kafka-headless.{domain}", f"shop-postgres.{domain}"]
        pair = certificates.make(tmp_path_factory.mktemp("tls"), [f"DNS:{name}" for name in reached])
        shown = {"tls.key": pair.key.read_text(), "tls.crt": pair.certificate.read_text()}
        platform_cluster.apply(_secret("shown", **shown, **{"ca.crt": shown["tls.crt"]}), namespace=place.namespace)
        tls = {"internal": {part: {"secretName": "shown"} for part in ("kafka", "postgres")}}
        place.apply(running.platform("shop", iot=False, tls=tls, kafkaConfig={"topics": ["orders"]}))
        place.running("shop")
        yield place


def test_they_come_up_and_the_jobs_get_in(here: Running) -> None:
    assert set(here.restarts().values()) == {0}, here.restarts()
    assert "topic orders: made" in here.logs("kafka-topics")
    here.job("postgres-databases")


def test_a_client_needs_nothing_but_the_secret_and_gets_nothing_in_clear(here: Running) -> None:
    image = names.reference("postgres")
    client = here.client("tls", image, 70, "shop", envFrom=[{"secretRef": {"name": "shop-db-secret"}}])
    ask = 'printf %s "$DB_CA_CERT" > /tmp/ca; PGPASSWORD="$DB_PASSWORD" PGSSLROOTCERT=/tmp/ca'
    ask += ' psql -h "$DB_HOST" -U "$DB_USER" "$DB_NAME" -XqtA -c'
    over = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    assert here.shell(client, f'export PGSSLMODE="$DB_SSLMODE"; {ask} "{over}"') == "t"
    said = here.execute(client, "sh", "-c", f'export PGSSLMODE=disable; {ask} "{over}"', check=False)
    assert not said.ok
    assert "no encryption" in said.stderr
