"""``lenses-environment.sh``: the Secret ends with the key that HQ's environment has, whatever came between."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.support.doubles.http_double import Answer
from tests.support.doubles.kubernetes_api import NAMESPACE, KubernetesApi
from tests.support.doubles.lenses_hq import LensesHq
from tests.support.doubles.scripts import SHELLS, Script, failed, finish, succeeded, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.doubles.http_double import Request

pytestmark = SHELLS

SECRET = "demo-lenses-agent-key"  # noqa: S105
ANNOTATION = "vela-realtime.dev/lenses-environment"


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with KubernetesApi() as server:
        server.add(SECRET)
        yield server


@pytest.fixture
def hq() -> Iterator[LensesHq]:
    with LensesHq() as server:
        yield server


@pytest.fixture
def job(api: KubernetesApi, hq: LensesHq, tmp_path: Path, shell: str) -> Script:
    return Script(
        "lenses-environment.sh",
        shell,
        {
            "NAMESPACE": NAMESPACE,
            "KUBERNETES_URL": api.url,
            "ACCOUNT_DIR": api.account(tmp_path / "account"),
            "LENSES_URL": hq.url,
            "LENSES_USER": "admin",
            "LENSES_PASSWORD": "admin",
            "ENVIRONMENT": "demo",
            "TIER": "production",
            "AGENT_KEY_SECRET": SECRET,
            "AGENT_KEY": "AGENT_KEY",
            "TMPDIR": tmp_path,
            "GRACE_SECONDS": "0.1",
            "POLL_SECONDS": "0.05",
            "WAIT_SECONDS": "20",
        },
    )


def in_step(api: KubernetesApi, hq: LensesHq) -> bool:
    """Tell whether the Secret has the key of the environment that there is."""
    return (
        api.data(SECRET) == {"AGENT_KEY": hq.current_key("demo")}
        and api.annotations(SECRET)[ANNOTATION] == hq.environments["demo"]["id"]
    )


def test_makes_the_environment_and_keeps_its_key(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    assert succeeded(job.run()) == [f"environment demo: made; its key is in the Secret {SECRET}"]
    assert hq.environments["demo"]["tier"] == "production"
    assert in_step(api, hq)


def test_a_second_run_changes_nothing(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    succeeded(job.run())
    assert succeeded(job.run()) == [f"environment demo: its key is in the Secret {SECRET}"]
    assert len(hq.keys) == 1
    assert in_step(api, hq)


def test_killed_before_the_key_was_written(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    hq.add("demo")
    assert succeeded(job.run()) == [
        "environment demo: deleted, since nobody has its key",
        f"environment demo: made; its key is in the Secret {SECRET}",
    ]
    assert in_step(api, hq)


def test_another_run_is_about_to_write_the_key(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    made = hq.add("demo")

    def write(request: Request) -> None:
        if len(api.requests) == 2:
            api.add(SECRET, {"AGENT_KEY": hq.keys[made]}, {ANNOTATION: made})

    api.before = write
    assert succeeded(job.run()) == [f"environment demo: its key is in the Secret {SECRET}"]
    assert len(hq.keys) == 1
    assert in_step(api, hq)


def test_a_key_that_a_connected_agent_has_is_not_made_worthless(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    hq.connected.add(hq.add("demo"))
    assert failed(job.run()) == (
        "lenses-environment.sh: an Agent is connected to environment demo with a key that the Secret "
        f"{SECRET} does not have. Put it there as AGENT_KEY, or delete the environment in Lenses HQ"
    )
    assert len(hq.keys) == 1
    assert not [line for line in hq.lines if line.startswith("DELETE")]


def test_hq_lost_its_database(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    succeeded(job.run())
    del hq.environments["demo"]
    succeeded(job.run())
    assert len(hq.keys) == 2
    assert in_step(api, hq)


def test_someone_made_the_environment_anew(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    succeeded(job.run())
    del hq.environments["demo"]
    hq.add("demo")
    succeeded(job.run())
    assert in_step(api, hq)


def test_a_key_that_someone_put_there_stays(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    made = hq.add("demo")
    api.add(SECRET, {"AGENT_KEY": "put there by hand"})
    assert succeeded(job.run()) == [f"environment demo: the key in the Secret {SECRET} stays"]
    assert api.data(SECRET) == {"AGENT_KEY": "put there by hand"}
    assert api.annotations(SECRET)[ANNOTATION] == made


def test_waits_for_hq(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    hq.before = lambda _: Answer(502) if len(hq.requests) < 3 else None
    assert succeeded(job.run())[0] == f"waiting: Lenses HQ does not answer at {hq.url} (status 502)"
    assert in_step(api, hq)


def test_a_wrong_password(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    hq.password = "another"  # noqa: S105
    assert failed(job.run()) == ("lenses-environment.sh: Lenses HQ does not let admin in: wrong user or password")


@pytest.mark.parametrize("password", ['quo"te', "back\\slash", "dollar$HOME `id`", "colon:#x"])
def test_any_password(api: KubernetesApi, hq: LensesHq, job: Script, password: str) -> None:
    hq.password = password
    succeeded(job.run(LENSES_PASSWORD=password))
    assert in_step(api, hq)


def test_an_environment_that_the_licence_does_not_allow(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    problem = Answer(403, {"type": "licence_limitation", "title": "too many environments", "status": 403})
    hq.before = lambda request: problem if request.method == "POST" else None
    assert failed(job.run()) == (
        "lenses-environment.sh: environment demo: Lenses HQ refuses to make it: too many environments (status 403)"
    )


def test_killed_at_any_point(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    chance = random.Random(7)  # noqa: S311
    for _ in range(12):
        job.run_and_kill(chance.uniform(0, 0.5))
    succeeded(job.run())
    assert in_step(api, hq)


def test_two_at_once(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    for running in [job.start() for _ in range(2)]:
        succeeded(finish(running))
    assert in_step(api, hq)


def test_a_slower_run_writes_a_key_that_is_worthless_by_then(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    def meddle(request: Request) -> None:
        if request.method == "PATCH" and len(hq.keys) == 1:
            slower = hq.environments.pop("demo")["id"]
            hq.add("demo")
            api.add(SECRET, {"AGENT_KEY": hq.keys[slower]}, {ANNOTATION: slower})
            api.secrets[SECRET]["metadata"]["resourceVersion"] = "9"

    api.before = meddle
    succeeded(job.run())
    assert in_step(api, hq)


def test_waits_for_the_secret(api: KubernetesApi, hq: LensesHq, job: Script) -> None:
    del api.secrets[SECRET]
    running = job.start()
    wait_until(lambda: len(api.requests) >= 2)
    assert not hq.requests, "nothing is made before its key can be kept"
    api.add(SECRET)
    succeeded(finish(running))
    assert in_step(api, hq)
