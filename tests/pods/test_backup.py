"""A platform is backed up, deleted with its volumes, and restored: the same passwords, rows, topics and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.checks import application
from tests.pods import running
from tests.pods.images import names, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.pods.running import Running

CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "backups"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
VOLUMES = {f"data-plant-{part}-0" for part in ("kafka", "lenses-agent", "mqtt", "postgres")}

GENERATED = {
    "plant-db-secret": {"DB_PASSWORD"},
    "plant-lenses-secret": {"LENSES_PASSWORD"},
    "plant-metabase-keys": {"encryption-key"},
    "plant-metabase-secret": {"METABASE_PASSWORD"},
    "plant-mqtt-users": {"bridge", "device", "monitor"},
    "plant-passwords": {"lenses_hq", "metabase_app", "postgres"},
}
"""Secrets that clients and parts read, and what is in them that nobody can guess."""

PSQL = 'PGPASSWORD="$DB_PASSWORD" psql -h "$DB_HOST" -p "$DB_PORT" -U "$DB_USER" "$DB_NAME" -v ON_ERROR_STOP=1 -XqtA'
TOPICS = "KAFKA_HEAP_OPTS=-Xmx128m /opt/kafka/bin/kafka-topics.sh --bootstrap-server localhost:9092"


def _application(**backup: Any) -> dict[str, Any]:
    return application(
        "plant",
        {
            "name": "plant",
            "type": "realtime-platform",
            "properties": {
                "name": "plant",
                "size": "small",
                "mqttConfig": {"users": [{"username": "device"}]},
                "kafkaConfig": {"topics": [{"name": "orders", "partitions": 3}]},
            },
            "traits": [{"type": "backup", "properties": {"to": {"claim": "backups"}, **backup}}],
        },
    )


class Plant:
    """A platform with something in it."""

    def __init__(self, here: Running) -> None:
        self.here = here
        here.cluster.apply(CLAIM, namespace=here.namespace)
        self.apply()
        self.passwords = self.read()
        self.sql("CREATE TABLE readings AS SELECT * FROM generate_series(1, 500) AS number")
        self.mqtt("pub", "-t", "line/state", "-m", "running", "-r", "-q", "1")
        # A topic that no Application declares.
        here.shell("plant-kafka-0", f"{TOPICS} --create --topic by-hand --partitions 5 --config retention.ms=777000")

    def apply(self, **backup: Any) -> None:
        """Apply the Application, and start clients when it runs."""
        self.here.apply(_application(**backup))
        self.here.running("plant")
        env = [{"secretRef": {"name": "plant-db-secret"}}]
        self.here.client("sql", names.reference("postgres"), 70, "plant", envFrom=env)
        self.here.client("mqtt", names.reference("mosquitto"), 1883, "plant")

    def read(self) -> dict[str, dict[str, str]]:
        """Return the generated passwords and keys, by Secret."""
        found = {name: self.here.secret(name) for name in GENERATED}
        return {name: {key: found[name][key] for key in keys} for name, keys in GENERATED.items()}

    def sql(self, statement: str) -> str:
        """Run SQL as a client that has the connection Secret."""
        return self.here.execute("sql", "sh", "-c", PSQL, stdin=statement).stdout.strip()

    def mqtt(self, verb: str, *options: str) -> str:
        """Publish or subscribe with the clients' user."""
        secret = self.here.secret("plant-mqtt-secret")
        who = ["-h", "plant-mqtt", "-u", secret["MQTT_USER"], "-P", secret["MQTT_PASSWORD"]]
        return self.here.execute("mqtt", f"mosquitto_{verb}", *who, *options).stdout.strip()

    def back_up(self) -> str:
        """Run the CronJob once, as docs/backup.md says; return what its pod has written."""
        kubectl = self.here.cluster.kubectl
        kubectl("create", "job", "--from=cronjob/plant-backup", "last", self.here.inside)
        wait = ["--for=condition=complete", f"--timeout={running.PATIENCE}s"]
        done = kubectl("wait", *wait, "job/last", self.here.inside, check=False, timeout=running.PATIENCE + 10)
        written = kubectl("logs", "job/last", "--all-containers", "--tail=-1", self.here.inside, check=False).stdout
        assert done.ok, written
        return written

    def delete(self) -> None:
        """Delete the platform and all that it kept."""
        here = self.here
        here.cluster.kubectl("delete", "application", "plant", here.inside, timeout=running.PATIENCE)
        here.cluster.kubectl("delete", "pod", "sql", "mqtt", here.inside, "--grace-period=1")
        here.cluster.until(lambda: not here.pods(), running.PATIENCE, lambda: str(here.pods()))
        claims = here.cluster.items("persistentvolumeclaims", here.namespace)
        assert {claim["metadata"]["name"] for claim in claims} == {"backups", *VOLUMES}
        here.cluster.kubectl("delete", "persistentvolumeclaim", *VOLUMES, here.inside, timeout=running.PATIENCE)
        left = {secret["metadata"]["name"] for secret in here.cluster.items("secrets", here.namespace)}
        assert left.isdisjoint(GENERATED)


@pytest.fixture(scope="module")
def plant(platform_cluster: Cluster) -> Iterator[Plant]:
    store.give(platform_cluster, "restic")
    with running.namespace(platform_cluster) as here:
        yield Plant(here)


def test_what_is_restored_is_what_was(plant: Plant) -> None:
    here = plant.here
    assert "1 snapshots" in plant.back_up()
    plant.sql("INSERT INTO readings VALUES (501)")
    plant.delete()
    plant.apply(restore={})

    assert plant.read() == plant.passwords
    assert plant.sql("SELECT count(*), max(number) FROM readings") == "500|500"
    here.cluster.until(
        lambda: plant.mqtt("sub", "-t", "line/state", "-C", "1", "-W", "5") == "running",
        running.PATIENCE,
        lambda: here.logs("restore")[-3000:],
    )
    described = here.shell("plant-kafka-0", f"{TOPICS} --describe --topic by-hand")
    assert ("PartitionCount: 5" in described, "retention.ms=777000" in described) == (True, True), described


def test_a_restore_happens_once(plant: Plant) -> None:
    """Its parameter may stay: what was changed since is not undone."""
    here = plant.here
    plant.sql("DELETE FROM readings")
    (job,) = here.jobs("restore")
    here.cluster.delete("job", job["metadata"]["name"], here.namespace)
    again = here.cluster.until(
        lambda: [it for it in here.jobs("restore") if it["metadata"]["uid"] != job["metadata"]["uid"]],
        running.PATIENCE,
        lambda: "KubeVela does not bring the Job back",
    )
    assert again[0]["metadata"]["name"] == job["metadata"]["name"]
    here.job("restore")
    assert plant.sql("SELECT count(*) FROM readings") == "0"
    assert plant.read() == plant.passwords
