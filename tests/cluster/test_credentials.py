"""The credentials Job's own script, as the definition renders it, on a real API server with its own account and Role.

Simulated nodes run nothing, so the script runs here, on the host: files from the Job's ConfigMap, environment from
its container, and a token of its ServiceAccount.
"""

from __future__ import annotations

import base64
import json
import os
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.checks import application
from tests.cluster.conftest import VERSIONS
from tests.support.doubles.scripts import finish, kill_after, start, succeeded

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.hermetic import Cluster

PLATFORM = application("streaming", {"name": "stream", "type": "realtime-platform", "properties": {"name": "stream"}})
MOUNT = "/etc/vela-realtime"

PATIENCE = 120
"""Seconds that a run of the script may take."""


class Job:
    """The credentials Job of an Application that is applied, as a process of this machine."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self.cluster, self.namespace = cluster, namespace
        (job,) = cluster.until(self.jobs, explain=lambda: cluster.explain("streaming", namespace))
        pod = job["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        (config,) = [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
        files = folder / "files"
        files.mkdir()
        # KubeVela applies the objects in no certain order.
        data = cluster.until(lambda: cluster.get("configmap", config, namespace).get("data"))
        for name, text in data.items():
            (files / name).write_text(text)
        self.passwords = [tuple(line.split()[:2]) for line in (files / "passwords").read_text().splitlines()]
        assert len(set(self.passwords)) == len(self.passwords)
        self.argv = [part.replace(MOUNT, str(files)) for part in container["command"]]
        view = cluster.kubectl("config", "view", "--raw", "--flatten", "--minify", "--output=json").stdout
        server = json.loads(view)["clusters"][0]["cluster"]
        account = folder / "account"
        account.mkdir()
        (account / "ca.crt").write_bytes(base64.b64decode(server["certificate-authority-data"]))
        token = cluster.kubectl("create", "token", pod["serviceAccountName"], f"--namespace={namespace}").stdout
        (account / "token").write_text(token)
        self.env = {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(folder),
            **{item["name"]: item["value"].replace(MOUNT, str(files)) for item in container["env"]},
            "KUBERNETES_URL": server["server"],
            "ACCOUNT_DIR": str(account),
            "POLL_SECONDS": "0.1",
            "WAIT_SECONDS": "60",
        }

    def jobs(self) -> list[dict[str, Any]]:
        """Return the Job as it is in the cluster, alone in a list, or nothing."""
        found = self.cluster.items("jobs", self.namespace)
        return [item for item in found if "-credentials-" in item["metadata"]["name"]]

    def start(self) -> subprocess.Popen[str]:
        """Start the script in a process group of its own."""
        return start(self.argv, self.env)

    def run(self) -> list[str]:
        """Run the script to its end, and return what it says."""
        return succeeded(finish(self.start(), PATIENCE))

    def made(self) -> dict[tuple[str, ...], str]:
        """Return the passwords that are there now."""
        secrets = {
            item["metadata"]["name"]: item.get("data", {}) for item in self.cluster.items("secrets", self.namespace)
        }
        return {(name, key): secrets[name][key] for name, key in self.passwords if key in secrets.get(name, {})}


@pytest.fixture
def job(cluster: Cluster, held: str, tmp_path: Path) -> Job:
    """Return the credentials Job of a platform that has no password yet."""
    cluster.apply(PLATFORM, namespace=held)
    return Job(cluster, held, tmp_path)


def test_it_makes_each_password_once(cluster: Cluster, held: str, job: Job) -> None:
    assert job.made() == {}
    assert any("added" in line for line in job.run())
    made = job.made()
    assert sorted(made) == sorted(job.passwords)
    assert len(set(made.values())) == len(made) > 3

    assert all(line.endswith(": complete") for line in job.run())
    assert job.made() == made

    # KubeVela applies its Secrets again, without the passwords, when the Application changes.
    changed = application(
        "streaming",
        {
            "name": "stream",
            "type": "realtime-platform",
            "properties": {"name": "stream", "clusterDomain": "other.local"},
        },
    )
    before = cluster.get("secret", "stream-mqtt-secret", held)["data"]["MQTT_HOST"]
    cluster.apply(changed, namespace=held)
    cluster.until(lambda: cluster.get("secret", "stream-mqtt-secret", held)["data"]["MQTT_HOST"] != before)
    assert job.made() == made


# KubeVela has no part in it: once is enough.
@pytest.mark.parametrize("cluster", VERSIONS[:1], indirect=True)
def test_killed_a_hundred_times(job: Job) -> None:
    chance = random.Random(9)  # noqa: S311
    seen: dict[tuple[str, ...], str] = {}
    began = time.monotonic()
    job.run()
    whole = time.monotonic() - began
    partly = 0
    for _ in range(100):
        # A Secret loses its password now and then, so that there is something to do until the end.
        name, key = chance.choice(job.passwords)
        job.cluster.kubectl(
            *("patch", "secret", name, f"--namespace={job.namespace}", "--type=json"),
            *("--patch", f'[{{"op": "remove", "path": "/data/{key}"}}]'),
            check=False,
        )
        seen.pop((name, key), None)
        kill_after(job.start(), chance.uniform(0, whole))
        now = job.made()
        assert {place: now.get(place) for place in seen} == seen
        partly += len(now) < len(job.passwords)
        seen = now
    assert 5 < partly < 95, "the kills all came too early, or too late"
    job.run()
    final = job.made()
    assert sorted(final) == sorted(job.passwords)
    assert {place: final[place] for place in seen} == seen


def test_two_at_once(job: Job) -> None:
    both = [job.start(), job.start()]
    said = [succeeded(finish(running, PATIENCE)) for running in both]
    made = job.made()
    assert sorted(made) == sorted(job.passwords)
    added = [word for lines in said for line in lines if " added" in line for word in line.split(" added ")[1].split()]
    assert len(added) == len(made), "a password was made twice"


FORBIDDEN = (
    "get secret of-somebody-else",
    "get secrets",
    "delete secret stream-db-secret",
    "create secret generic new",
    "get configmaps",
    "get pods",
    "get secret stream-db-secret --namespace=vela-system",
)


def test_its_account_may_nothing_else(job: Job) -> None:
    (account,) = {item["spec"]["template"]["spec"]["serviceAccountName"] for item in job.jobs()}
    identity = (f"--as=system:serviceaccount:{job.namespace}:{account}", f"--namespace={job.namespace}")

    def answer(command: str) -> str:
        # The last --namespace counts.
        return job.cluster.kubectl(*identity, *command.split(), check=False).stderr

    assert answer("get secret stream-db-secret") == ""
    assert [command for command in FORBIDDEN if "forbidden" not in answer(command).lower()] == []
