"""Mosquitto really runs: who may connect and to which topics, over TCP and websockets, and what outlives its pod."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.pods import running
from tests.pods.images import names, service, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.pods.running import Running
    from vela_realtime.process import Completed

HARD = "p:a\"s$s' 1\\"
"""A password with what shells and files of passwords trip over."""

USERS = [
    {"username": "plain", "password": HARD},
    {"username": "sensor", "passwordSecret": {"name": "own", "key": "token"}, "topics": ["sensors/sensor/#"]},
    {"username": "generated"},
]


class Broker:
    """A broker, a pod with MQTT clients, and the users' passwords."""

    def __init__(self, here: Running) -> None:
        self.here = here
        token = base64.b64encode(b"from a Secret").decode()
        own = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "own"}, "data": {"token": token}}
        here.cluster.apply(own, namespace=here.namespace)
        users = running.component("devices", "iot-broker", size="small", authentication={"users": USERS})
        here.apply(users)
        here.running("devices")
        self.client = here.client("client", names.reference("mosquitto"), 1883, "devices")
        secret = here.secret("devices-iot-mqtt-secret")
        self.host = secret["MQTT_HOST"]
        self.passwords = {
            "plain": HARD,
            "sensor": "from a Secret",
            "generated": here.secret("devices-iot-mqtt-users")["generated"],
            secret["MQTT_USER"]: secret["MQTT_PASSWORD"],
        }

    def run(self, program: str, user: str, *arguments: str, password: str | None = None) -> Completed:
        """Run one of Mosquitto's clients as a user; nobody when that is empty."""
        command = [program, "-h", self.host, *arguments]
        if user:
            command += ["-u", user, "-P", self.passwords[user] if password is None else password]
        return self.here.execute(self.client, *command, check=False)

    def publish(self, user: str, topic: str, message: str, *options: str, password: str | None = None) -> Completed:
        return self.run("mosquitto_pub", user, "-t", topic, "-m", message, *options, password=password)

    def retained(self, user: str, topic: str) -> str:
        """Return the message that a topic keeps, as a user may read it; nothing when there is none."""
        return self.run("mosquitto_sub", user, "-t", topic, "-C", "1", "-W", "5").stdout.strip()


@pytest.fixture(scope="module")
def broker(platform_cluster: Cluster) -> Iterator[Broker]:
    store.give(platform_cluster, "service")
    with running.namespace(platform_cluster) as here:
        yield Broker(here)


def test_it_comes_up_by_itself(broker: Broker) -> None:
    assert {pod["metadata"]["name"].rsplit("-", 2)[0] for pod in broker.here.pods(real=True)} == {
        "client",
        "devices-iot",
        "devices-iot-credentials",
    }
    assert set(broker.here.restarts().values()) == {0}


@pytest.mark.parametrize("user", ["plain", "generated", "realtime-user"])
def test_a_user_reads_and_writes(broker: Broker, user: str) -> None:
    done = broker.publish(user, f"any/{user}", "hello", "-q", "1", "-r")
    assert done.ok, done.stderr
    assert broker.retained(user, f"any/{user}") == "hello"


def test_nobody_is_let_in_without_a_password(broker: Broker) -> None:
    for user, password in (("", None), ("plain", "wrong"), ("plain", ""), ("realtime-user", "realtime-user")):
        done = broker.publish(user, "any/refused", "hello", "-q", "1", password=password)
        assert not done.ok
        assert "not authorised" in done.stderr.lower()


def test_a_user_with_topics_has_no_others(broker: Broker) -> None:
    assert broker.publish("sensor", "sensors/sensor/t", "21", "-q", "1", "-r").ok
    assert broker.retained("sensor", "sensors/sensor/t") == "21"
    # The broker takes what may not be written and throws it away.
    assert broker.publish("sensor", "sensors/other/t", "22", "-q", "1", "-r").ok
    assert broker.retained("plain", "sensors/other/t") == ""
    assert broker.publish("plain", "sensors/other/t", "23", "-q", "1", "-r").ok
    assert broker.retained("plain", "sensors/other/t") == "23"
    assert broker.retained("sensor", "sensors/other/t") == ""


