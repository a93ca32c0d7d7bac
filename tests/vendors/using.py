"""A platform as those use it who have nothing but its Secrets: by HTTP, MQTT and Kafka, from pods that it admits."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.pods import running
from tests.pods.images import names
from tests.pods.running import PATIENCE, Running, is_ready
from tests.vendors.report import is_played

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.vendors.report import Report

MONITORING = "monitoring"
"""The namespace that policies let read metrics, as shipped."""

CURL_USER = 100


@dataclass(frozen=True)
class Answer:
    """What an HTTP server said."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        """The answer, read as JSON."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Using:
    """An Application that is healthy in a namespace, and a pod with curl that all of its components admit."""

    here: Running
    client: str

    def needs(self, *parts: str) -> None:
        """Skip the test when one of these parts is only played here; it fails when there is no such part."""
        played = set()
        for part in parts:
            pods = self.here.pods(part)
            assert pods, f"there is no pod of {part}"
            played |= {f"{part} is played" for pod in pods if is_played(pod)}
        if played:
            pytest.skip(", ".join(sorted(played)))

    def of(self, component: str) -> Using:
        """Return the same, where only the parts of one component count."""
        return Using(self.here.of(component), self.client)

    def http(self, url: str, method: str = "GET", body: Any = None, user: str = "", **headers: str) -> Answer:
        """Ask an HTTP server. ``user`` is ``NAME:PASSWORD``; in the names of headers _ is -."""
        config = [f'url = "{url}"', f'request = "{method}"', 'write-out = "\\n%{http_code}"']
        config += ["silent", "show-error", "globoff", "max-time = 60"]
        if user:
            config.append(f"user = {json.dumps(user)}")
        if body is not None:
            headers = {"Content_Type": "application/json", **headers}
            config.append(f"data-binary = {json.dumps(json.dumps(body))}")
        for key, value in headers.items():
            config.append(f"header = {json.dumps(key.replace('_', '-') + ': ' + value)}")
        done = self.here.execute(self.client, "curl", "--config", "-", stdin="\n".join(config) + "\n")
        text, _, status = done.stdout.rpartition("\n")
        return Answer(int(status), text)

    def call(self, url: str, method: str = "GET", body: Any = None, user: str = "", **headers: str) -> Any:
        """Ask an HTTP server, which must agree, and return its JSON."""
        answer = self.http(url, method, body, user, **headers)
        assert 200 <= answer.status < 300, f"{method} {url}: {answer.status}: {answer.text[:1000]}"
        return answer.json

    def until(self, look: Any, what: str) -> Any:
        """Wait until a look finds something."""
        return self.here.cluster.until(look, PATIENCE, lambda: f"{what}: not seen")

    # What several platforms are asked

    def publish(self, platform: str, topic: str, message: dict[str, Any]) -> None:
        """Send a message by MQTT, as a client with the connection Secret."""
        secret = self.here.secret(f"{platform}-mqtt-secret")
        # In the broker's own pod, which has the client: no policy lets it call itself by its Service.
        connection = ["-h", "127.0.0.1", "-p", secret["MQTT_PORT"]]
        connection += ["-u", secret["MQTT_USER"], "-P", secret["MQTT_PASSWORD"]]
        command = ["mosquitto_pub", *connection, "-q", "1", "-t", topic, "-m", json.dumps(message)]
        self.here.execute(f"{platform}-mqtt-0", *command)

    def records(self, platform: str, topic: str) -> list[Any]:
        """Return all that a topic of Kafka has, as JSON."""
        servers = self.here.secret(f"{platform}-kafka-secret")["KAFKA_BOOTSTRAP_SERVERS"]
        tool = "/opt/kafka/bin/kafka-console-consumer.sh"
        command = [tool, f"--bootstrap-server={servers}", f"--topic={topic}", "--from-beginning", "--timeout-ms=15000"]
        # In a small heap: the broker's own has the container's memory.
        done = self.here.execute(f"{platform}-kafka-0", "env", "KAFKA_HEAP_OPTS=-Xmx128m", *command, check=False)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]

    def produce(self, platform: str, topic: str, record: dict[str, Any]) -> None:
        """Write a record to a topic of Kafka."""
        servers = self.here.secret(f"{platform}-kafka-secret")["KAFKA_BOOTSTRAP_SERVERS"]
        tool = "/opt/kafka/bin/kafka-console-producer.sh"
        command = ["env", "KAFKA_HEAP_OPTS=-Xmx128m", tool, f"--bootstrap-server={servers}", f"--topic={topic}"]
        self.here.execute(f"{platform}-kafka-0", *command, stdin=json.dumps(record) + "\n")

    def registry_refuses(self, platform: str) -> None:
        """Register a schema, and one that those who read by the first could not read."""
        registry = self.here.secret(f"{platform}-kafka-secret")["KAFKA_SCHEMA_REGISTRY_URL"]

        def register(kind: str) -> Answer:
            schema = {"type": "record", "name": "reading", "fields": [{"name": "value", "type": kind}]}
            return self.http(f"{registry}/subjects/readings-value/versions", "POST", {"schema": json.dumps(schema)})

        assert register("double").status == 200
        assert register("double").status == 200, "the same schema again is no new one"
        refused = register("string")
        assert refused.status == 409, refused
        assert self.call(f"{registry}/subjects/readings-value/versions") == [1]

    def healthy_without_a_restart(self) -> None:
        """Check what Kubernetes says of each pod."""
        for pod in self.here.pods():
            of_job = any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences", []))
            name = pod["metadata"]["name"]
            assert is_ready(pod) or (of_job and pod["status"]["phase"] in {"Succeeded", "Pending", "Running"}), name
            states = pod["status"].get("containerStatuses", []) + pod["status"].get("initContainerStatuses", [])
            assert [state["restartCount"] for state in states] == [0] * len(states), name


