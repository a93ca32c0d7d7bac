"""``credentials.rotation`` raised on a running platform: new passwords, the same data, and nobody stays locked out."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.checks import application
from tests.hermetic.cluster import PRIVILEGED
from tests.pods import running
from tests.pods.images import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.pods.running import Running

PLATFORM: dict[str, Any] = {
    "name": "keys",
    "type": "realtime-platform",
    "properties": {"name": "keys", "size": "small", "mqttConfig": {"users": [{"username": "device"}]}},
}
SHOP: dict[str, Any] = {
    "name": "shop",
    "type": "webservice",
    "properties": {"image": names.reference("postgres"), "cmd": ["sleep", "86400"]},
    "traits": [{"type": "realtime", "properties": {"platform": "keys", "parts": ["database", "mqtt"]}}],
}
PSQL = 'psql -h "$DB_HOST" -p "$DB_PORT" -U "$DB_USER" "$DB_NAME" -v ON_ERROR_STOP=1 -XqtA -c'

ROTATED = {
    "keys-db-secret": {"DB_PASSWORD"},
    "keys-db-reader-secret": {"DB_PASSWORD"},
    "keys-lenses-secret": {"LENSES_PASSWORD"},
    "keys-metabase-secret": {"METABASE_PASSWORD"},
    "keys-mqtt-secret": {"MQTT_PASSWORD"},
    "keys-mqtt-users": {"bridge", "device", "monitor"},
    "keys-passwords": {"lenses_agent", "lenses_hq", "metabase_app", "monitor", "postgres"},
}


def _application(rotation: int) -> dict[str, Any]:
    platform = copy.deepcopy(PLATFORM)
    if rotation:
        platform["properties"]["credentials"] = {"rotation": rotation}
    return application("keys", platform, SHOP)


def _passwords(here: Running) -> dict[tuple[str, str], str]:
    """Return the generated passwords that the Secrets have by now."""
    found = {}
    for name, keys in ROTATED.items():
        there = here.secret(name)
        found.update({(name, key): there[key] for key in keys if key in there})
    return found


def _shop(here: Running) -> list[dict[str, Any]]:
    """Return the pods of the client that are ready."""
    pods = here.cluster.items("pods", here.namespace, "app.oam.dev/component=shop")
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and running.is_ready(pod)]


class Rotated:
    """A platform, and what it was before its passwords were rotated."""

    def __init__(self, here: Running) -> None:
        self.here = here
        here.apply(_application(0))
        here.running("keys")
        self.passwords = _passwords(here)
        self.key = here.secret("keys-metabase-keys")
        self.kafka = here.pods("kafka")[0]["metadata"]["uid"]
        self.shop = _shop(here)[0]["metadata"]["name"]
        here.shell(self.shop, f'PGPASSWORD=$DB_PASSWORD {PSQL} "CREATE TABLE kept AS SELECT 42 AS answer"')
        self.mqtt = here.client("mqtt", names.reference("mosquitto"), 1883, "keys")
        self.publish("before", self.passwords["keys-mqtt-secret", "MQTT_PASSWORD"])

        self.ready = [1]
        here.apply(_application(1))
        self.killed = {part: self.kill(part) for part in ("credentials", "postgres-databases")}
        here.cluster.until(self.done, running.PATIENCE, lambda: here.logs("credentials")[-3000:])
        here.running("keys")

    def kill(self, part: str) -> str:
        """Kill the first pod of the rotation's Job as soon as it is seen; return its name."""
        old = {job["metadata"]["name"] for job in self.here.jobs(part) if running.is_complete(job)}

        def first() -> str | None:
            self.ready.append(len(_shop(self.here)))
            for pod in self.here.pods(part):
                if pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] not in old:
                    return str(pod["metadata"]["name"])
            return None

        name = self.here.cluster.until(first, running.PATIENCE, lambda: f"there is no new Job {part}")
        options = [self.here.inside, "--grace-period=0", "--force"]
        self.here.cluster.kubectl("delete", "pod", name, *options, check=False)
        return name

    def done(self) -> bool:
        """Tell whether every password is new and the client has been started anew."""
        ready = _shop(self.here)
        self.ready.append(len(ready))
        now = _passwords(self.here)
        new = now.keys() == self.passwords.keys() and all(now[name] != self.passwords[name] for name in now)
        return new and [pod["metadata"]["name"] for pod in ready] not in ([], [self.shop])

    def publish(self, text: str, password: str) -> bool:
        """Tell whether the broker takes a message by somebody with this password."""
        connection = ["-h", "keys-mqtt", "-u", "realtime-user", "-P", password]
        done = self.here.execute(
            self.mqtt, "mosquitto_pub", *connection, "-t", "kept", "-m", text, "-q", "1", check=False
        )
        assert done.ok or "not authorised" in done.stdout + done.stderr, done
        return done.ok