@pytest.mark.parametrize("quality", ["0", "1", "2"])
def test_no_quality_of_service_is_capped(broker: Broker, quality: str) -> None:
    assert broker.publish("plain", f"any/{quality}", "x", "-q", quality, "-r").ok
    received = broker.run("mosquitto_sub", "plain", "-t", f"any/{quality}", "-q", "2", "-C", "1", "-W", "5", "-F", "%q")
    assert received.stdout.strip() == quality


def test_the_exporter_reads_nothing_but_statistics(broker: Broker) -> None:
    broker.passwords["monitor"] = _monitor(broker)
    assert broker.retained("monitor", "$SYS/broker/version").startswith("mosquitto version")
    assert broker.publish("plain", "any/private", "x", "-r", "-q", "1").ok
    assert broker.retained("monitor", "any/private") == ""


def _monitor(broker: Broker) -> str:
    """Return the password of the exporter's user, from where the broker has it."""
    (name, key) = next(
        (item["secret"]["name"], item["secret"]["items"][0]["key"])
        for volume in broker.here.pods("mqtt")[0]["spec"]["volumes"]
        for item in volume.get("projected", {}).get("sources", [])
        if item["secret"]["items"][0]["path"] == "monitor"
    )
    return broker.here.secret(name)[key]


_OVER_WEBSOCKETS = """
import asyncio, os, websockets
def text(value): return len(value).to_bytes(2, "big") + value
async def main():
    user, password = os.environ["U"].encode(), os.environ["P"].encode()
    body = text(b"MQTT") + bytes([4, 0xC2, 0, 60]) + text(b"over-websockets") + text(user) + text(password)
    url = f"ws://{os.environ['H']}:9001/mqtt"
    async with websockets.connect(url, subprotocols=["mqtt"]) as socket:
        await socket.send(bytes([0x10, len(body)]) + body)
        print("connack", (await socket.recv())[3])
        message = text(b"any/websocket") + b"through the web"
        await socket.send(bytes([0x31, len(message)]) + message)
        await socket.send(bytes([0xC0, 0]))
        print("pong", (await socket.recv())[0] == 0xD0)
asyncio.run(main())
"""
"""MQTT 3.1.1 by hand over a websocket: connect, publish one retained message, ping."""


def test_websockets(broker: Broker) -> None:
    web = broker.here.client("web", service.reference(), 10001, "devices")
    variables = [f"H={broker.host}", "U=plain", f"P={broker.passwords['plain']}"]
    said = broker.here.execute(web, "env", *variables, "python", "-c", _OVER_WEBSOCKETS).stdout.split()
    assert said == ["connack", "0", "pong", "True"]
    assert broker.retained("plain", "any/websocket") == "through the web"
    variables[2] = "P=wrong"
    assert broker.here.execute(web, "env", *variables, "python", "-c", _OVER_WEBSOCKETS, check=False).stdout.split()[
        :2
    ] == [
        "connack",
        "5",
    ]


def test_messages_and_sessions_outlive_the_pod(broker: Broker) -> None:
    assert broker.publish("plain", "any/kept", "kept", "-r", "-q", "1").ok
    # A device subscribes, goes away, and gets what was sent meanwhile.
    session = ("-t", "any/queued", "-q", "1", "-c", "-i", "device-1")
    assert broker.run("mosquitto_sub", "plain", *session, "-E").ok
    assert broker.publish("plain", "any/queued", "queued", "-q", "1").ok
    pod = broker.here.pods("mqtt")[0]["metadata"]
    broker.here.cluster.kubectl("delete", "pod", pod["name"], broker.here.inside, timeout=running.PATIENCE)
    (again,) = broker.here.ready("mqtt")
    assert again["metadata"]["uid"] != pod["uid"]
    assert broker.retained("plain", "any/kept") == "kept"
    assert broker.run("mosquitto_sub", "plain", *session, "-C", "1", "-W", "20").stdout.strip() == "queued"
