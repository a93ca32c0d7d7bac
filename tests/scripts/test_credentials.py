"""``credentials.sh``: every password is made once and never changes, whatever happens to the Job."""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.doubles.http_double import Answer, Request
from tests.support.doubles.kubernetes_api import NAMESPACE, USER, KubernetesApi
from tests.support.doubles.scripts import SHELLS, Script, failed, finish, succeeded, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = SHELLS


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with KubernetesApi() as server:
        yield server


class Job:
    """The credentials Job of one component."""

    def __init__(self, api: KubernetesApi, folder: Path, shell: str) -> None:
        self.list = folder / "passwords"
        self.script = Script(
            "credentials.sh",
            shell,
            {
                "NAMESPACE": NAMESPACE,
                "CREDENTIALS_FILE": self.list,
                "KUBERNETES_URL": api.url,
                "ACCOUNT_DIR": api.account(folder / "account"),
                "TMPDIR": folder,
                "POLL_SECONDS": "0.05",
                "WAIT_SECONDS": "20",
            },
        )

    def for_passwords(self, *lines: str) -> Job:
        self.list.write_text("".join(f"{line}\n" for line in lines))
        return self


@pytest.fixture
def job(api: KubernetesApi, tmp_path: Path, shell: str) -> Job:
    return Job(api, tmp_path, shell)


def test_adds_what_is_missing_and_keeps_what_is_there(api: KubernetesApi, job: Job) -> None:
    api.add("demo-db-secret", {"DB_USER": "realtime"})
    api.add("demo-lenses-secret", {"LENSES_USER": "admin", "LENSES_PASSWORD": "chosen by the user"})
    api.add("demo-keys")
    job.for_passwords(
        "demo-db-secret DB_PASSWORD", "demo-lenses-secret LENSES_PASSWORD", "demo-keys a", "demo-keys b.c-d_e"
    )

    assert succeeded(job.script.run()) == [
        "Secret demo-db-secret: added DB_PASSWORD",
        "Secret demo-lenses-secret: complete",
        "Secret demo-keys: added a b.c-d_e",
    ]
    assert api.data("demo-db-secret")["DB_USER"] == "realtime"
    assert api.data("demo-lenses-secret") == {"LENSES_USER": "admin", "LENSES_PASSWORD": "chosen by the user"}
    made = [api.data("demo-db-secret")["DB_PASSWORD"], *api.data("demo-keys").values()]
    assert len(set(made)) == 3
    for password in made:
        assert re.fullmatch("[A-Za-z0-9]{40}", password)
        assert all(re.search(kind, password) for kind in ("[0-9]", "[a-z]", "[A-Z]"))


def test_a_password_that_everybody_knows_is_replaced(api: KubernetesApi, job: Job) -> None:
    """KubeVela leaves it in the Secret when the Application asks for it no more."""
    api.add("demo-lenses-secret", {"LENSES_USER": "admin", "LENSES_PASSWORD": "admin"})
    job.for_passwords("demo-lenses-secret LENSES_PASSWORD")
    assert succeeded(job.script.run()) == ["Secret demo-lenses-secret: added LENSES_PASSWORD"]
    data = api.data("demo-lenses-secret")
    assert data["LENSES_USER"] == "admin"
    assert re.fullmatch("[A-Za-z0-9]{40}", data["LENSES_PASSWORD"])
    assert succeeded(job.script.run()) == ["Secret demo-lenses-secret: complete"]


def test_a_password_that_the_application_has_itself_is_removed(api: KubernetesApi, job: Job) -> None:
    """So that a password that leaked is not there when the Application withdraws it."""
    api.add("demo-mqtt-users", {"device": "leaked", "other": "stays"})
    job.for_passwords("demo-mqtt-users device remove", "demo-mqtt-users other", "demo-mqtt-users new remove")
    assert succeeded(job.script.run()) == ["Secret demo-mqtt-users: removed device"]
    assert api.data("demo-mqtt-users") == {"other": "stays"}
    assert succeeded(job.script.run()) == ["Secret demo-mqtt-users: complete"]

    job.for_passwords("demo-mqtt-users device", "demo-mqtt-users other")
    assert succeeded(job.script.run()) == ["Secret demo-mqtt-users: added device"]
    assert api.data("demo-mqtt-users")["device"] != "leaked"


