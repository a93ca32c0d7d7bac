"""The credentials Job as a pod with its own ServiceAccount: each password is made once, whatever happens to the Job."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.pods import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.pods.running import Running

PLAYED = ("kafka", "kafka-topics", "connect", "connectors", "mqtt", "postgres", "postgres-databases")
"""All but the Job."""

SECRETS = ("safe-mqtt-secret", "safe-db-secret", "safe-metabase-secret", "safe-lenses-secret", "safe-passwords")


@pytest.fixture(scope="module")
def safe(platform_cluster: Cluster) -> Iterator[Running]:
    with running.namespace(platform_cluster, PLAYED) as here:
        here.apply(running.platform("safe"))
        here.running("safe")
        yield here


def _passwords(here: Running) -> dict[str, str]:
    found = {}
    for name in SECRETS:
        for key, value in here.secret(name).items():
            if name == "safe-passwords" or key.endswith("_PASSWORD"):
                found[f"{name}/{key}"] = value
    return found


def _copy(job: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the same Job under another name."""
    template = json.loads(json.dumps(job["spec"]["template"]))
    for label in list(template["metadata"]["labels"]):
        if label.endswith(("job-name", "controller-uid")):
            del template["metadata"]["labels"][label]
    template["metadata"].pop("creationTimestamp", None)
    spec = {"backoffLimit": 20, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def _run_copies(here: Running, *names: str, kill: bool = False) -> None:
    """Run the Job again under other names, all at once; maybe kill each pod as soon as it is seen, three times."""
    (job,) = here.jobs("credentials")
    here.cluster.apply(*(_copy(job, name) for name in names), namespace=here.namespace)
    killed: set[str] = set()

    def done() -> bool:
        if kill and len(killed) < 3 * len(names):
            for pod in here.pods("credentials"):
                owner = pod["metadata"].get("ownerReferences", [{}])[0].get("name")
                if owner in names and pod["status"].get("phase") != "Succeeded":
                    name = pod["metadata"]["name"]
                    here.cluster.kubectl("delete", "pod", name, here.inside, "--grace-period=0", "--force", check=False)
                    killed.add(name)
        return all(running.is_complete(here.cluster.get("job", name, here.namespace)) for name in names)

    here.cluster.until(done, running.PATIENCE, lambda: here.logs("credentials")[-3000:])
    assert not kill or killed, "no pod was there to be killed"
    for name in names:
        here.cluster.delete("job", name, here.namespace)


def _empty(here: Running, *names: str) -> None:
    """Take the passwords out of some Secrets."""
    for name in names:
        keys = [key for key in here.secret(name) if name == "safe-passwords" or key.endswith("_PASSWORD")]
        patch = json.dumps({"data": dict.fromkeys(keys)})
        here.cluster.kubectl("patch", "secret", name, here.inside, "--type=merge", f"--patch={patch}")


def test_every_password_is_made(safe: Running) -> None:
    made = _passwords(safe)
    assert {"safe-mqtt-secret/MQTT_PASSWORD", "safe-db-secret/DB_PASSWORD", "safe-passwords/postgres"} <= set(made)
    assert all(len(value) == 40 for value in made.values())
    assert len(set(made.values())) == len(made)
    (pod,) = safe.pods("credentials", real=True)
    assert pod["spec"]["serviceAccountName"] == "safe-credentials"
    assert set(safe.restarts().values()) == {0}


def test_its_account_may_do_nothing_else(safe: Running) -> None:
    account = f"--as=system:serviceaccount:{safe.namespace}:safe-credentials"

    def may(verb: str, what: str) -> bool:
        return (
            safe.cluster.kubectl("auth", "can-i", verb, what, account, safe.inside, check=False).stdout.strip() == "yes"
        )

    assert may("get", "secret/safe-db-secret")
    assert may("patch", "secret/safe-db-secret")
    for verb, what in (
        ("get", "secret/other"),
        ("list", "secrets"),
        ("delete", "secret/safe-db-secret"),
        ("get", "pods"),
    ):
        assert not may(verb, what), f"{verb} {what}"


def test_another_run_changes_nothing(safe: Running) -> None:
    before = _passwords(safe)
    _run_copies(safe, "again")
    assert _passwords(safe) == before


def test_killed_and_killed_again(safe: Running) -> None:
    kept = {name: value for name, value in _passwords(safe).items() if name.startswith("safe-lenses")}
    _empty(safe, "safe-mqtt-secret", "safe-db-secret", "safe-passwords")
    _run_copies(safe, "killed", kill=True)
    made = _passwords(safe)
    assert all(len(value) == 40 for value in made.values())
    assert {name: value for name, value in made.items() if name.startswith("safe-lenses")} == kept


def test_two_at_once(safe: Running) -> None:
    _empty(safe, *SECRETS)
    _run_copies(safe, "one", "two")
    made = _passwords(safe)
    assert made
    assert all(len(value) == 40 for value in made.values())
    # What one of them made, neither made again.
    _run_copies(safe, "three")
    assert _passwords(safe) == made


def test_a_password_changed_by_hand_stays(safe: Running) -> None:
    own = base64.b64encode(b"my own").decode()
    patch = json.dumps({"data": {"DB_PASSWORD": own}})
    safe.cluster.kubectl("patch", "secret", "safe-db-secret", safe.inside, "--type=merge", f"--patch={patch}")
    _run_copies(safe, "after")
    assert safe.secret("safe-db-secret")["DB_PASSWORD"] == "my own"  # noqa: S105


def test_a_deleted_secret_comes_back(safe: Running) -> None:
    """KubeVela brings the Secret back, and a run of the Job the password: a new one."""
    before = _passwords(safe)
    safe.cluster.delete("secret", "safe-mqtt-secret", safe.namespace)
    safe.cluster.until(lambda: safe.secret("safe-mqtt-secret").get("MQTT_HOST"), running.PATIENCE)
    _run_copies(safe, "refill")
    after = _passwords(safe)
    assert len(after.pop("safe-mqtt-secret/MQTT_PASSWORD")) == 40
    assert before.pop("safe-mqtt-secret/MQTT_PASSWORD")
    assert after == before
