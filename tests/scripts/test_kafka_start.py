"""``kafka-start.sh``: what it tells Kafka's own start script, and the change that it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.doubles.scripts import Script, failed, succeeded

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = "demo-kafka-headless.plant.svc.cluster.local"

# Stands for the image's /etc/kafka/docker/run.
RUN = '#!/bin/bash\nenv | grep -E "^(KAFKA_|CLUSTER_ID)" | sort\n'


def voters(*nodes: int, domain: str = DOMAIN) -> str:
    return ",".join(f"{node}@demo-kafka-{node}.{domain}:9093" for node in nodes)


class Pod:
    """A broker's pod with its volume."""

    def __init__(self, folder: Path) -> None:
        self.volume = folder / "volume"
        self.volume.mkdir()
        self.mounted = folder / "mounted"
        self.mounted.mkdir()
        run = folder / "run"
        run.write_text(RUN)
        run.chmod(0o755)
        self.env = {"MOUNTED_DIR": self.mounted, "DATA_DIR": self.volume, "START_SCRIPT": run, "POD_DOMAIN": DOMAIN}
        self.env |= {"CLUSTER_ID": "aXFd1s3ZRGahVL1Gd5wNHg"}
        self.configure(voters(0))

    def configure(self, voters: str) -> None:
        (self.mounted / "server.properties").write_text(f"num.partitions=3\ncontroller.quorum.voters={voters}\n")

    def script(self, name: str = "demo-kafka-0", controllers: int = 1, **env: object) -> Script:
        return Script("kafka-start.sh", "bash", {**self.env, "POD_NAME": name, "CONTROLLERS": controllers, **env})


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


def test_a_broker_that_is_a_controller_too(pod: Pod) -> None:
    assert succeeded(pod.script().run()) == [
        f"node 0: broker,controller, reached at INTERNAL://demo-kafka-0.{DOMAIN}:9092",
        "CLUSTER_ID=aXFd1s3ZRGahVL1Gd5wNHg",
        f"KAFKA_ADVERTISED_LISTENERS=INTERNAL://demo-kafka-0.{DOMAIN}:9092",
        "KAFKA_GC_LOG_OPTS=-Xlog:gc:file=/tmp/gc.log:time,tags:filecount=3,filesize=8M",
        "KAFKA_LISTENERS=INTERNAL://:9092,CONTROLLER://:9093",
        "KAFKA_NODE_ID=0",
        "KAFKA_PROCESS_ROLES=broker,controller",
    ]


def test_a_broker_that_is_none(pod: Pod) -> None:
    assert succeeded(pod.script("demo-kafka-12", 3).run())[2:] == [
        f"KAFKA_ADVERTISED_LISTENERS=INTERNAL://demo-kafka-12.{DOMAIN}:9092",
        "KAFKA_GC_LOG_OPTS=-Xlog:gc:file=/tmp/gc.log:time,tags:filecount=3,filesize=8M",
        "KAFKA_LISTENERS=INTERNAL://:9092",
        "KAFKA_NODE_ID=12",
        "KAFKA_PROCESS_ROLES=broker",
    ]


@pytest.mark.parametrize(("zone", "told"), [("eu-west-1a", ["KAFKA_BROKER_RACK=eu-west-1a"]), ("", [])])
def test_its_nodes_zone_is_its_rack_where_it_is_known(pod: Pod, zone: str, told: list[str]) -> None:
    assert [line for line in succeeded(pod.script(ZONE=zone).run()) if "RACK" in line] == told


def test_javas_metrics(pod: Pod, tmp_path: Path) -> None:
    (pod.mounted / "jmx.yaml").write_text("rules: []\n")
    jar = tmp_path / "plugins" / "jmx-agent" / "agent-1.0.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    script = pod.script(PLUGINS_DIR=tmp_path / "plugins", JMX_CONFIG=pod.mounted / "jmx.yaml")
    lines = succeeded(script.run())
    assert f"KAFKA_OPTS=-javaagent:{jar}=9404:{pod.mounted}/jmx.yaml" in lines


def test_without_javas_metrics_a_file_that_was_left_says_nothing(pod: Pod) -> None:
    (pod.mounted / "jmx.yaml").write_text("rules: []\n")
    assert not [line for line in succeeded(pod.script().run()) if "KAFKA_OPTS" in line]


def test_a_listener_for_clients_alone(pod: Pod) -> None:
    lines = succeeded(pod.script("demo-kafka-1", 3, BROKER_PORT=9091, CLIENTS_PORT=9092).run())
    own = f"demo-kafka-1.{DOMAIN}"
    assert f"KAFKA_ADVERTISED_LISTENERS=INTERNAL://{own}:9091,CLIENTS://{own}:9092" in lines
    assert "KAFKA_LISTENERS=INTERNAL://:9091,CONTROLLER://:9093,CLIENTS://:9092" in lines


# In a pod, what the script left running ends with the broker.
ALONE = "kill $(cat /proc/$$/task/$$/children)\n"