def test_what_is_somebody_elses_is_copied_as_it_is_now(api: KubernetesApi, job: Job) -> None:
    api.add("demo-kafka-secret", {"KAFKA_BOOTSTRAP_SERVERS": "k:9092"})
    api.add("kafka-user", {"username": "orders", "password": "one's own"})
    job.for_passwords(
        "demo-kafka-secret KAFKA_SASL_USERNAME from kafka-user username",
        "demo-kafka-secret KAFKA_SASL_PASSWORD from kafka-user password",
    )
    copied = "Secret demo-kafka-secret: copied KAFKA_SASL_USERNAME KAFKA_SASL_PASSWORD"
    assert succeeded(job.script.run()) == [copied]
    there = {"KAFKA_BOOTSTRAP_SERVERS": "k:9092", "KAFKA_SASL_USERNAME": "orders", "KAFKA_SASL_PASSWORD": "one's own"}
    assert api.data("demo-kafka-secret") == there
    assert api.data("kafka-user") == {"username": "orders", "password": "one's own"}
    assert succeeded(job.script.run()) == ["Secret demo-kafka-secret: complete"]

    api.add("kafka-user", {"username": "orders", "password": "another"})
    assert succeeded(job.script.run()) == ["Secret demo-kafka-secret: copied KAFKA_SASL_PASSWORD"]
    assert api.data("demo-kafka-secret") == {**there, "KAFKA_SASL_PASSWORD": "another"}


def test_waits_for_what_is_to_be_copied(api: KubernetesApi, job: Job) -> None:
    api.add("demo")
    api.add("theirs", {"other": "x"})
    running = job.for_passwords("demo own", "demo copy from theirs key").script.start()
    wait_until(lambda: len(api.requests) >= 3)
    assert api.data("demo") == {}
    api.add("theirs", {"key": "k"})
    assert succeeded(finish(running)) == [
        "waiting: Secret theirs: has no key",
        "Secret demo: added own copied copy",
    ]
    assert api.data("demo")["copy"] == "k"


@pytest.mark.parametrize("without", ["0-9", "a-z", "A-Z"])
def test_a_password_that_lacks_a_kind_is_made_again(api: KubernetesApi, job: Job, tmp_path: Path, without: str) -> None:
    # The first time, there is chance that is no help.
    (tmp_path / "bin").mkdir()
    tr = tmp_path / "bin" / "tr"
    tr.write_text(
        f'#!/bin/sh\n/usr/bin/tr "$@" | {{ [ -e "$0.done" ] && cat || /usr/bin/tr -d {without}; }}\n: > "$0.done"\n'
    )
    tr.chmod(0o755)
    job.script.env["PATH"] = f"{tmp_path}/bin:{job.script.env['PATH']}"
    api.add("demo")
    succeeded(job.for_passwords("demo password").script.run())
    assert (tmp_path / "bin" / "tr.done").exists()
    assert re.search(f"[{without}]", api.data("demo")["password"])


def test_a_second_run_changes_nothing(api: KubernetesApi, job: Job) -> None:
    api.add("demo", {"empty": ""})
    job.for_passwords("demo one", "demo two", "demo empty")
    succeeded(job.script.run())
    first = api.data("demo")

    assert succeeded(job.script.run()) == ["Secret demo: complete"]
    assert api.data("demo") == first
    assert first["empty"], "an empty password is none"


def test_waits_for_a_secret_that_is_not_there_yet(api: KubernetesApi, job: Job) -> None:
    running = job.for_passwords("late password").script.start()
    wait_until(lambda: len(api.requests) >= 3)
    api.add("late")
    assert succeeded(finish(running)) == [
        'waiting: Secret late: secrets "late" not found',
        "Secret late: added password",
    ]


def test_waits_for_the_api_server(api: KubernetesApi, job: Job) -> None:
    api.add("demo")
    api.before = lambda _: Answer(503) if len(api.requests) < 3 else None
    assert succeeded(job.for_passwords("demo password").script.run()) == [
        "waiting: Secret demo: status 503",
        "Secret demo: added password",
    ]


def test_gives_up_with_the_reason(api: KubernetesApi, job: Job) -> None:
    api.add("other", {})
    api.allowed = {"demo"}
    done = job.for_passwords("other password").script.run(WAIT_SECONDS=0)
    assert failed(done) == (
        'credentials.sh: gave up after 0 seconds: Secret other: secrets "other" is forbidden: User '
        f'"{USER}" cannot get resource "secrets" in API group "" in the namespace "plant"'
    )
    assert "data" not in api.secrets["other"] or not api.data("other")


def test_an_answer_that_is_cut_off_is_no_empty_secret(api: KubernetesApi, job: Job) -> None:
    api.add("demo", {"password": "as it was"})
    api.before = lambda _: Answer(200, "half an answer") if len(api.requests) == 1 else None
    assert succeeded(job.for_passwords("demo password").script.run()) == [
        "waiting: Secret demo: the answer cannot be read",
        "Secret demo: complete",
    ]
    assert api.data("demo") == {"password": "as it was"}


def test_someone_else_changes_the_secret_meanwhile(api: KubernetesApi, job: Job) -> None:
    api.add("demo", {})

    def meddle(request: Request) -> None:
        if request.method == "PATCH" and ("demo", "password") not in api.history:
            api._set("demo", {"password": "Zmlyc3Q="})

    api.before = meddle
    assert succeeded(job.for_passwords("demo password", "demo other").script.run()) == ["Secret demo: added other"]
    assert api.history["demo", "password"] == ["Zmlyc3Q="]


