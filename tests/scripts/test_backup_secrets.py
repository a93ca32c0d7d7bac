"""``backup-secrets.sh``: passwords are saved, and handed out in the order in which a component is to come up."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.support.doubles.kubernetes_api import NAMESPACE, KubernetesApi
from tests.support.doubles.scripts import SHELLS, Script, failed, succeeded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = SHELLS

LISTED = ["p-db-secret DB_PASSWORD", "p-lenses-agent-key AGENT_KEY", "p-passwords app", "p-passwords postgres first"]
OLD = {"p-db-secret": {"DB_PASSWORD": "of db"}, "p-passwords": {"app": "of app", "postgres": "of postgres"}}


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with KubernetesApi() as server:
        yield server


class Pod:
    """The pods that save and restore the passwords of one component."""

    def __init__(self, api: KubernetesApi, folder: Path, shell: str) -> None:
        self.api, self.shell = api, shell
        self.backup = folder / "backup"
        self.backup.mkdir()
        (folder / "passwords").write_text("".join(f"{line}\n" for line in LISTED))
        self.env = {
            "NAMESPACE": NAMESPACE,
            "CREDENTIALS_FILE": folder / "passwords",
            "MARKER": "p-passwords",
            "BACKUP_DIR": self.backup,
            "KUBERNETES_URL": api.url,
            "ACCOUNT_DIR": api.account(folder / "account"),
            "TMPDIR": folder,
            "POLL_SECONDS": "0.05",
            "WAIT_SECONDS": "20",
        }

    def script(self, verb: str) -> Script:
        script = Script("backup-secrets.sh", self.shell, self.env)
        script.argv.append(verb)
        return script

    def run(self, verb: str) -> list[str]:
        return succeeded(self.script(verb).run())

    def fill(self, data: dict[str, dict[str, str]]) -> None:
        for name in {line.split()[0] for line in LISTED}:
            self.api.add(name, data.get(name))

    def data(self) -> dict[str, dict[str, str]]:
        return {name: self.api.data(name) for name in sorted(self.api.secrets) if self.api.data(name)}


@pytest.fixture
def pod(api: KubernetesApi, tmp_path: Path, shell: str) -> Pod:
    return Pod(api, tmp_path, shell)


@pytest.fixture
def saved(pod: Pod) -> Pod:
    """A new component's Secrets, and a backup of an old one's."""
    pod.fill(OLD)
    assert pod.run("save") == ["passwords: save"]
    for part in ("postgres", "mysql", "kafka", "connect"):
        (pod.backup / part).mkdir()
    (pod.backup / "retained").touch()
    pod.api.secrets.clear()
    pod.fill({})
    return pod


def test_what_is_not_there_yet_is_told(pod: Pod) -> None:
    pod.fill(OLD)
    done = pod.script("save").run()
    assert done.ok
    assert done.stderr == "Secret p-lenses-agent-key has no AGENT_KEY yet\n"


def test_the_databases_come_up_before_anybody_can_sign_in(saved: Pod) -> None:
    saved.run("begin")
    assert saved.data() == {"p-passwords": {"postgres": "of postgres"}}
    saved.run("finish")
    assert saved.data() == {**OLD, "p-passwords": {**OLD["p-passwords"], "restored": "passwords"}}
    saved.run("end")
    assert saved.data()["p-passwords"]["restored"] == "done"


def test_after_the_passwords_only_what_needed_them_is_left_to_restore(saved: Pod) -> None:
    saved.run("begin")
    saved.run("finish")
    saved.run("begin")
    assert sorted(path.name for path in saved.backup.iterdir()) == ["connect", "retained", "secrets"]


def test_after_all_of_it_nothing_is_left_to_restore(saved: Pod) -> None:
    for verb in ("begin", "finish", "end"):
        saved.run(verb)
    assert saved.run("begin") == ["this component was restored before"]
    assert list(saved.backup.iterdir()) == []
    # A password that was taken out since is not for a backup to bring back.
    saved.api.secrets["p-db-secret"]["data"].clear()
    assert saved.run("finish") == []
    assert saved.data()["p-passwords"]["restored"] == "done"


def test_a_component_with_passwords_of_its_own_is_not_filled(saved: Pod) -> None:
    saved.api.secrets.pop("p-db-secret")
    saved.api.add("p-db-secret", {"DB_PASSWORD": "made since"})
    assert failed(saved.script("begin").run()) == (
        "backup-secrets.sh: Secret p-db-secret has another DB_PASSWORD than the backup: a backup is restored into a "
        "new component, before it has passwords"
    )
    assert saved.data() == {"p-db-secret": {"DB_PASSWORD": "made since"}}


def test_killed_at_any_point_it_goes_on(saved: Pod) -> None:
    chance = random.Random(7)  # noqa: S311
    for verb in ("begin", "finish", "end"):
        for _ in range(4):
            saved.script(verb).run_and_kill(chance.uniform(0.02, 0.4))
        saved.run(verb)
    assert saved.data() == {**OLD, "p-passwords": {**OLD["p-passwords"], "restored": "done"}}
    # No password had another value for a moment.
    assert all(len(set(values)) == 1 for (_, key), values in saved.api.history.items() if key != "restored")
