"""What breaks a cluster when it is left out: each of these is put back into the rendered objects, and is seen to break.

The objects come from the tool's own ``dry-run``. KubeVela has no part in it, since it would restore them.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.pods import running
from tests.pods.images import names
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hermetic import Cluster
    from tests.pods.running import Running

MOUNT = {"postgres": "/var/lib/postgresql/data", "kafka": "/var/lib/kafka/data"}
"""Where the volume of a part is."""

CALLED_KAFKA = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "kafka"},
    "spec": {"selector": {"nobody": "here"}, "ports": [{"port": 9092}]},
}
"""A Service of a name that anybody may give to one."""


@pytest.fixture
def here(platform_cluster: Cluster) -> Iterator[Running]:
    with running.namespace(platform_cluster) as found:
        yield found


@pytest.fixture(scope="module")
def rendered() -> list[dict[str, Any]]:
    """Return the objects of a small platform."""
    application = running.platform("trap", iot=False, metrics={"enabled": False}, networkPolicy={"enabled": False})
    command: list[str | Path] = [names.ROOT / ".venv/bin/vela-realtime", "dry-run", "--output=-"]
    done = process.run(command, cwd=names.ROOT, stdin=json.dumps(application), timeout=running.PATIENCE)
    assert done.ok, done.stderr
    return [item for item in yaml.safe_load_all(done.stdout) if item]


def _objects(rendered: list[dict[str, Any]], part: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a part's StatefulSet, and what else it needs, for whatever namespace."""
    found = copy.deepcopy([item for item in rendered if _part(item) == part])
    for item in found:
        item["metadata"].pop("namespace", None)
    (workload,) = [item for item in found if item["kind"] == "StatefulSet"]
    return workload, [item for item in found if item["kind"] in {"Service", "ConfigMap"}]


def _part(item: dict[str, Any]) -> str:
    return str(item["metadata"].get("labels", {}).get("app.kubernetes.io/name", ""))


def _in_this_namespace(here: Running, value: Any) -> Any:
    """Return objects in which the namespace that they were rendered for is the test's."""
    return json.loads(json.dumps(value).replace(".default.svc.", f".{here.namespace}.svc."))


def _with_lost_and_found(workload: dict[str, Any], part: str) -> None:
    """Let the volume be what a new disk is: it has a folder lost+found."""
    spec = workload["spec"]["template"]["spec"]
    container = spec["containers"][0]
    first = {
        "name": "disk",
        "image": container["image"],
        "command": ["mkdir", "-p", f"{MOUNT[part]}/lost+found"],
        "securityContext": container["securityContext"],
        "volumeMounts": [{"name": "data", "mountPath": MOUNT[part]}],
    }
    spec["initContainers"] = [first, *spec.get("initContainers", [])]


def _run(here: Running, workload: dict[str, Any], others: list[dict[str, Any]]) -> None:
    here.cluster.apply(*_in_this_namespace(here, [*others, workload]), namespace=here.namespace)


def _fails(here: Running, part: str, reason: str) -> None:
    """Wait until a part's container has ended with a reason in its log."""

    def seen() -> bool:
        pods = here.pods(part)
        logs = (
            here.logs(part)
            + here.cluster.kubectl(
                *("logs", f"--selector=app.kubernetes.io/name={part}", "--previous", "--tail=-1", here.inside),
                check=False,
            ).stdout
        )
        return bool(pods) and not running.is_ready(pods[0]) and reason in logs

    here.cluster.until(seen, running.PATIENCE, lambda: here.logs(part)[-3000:])


def _secret(here: Running, rendered: list[dict[str, Any]]) -> None:
    """Bring the passwords that the credentials Job would."""
    (workload,) = [item for item in rendered if item["kind"] == "StatefulSet" and _part(item) == "postgres"]
    (secret,) = [item["secret"] for item in workload["spec"]["template"]["spec"]["volumes"] if "secret" in item]
    data = {item["key"]: "a-password" for item in secret["items"]}
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret["secretName"]}, "stringData": data}
    here.cluster.apply(made, namespace=here.namespace)


def test_service_links_become_settings_of_kafka(here: Running, rendered: list[dict[str, Any]]) -> None:
    here.cluster.apply(CALLED_KAFKA, namespace=here.namespace)
    workload, others = _objects(rendered, "kafka")
    settings = "cat /opt/kafka/config/server.properties"
    _run(here, workload, others)
    here.ready("kafka")
    assert "tcp://" not in here.shell("trap-kafka-0", settings)

    workload["spec"]["template"]["spec"]["enableServiceLinks"] = True
    _run(here, workload, others)

    def polluted() -> bool:
        done = here.execute("trap-kafka-0", "sh", "-c", settings, check=False)
        return "port=tcp://" in done.stdout

    here.cluster.until(polluted, running.PATIENCE, lambda: here.logs("kafka")[-3000:])


def test_kafka_on_a_new_disk(here: Running, rendered: list[dict[str, Any]]) -> None:
    workload, others = _objects(rendered, "kafka")
    _with_lost_and_found(workload, "kafka")
    _run(here, workload, others)
    here.ready("kafka")
    assert "lost+found" in here.shell("trap-kafka-0", f"ls {MOUNT['kafka']}")


def test_kafka_whose_logs_lie_in_the_root_of_the_disk(here: Running, rendered: list[dict[str, Any]]) -> None:
    workload, others = _objects(rendered, "kafka")
    _with_lost_and_found(workload, "kafka")
    others = json.loads(json.dumps(others).replace(f"{MOUNT['kafka']}/kafka-logs", MOUNT["kafka"]))
    _run(here, workload, others)
    _fails(here, "kafka", "'lost+found' is not in the form of topic-partition")


def test_postgres_on_a_new_disk(here: Running, rendered: list[dict[str, Any]]) -> None:
    _secret(here, rendered)
    workload, others = _objects(rendered, "postgres")
    _with_lost_and_found(workload, "postgres")
    _run(here, workload, others)
    here.ready("postgres")


def test_postgres_whose_data_lie_in_the_root_of_the_disk(here: Running, rendered: list[dict[str, Any]]) -> None:
    _secret(here, rendered)
    workload, others = _objects(rendered, "postgres")
    _with_lost_and_found(workload, "postgres")
    workload = json.loads(json.dumps(workload).replace(f"{MOUNT['postgres']}/pgdata", MOUNT["postgres"]))
    _run(here, workload, others)
    _fails(here, "postgres", "exists but is not empty")