def test_two_at_once_agree(api: KubernetesApi, job: Job) -> None:
    names = [f"secret-{number}" for number in range(5)]
    for name in names:
        api.add(name)
    job.for_passwords(*(f"{name} {key}" for name in names for key in ("one", "two")))
    for running in [job.script.start() for _ in range(3)]:
        succeeded(finish(running))
    assert sorted(api.history) == [(name, key) for name in names for key in ("one", "two")]
    assert all(len(values) == 1 for values in api.history.values())


def test_killed_fifty_times_no_password_is_missing_and_none_has_changed(api: KubernetesApi, job: Job) -> None:
    names = [f"secret-{number}" for number in range(6)]
    for name in (*names, "first"):
        api.add(name)
    started = time.monotonic()
    succeeded(job.for_passwords("first one", "first two").script.run())
    longest = 2 * (time.monotonic() - started)
    job.for_passwords(*(f"{name} {key}" for name in names for key in ("one", "two")))
    chance = random.Random(7)  # noqa: S311
    assert sum(job.script.run_and_kill(chance.uniform(0, longest)) for _ in range(50)) >= 15

    succeeded(job.script.run())
    assert sorted(api.history)[2:] == [(name, key) for name in names for key in ("one", "two")]
    assert all(len(values) == 1 for values in api.history.values())


def test_rotation_replaces_every_password_once(api: KubernetesApi, job: Job) -> None:
    api.add("demo", {"user": "admin", "password": "old", "root": "old root", "encryption-key": "for ever"})
    passwords = ("demo password", "demo root previous", "demo encryption-key keep", "demo new")
    job.for_passwords("demo .rotation-1", *passwords)

    assert succeeded(job.script.run()) == ["Secret demo: added .rotation-1 new rotated password root"]
    data = api.data("demo")
    assert data["user"] == "admin"
    assert data["encryption-key"] == "for ever"
    assert data["root_PREVIOUS"] == "old root"
    assert all(len(data[key]) == 40 for key in ("password", "root", "new"))
    assert api.annotations("demo") == {"vela-realtime.dev/rotation": "1"}

    assert succeeded(job.script.run()) == ["Secret demo: complete"]
    assert succeeded(job.for_passwords(*passwords).script.run()) == ["Secret demo: complete"]
    assert api.data("demo") == data

    succeeded(job.for_passwords("demo .rotation-1 keep", "demo .rotation-2", *passwords).script.run())
    assert api.data("demo")["root_PREVIOUS"] == data["root"]
    assert api.data("demo")[".rotation-1"] == data[".rotation-1"]


def test_each_secret_has_a_rotation_of_its_own(api: KubernetesApi, job: Job) -> None:
    """Ten is more than nine, and what has none stays."""
    for name in ("database", "mqtt"):
        api.add(name, {"password": "old"}, {"vela-realtime.dev/rotation": "9"})
    api.add("mqtt-users", {"password": "old"})
    job.for_passwords(
        *("database .rotation-9 keep", "database .rotation-10", "database password"),
        *("mqtt .rotation-8 keep", "mqtt .rotation-9", "mqtt password", "mqtt-users password"),
    )
    assert succeeded(job.script.run()) == [
        "Secret database: added .rotation-9 .rotation-10 rotated password",
        "Secret mqtt: added .rotation-8 .rotation-9",
        "Secret mqtt-users: complete",
    ]
    assert api.annotations("database") == {"vela-realtime.dev/rotation": "10"}
    assert {api.data(name)["password"] for name in ("mqtt", "mqtt-users")} == {"old"}


def test_a_new_secret_needs_no_rotation(api: KubernetesApi, job: Job) -> None:
    api.add("demo")
    job.for_passwords("demo .rotation-3", "demo password previous")
    assert succeeded(job.script.run()) == ["Secret demo: added .rotation-3 password"]
    assert list(api.data("demo")) == [".rotation-3", "password"]


def test_rotation_killed_or_run_twice_at_once_rotates_once(api: KubernetesApi, job: Job) -> None:
    names = [f"secret-{number}" for number in range(4)]
    for name in names:
        api.add(name, {"password": "old"})
    job.for_passwords(*(line for name in names for line in (f"{name} .rotation-1", f"{name} password previous")))
    chance = random.Random(7)  # noqa: S311
    for _ in range(10):
        job.script.run_and_kill(chance.uniform(0.0, 0.1))
    for running in [job.script.start() for _ in range(2)]:
        succeeded(finish(running))
    for name in names:
        assert len(api.history[name, "password"]) == 2
        assert list(api.data(name).values())[-1] == "old"


def test_leaves_nothing_behind_and_shows_no_password(api: KubernetesApi, job: Job, tmp_path: Path) -> None:
    api.add("demo", {})
    done = job.for_passwords("demo password").script.run()
    succeeded(done)
    assert api.data("demo")["password"] not in done.stdout + done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["account", "passwords"]