@pytest.mark.parametrize(
    ("outside", "reached"),
    [
        ("kafka-{nodeId}.example.com:9094", "kafka-1.example.com:9094"),
        ("nodes.example.com:31000+{nodeId}", "nodes.example.com:31001"),
        ("{nodeId}.k.example.com:32766+{nodeId}", "1.k.example.com:32767"),
    ],
)
def test_a_listener_with_tls(pod: Pod, tmp_path: Path, outside: str, reached: str) -> None:
    shown = tmp_path / "certificates" / "outside"
    shown.mkdir(parents=True)
    (shown / "tls.key").write_text("key\n")
    (shown / "tls.crt").write_text("certificate\n")
    (tmp_path / "run").write_text(RUN + ALONE)
    env = {"OUTSIDE": outside, "CERTIFICATES_DIR": shown.parent, "KEYSTORE_DIR": tmp_path, "POLL_SECONDS": 0.2}
    lines = succeeded(pod.script("demo-kafka-1", 1, BROKER_PORT=9091, **env).run())
    assert f"KAFKA_ADVERTISED_LISTENERS=INTERNAL://demo-kafka-1.{DOMAIN}:9091,OUTSIDE://{reached}" in lines
    assert "KAFKA_LISTENERS=INTERNAL://:9091,OUTSIDE://:9094" in lines
    assert (tmp_path / "outside.pem").read_text() == "key\ncertificate\n"


@pytest.mark.parametrize("listener", ["outside", "clients"])
def test_a_changed_certificate_is_told_until_the_broker_takes_it(pod: Pod, tmp_path: Path, listener: str) -> None:
    for folder in ("clients", "outside"):
        (tmp_path / "certificates" / folder).mkdir(parents=True)
        for name in ("tls.key", "tls.crt"):
            (tmp_path / "certificates" / folder / name).write_text("old\n")
    told = tmp_path / "told"
    tool = tmp_path / "kafka-configs.sh"
    tool.write_text(
        f'#!/bin/bash\necho "$* $KAFKA_HEAP_OPTS ${{KAFKA_OPTS:-}}" >> {told}\n[ "$(wc -l < {told})" -gt 1 ]\n'
    )
    tool.chmod(0o755)
    (tmp_path / "run").write_text(
        f"#!/bin/bash\nsleep 0.5\necho new > {tmp_path}/certificates/{listener}/tls.crt\nsleep 3\n"
        f"cat {tmp_path}/{listener}.pem\n{ALONE}"
    )
    (tmp_path / "run").chmod(0o755)
    env = {"CERTIFICATES_DIR": tmp_path / "certificates", "KEYSTORE_DIR": tmp_path, "POLL_SECONDS": 0.2}
    env |= {"KAFKA_BIN": tmp_path, "BROKER_PORT": 9091, "KAFKA_OPTS": "-javaagent", "START_SCRIPT": tmp_path / "run"}
    assert succeeded(pod.script("demo-kafka-0", 1, **env).run())[-2:] == ["old", "new"]
    call = f"--bootstrap-server demo-kafka-0.{DOMAIN}:9091 --entity-type brokers --entity-name 0 --alter --add-config"
    line = f"{call} listener.name.{listener}.ssl.keystore.location={tmp_path}/{listener}.pem -Xmx64m "
    assert told.read_text().splitlines() == [line, line]


def test_other_variables_of_kafka_stay(pod: Pod) -> None:
    assert "KAFKA_HEAP_OPTS=-Xmx1g" in succeeded(pod.script(KAFKA_HEAP_OPTS="-Xmx1g").run())


def test_starts_again_with_the_same_controllers(pod: Pod) -> None:
    pod.configure(voters(0, 1, 2))
    first = succeeded(pod.script(controllers=3).run())
    assert succeeded(pod.script(controllers=3).run()) == first


def test_their_addresses_may_change(pod: Pod) -> None:
    pod.configure(voters(0, 1, 2))
    succeeded(pod.script(controllers=3).run())
    pod.configure(voters(0, 1, 2, domain="demo-kafka-headless.plant.svc.other.domain"))
    succeeded(pod.script(controllers=3).run())


@pytest.mark.parametrize(("before", "after"), [((0,), (0, 1, 2)), ((0, 1, 2), (0,))])
def test_refuses_another_number_of_controllers(pod: Pod, before: tuple[int, ...], after: tuple[int, ...]) -> None:
    pod.configure(voters(*before))
    succeeded(pod.script(controllers=len(before)).run())
    pod.configure(voters(*after))
    done = pod.script(controllers=len(after)).run()
    was, now = (",".join(map(str, nodes)) for nodes in (before, after))
    assert failed(done) == (
        f"kafka-start: this cluster was made with the controllers {was}, and is now told to have {now}. The number of "
        "controllers cannot change: set kafkaConfig.controllers back"
    )
    assert not done.stdout

    pod.configure(voters(*before))
    succeeded(pod.script(controllers=len(before)).run())


def test_a_pod_without_a_number(pod: Pod) -> None:
    assert failed(pod.script("demo-kafka-abc").run()) == (
        "kafka-start: the pod's name demo-kafka-abc does not end in a number"
    )


def test_a_configuration_without_controllers(pod: Pod) -> None:
    (pod.mounted / "server.properties").write_text("num.partitions=3\n")
    assert failed(pod.script().run()) == "kafka-start: server.properties has no controller.quorum.voters"


def test_killed_while_it_records_the_controllers(pod: Pod) -> None:
    (pod.volume / "controllers.new").write_text("0,1")
    (pod.volume / "controllers").write_text("")
    succeeded(pod.script().run())
    assert [path.name for path in pod.volume.iterdir()] == ["controllers"]