@contextmanager
def used(cluster: Cluster, application: dict[str, Any], components: list[str], report: Report) -> Iterator[Using]:
    """Apply an Application in a namespace of its own, wait until it is healthy, and give a client of its components."""
    with running.namespace(cluster) as here:
        here.apply(application)
        here.running(application["metadata"]["name"])
        client = here.client("user", names.reference("helper"), CURL_USER, *components)
        report.add(application["metadata"]["name"], [pod for pod in here.pods() if pod["metadata"]["name"] != client])
        yield Using(here, client)


@contextmanager
def collector(cluster: Cluster) -> Iterator[Using]:
    """Give a pod with curl in the namespace that may read metrics; that is made, and goes, unless somebody has it."""
    if cluster.get("namespace", MONITORING):
        here = Running(cluster, MONITORING)
        yield Using(here, here.client("vendors-collector", names.reference("helper"), CURL_USER))
        cluster.delete("pod", "vendors-collector", MONITORING)
        return
    with cluster.only_here(MONITORING):
        here = Running(cluster, MONITORING)
        yield Using(here, here.client("vendors-collector", names.reference("helper"), CURL_USER))


def delete(cluster: Cluster, platform: Using, application: str) -> None:
    """Delete an Application; only its volumes may stay."""
    here = platform.here
    cluster.vela("delete", application, here.inside, "--yes", "--wait", timeout=PATIENCE)
    kinds = (
        "deployments,statefulsets,jobs,cronjobs,services,secrets,configmaps,networkpolicies,serviceaccounts,roles,pods"
    )
    mine = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default", f"Pod/{platform.client}"}

    def left() -> set[str]:
        return {f"{item['kind']}/{item['metadata']['name']}" for item in cluster.items(kinds, here.namespace)} - mine

    cluster.until(lambda: not left(), PATIENCE, lambda: f"left: {sorted(left())}")
    assert cluster.items("persistentvolumeclaims", here.namespace)