@pytest.fixture(scope="module")
def rotated(platform_cluster: Cluster) -> Iterator[Rotated]:
    # KubeVela's own webservice makes pods that are not restricted.
    with running.namespace(platform_cluster, running.CONNECT, PRIVILEGED) as here:
        yield Rotated(here)


def test_every_password_is_new_though_the_jobs_were_killed(rotated: Rotated) -> None:
    now = _passwords(rotated.here)
    assert now.keys() == rotated.passwords.keys() == {(name, key) for name, keys in ROTATED.items() for key in keys}
    assert set(now.values()).isdisjoint(rotated.passwords.values())
    assert len(set(now.values())) == len(now)
    assert rotated.here.secret("keys-metabase-keys") == rotated.key
    assert (
        rotated.here.secret("keys-metabase-secret")["METABASE_PASSWORD_PREVIOUS"]
        == rotated.passwords["keys-metabase-secret", "METABASE_PASSWORD"]
    )
    for part, killed in rotated.killed.items():
        assert killed not in [pod["metadata"]["name"] for pod in rotated.here.pods(part)]


def test_the_client_has_the_new_password_and_its_data(rotated: Rotated) -> None:
    (pod,) = _shop(rotated.here)
    name = pod["metadata"]["name"]
    assert name != rotated.shop
    assert rotated.here.shell(name, f'PGPASSWORD=$DB_PASSWORD {PSQL} "TABLE kept"') == "42"
    assert 0 not in rotated.ready, "an old pod goes when the new one is ready"


def test_postgres_refuses_the_old_passwords(rotated: Rotated) -> None:
    (pod,) = _shop(rotated.here)
    now = _passwords(rotated.here)
    for user, name in (("realtime", ("keys-db-secret", "DB_PASSWORD")), ("postgres", ("keys-passwords", "postgres"))):
        ask = f'psql -h "$DB_HOST" -U {user} "$DB_NAME" -XqtAc "SELECT 1" 2>&1'
        for password, said in ((rotated.passwords[name], "password authentication failed"), (now[name], "1")):
            done = rotated.here.execute(
                pod["metadata"]["name"], "sh", "-c", f"PGPASSWORD={password} {ask}", check=False
            )
            assert said in done.stdout


def test_mqtt_refuses_the_old_password_and_the_bridge_goes_on(rotated: Rotated) -> None:
    name = ("keys-mqtt-secret", "MQTT_PASSWORD")
    assert not rotated.publish("refused", rotated.passwords[name])
    assert rotated.publish("after", _passwords(rotated.here)[name])
    reader = "KAFKA_HEAP_OPTS=-Xmx128m /opt/kafka/bin/kafka-console-consumer.sh --bootstrap-server localhost:9092"
    options = "--topic mqtt --from-beginning --timeout-ms 15000"

    def arrived() -> bool:
        lines = rotated.here.shell("keys-kafka-0", f"{reader} {options} 2> /dev/null || true").splitlines()
        return {"before", "after"} <= set(lines)

    rotated.here.cluster.until(arrived, running.PATIENCE, lambda: rotated.here.logs("bridge")[-3000:])
    assert rotated.here.pods("kafka")[0]["metadata"]["uid"] == rotated.kafka


def test_the_exporter_signs_in_to_postgres(rotated: Rotated) -> None:
    assert "\npg_up 1\n" in rotated.here.metrics("keys-postgres-0", 9187)
