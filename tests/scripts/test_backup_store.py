"""``backup-store.sh``, with restic itself."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from tests.hermetic import programs
from tests.support.doubles.scripts import Script, failed, succeeded
from vela_realtime import process
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = {"RESTIC_PASSWORD": "that nobody knows"}


class Store:
    """A repository, and the pods that save into it and load from it."""

    def __init__(self, folder: Path, env: dict[str, Any]) -> None:
        self.backup = folder / "backup"
        self.restic = gobuild.build(programs.RESTIC)
        self.env = {"BACKUP_DIR": self.backup, "BACKUP_NAME": "plant/p/realtime-platform", "TMPDIR": folder, **env}
        self.env |= {"KEEP_LAST": 2, "KEEP_DAYS": 0}

    def run(self, verb: str, **env: Any) -> process.Completed:
        script = Script("backup-store.sh", "busybox", {**self.env, **env}, path=str(self.restic.parent))
        script.argv.append(verb)
        return script.run(timeout=300)

    def save(self, content: str, **env: Any) -> None:
        """Save a backup with this content."""
        shutil.rmtree(self.backup, ignore_errors=True)
        self.backup.mkdir()
        (self.backup / "secrets").write_text(content)
        succeeded(self.run("save", **env))

    def load(self, snapshot: str = "latest", **env: Any) -> str:
        """Return the content of a backup."""
        shutil.rmtree(self.backup, ignore_errors=True)
        self.backup.mkdir()
        succeeded(self.run("load", SNAPSHOT=snapshot, **env))
        return (self.backup / "secrets").read_text()

    def snapshots(self) -> list[dict[str, Any]]:
        env = {key: str(value) for key, value in self.env.items()}
        plain = [] if "RESTIC_PASSWORD" in env else ["--insecure-no-password"]
        done = process.run([self.restic, "snapshots", "--json", *plain], env=env, timeout=120)
        assert done.ok, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found


def test_a_folder_keeps_the_newest_and_gives_back_what_it_got(tmp_path: Path) -> None:
    store = Store(tmp_path, {"RESTIC_REPOSITORY": tmp_path / "claim" / "restic", **PASSWORD})
    for content in ("one", "two", "three"):
        store.save(content)
    kept = store.snapshots()
    assert len(kept) == 2
    assert store.load() == "three"
    assert store.load(kept[0]["short_id"]) == "two"
    assert b"three" not in b"".join(path.read_bytes() for path in (tmp_path / "claim").rglob("*") if path.is_file())


def test_components_that_share_a_repository_have_backups_of_their_own(tmp_path: Path) -> None:
    store = Store(tmp_path, {"RESTIC_REPOSITORY": tmp_path / "restic"})
    store.save("mine")
    store.save("another's", BACKUP_NAME="other/p/realtime-platform")
    store.save("another's", BACKUP_NAME="other/p/realtime-platform")
    store.save("another's", BACKUP_NAME="other/p/realtime-platform")
    assert store.load() == "mine"
    assert "no snapshot found" in store.run("load", SNAPSHOT="latest", BACKUP_NAME="nobody/p").stderr


def test_what_is_old_goes_and_what_is_young_stays(tmp_path: Path) -> None:
    store = Store(tmp_path, {"RESTIC_REPOSITORY": tmp_path / "restic"})
    for content in ("one", "two", "three"):
        store.save(content, KEEP_LAST=1, KEEP_DAYS=30)
    assert len(store.snapshots()) == 3


def test_a_wrong_password_makes_no_new_repository(tmp_path: Path) -> None:
    store = Store(tmp_path, {"RESTIC_REPOSITORY": tmp_path / "restic", **PASSWORD})
    store.save("one")
    refused = store.run("save", RESTIC_PASSWORD="wrong")  # noqa: S106
    assert failed(refused) == f"backup-store: the repository cannot be read: {tmp_path / 'restic'}"
    assert "wrong password" in refused.stderr
    assert len(store.snapshots()) == 1


def test_a_backup_that_is_broken_off_leaves_the_last_one(tmp_path: Path) -> None:
    store = Store(tmp_path, {"RESTIC_REPOSITORY": tmp_path / "restic"})
    store.save("whole")
    (store.backup / "large").write_bytes(b"".join(index.to_bytes(8, "big") * 1000 for index in range(3000)))
    script = Script("backup-store.sh", "busybox", store.env, path=str(store.restic.parent))
    script.argv.append("save")
    for seconds in (0.3, 0.8, 1.5):
        script.run_and_kill(seconds)
    assert store.load() == "whole"


def test_a_damaged_repository_is_no_good_backup(tmp_path: Path) -> None:
    store = Store(tmp_path, {"RESTIC_REPOSITORY": tmp_path / "restic"})
    store.save("whole")
    for pack in (tmp_path / "restic" / "data").rglob("*"):
        if pack.is_file():
            pack.unlink()
    assert not store.run("save").ok
