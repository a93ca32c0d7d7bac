"""``mosquitto-auth.sh``, with a real Mosquitto: who is let in, and what they may do there."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

import pytest

from tests.support.doubles import mosquitto
from tests.support.doubles.mosquitto import install_mosquitto_passwd
from tests.support.doubles.ports import free_port
from tests.support.doubles.scripts import SHELLS, Script, failed, finish, require, succeeded
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = SHELLS

HARD_PASSWORDS = {
    "colons": "a:b:c",
    "blanks": "  two blanks  ",
    "quotes": 'it\'s "quoted" $HOME `id` \\n',
    "comment": "#no comment",
    "hash": "$7$101$looks$hashed",
    "unicode": "pässwörd-密码",
    "long": "x" * 300,
}


class Container:
    """The init container's mounts."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.users = folder / "users"
        self.auth = folder / "auth"
        self.acl = folder / "acl"
        self.auth.mkdir()
        self.acl.write_text("")
        self.script = Script(
            "mosquitto-auth.sh",
            shell,
            {"USERS_DIR": self.users, "ACL_FILE": self.acl, "AUTH_DIR": self.auth},
            path=str(install_mosquitto_passwd(folder / "mosquitto-2.1")),
        )

    def mount(self, users: dict[str, str]) -> None:
        """Mount passwords as Kubernetes does, files behind two symbolic links, and an access list of their users."""
        self.acl.write_text("".join(f"user {user}\ntopic readwrite ok/#\n\n" for user in users))
        version = self.users / "..2026_01_01"
        version.mkdir(parents=True)
        (self.users / "..data").symlink_to(version.name)
        for name, password in users.items():
            (version / name).write_text(password)
            (self.users / name).symlink_to(f"..data/{name}")

    @property
    def written(self) -> list[str]:
        return sorted(path.name for path in self.auth.iterdir())


@pytest.fixture
def container(tmp_path: Path, shell: str) -> Container:
    return Container(tmp_path, shell)


@contextlib.contextmanager
def broker(container: Container, folder: Path) -> Iterator[int]:
    """Run a broker with the files that the script wrote, and return its port."""
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {container.auth}/passwd\n"
        f"acl_file {container.auth}/acl\nlog_dest stdout\n" + (f"user {_user()}\n")
    )
    with mosquitto.running(config, port, folder / "broker.log"):
        yield port


def _user() -> str:
    return "root" if os.getuid() == 0 else str(os.getuid())


def publish(port: int, user: str, password: str, topic: str = "ok/1") -> process.Completed:
    options = f"-p {port} -V 5 -q 1 -m hello -r -u {user} -t {topic}".split()
    return process.run([require("mosquitto_pub"), *options, "-P", password], timeout=10)


def test_users_are_let_in_with_their_passwords_only(container: Container, tmp_path: Path) -> None:
    container.mount(HARD_PASSWORDS)
    assert succeeded(container.script.run()) == [f"wrote {container.auth}/passwd (7 users) and {container.auth}/acl"]
    with broker(container, tmp_path) as port:
        for user, password in HARD_PASSWORDS.items():
            assert publish(port, user, password).ok, user
            refused = publish(port, user, password[:-1])
            assert not refused.ok, user
            assert "Not authorized" in refused.stderr
        assert not publish(port, "nobody", "x").ok


def test_the_access_list_holds(container: Container, tmp_path: Path) -> None:
    container.mount({"writer": "secret", "reader": "secret"})
    container.acl.write_text(
        "user writer\ntopic write sensors/#\ntopic write private/#\n\nuser reader\ntopic read sensors/#\n"
    )
    succeeded(container.script.run())
    with broker(container, tmp_path) as port:
        assert publish(port, "writer", "secret", "private/1").ok
        assert publish(port, "writer", "secret", "sensors/1").ok
        for user, topic in (("reader", "sensors/2"), ("writer", "other/1")):
            assert "not authorized" in publish(port, user, "secret", topic).stderr.lower()
        options = f"-p {port} -u reader -P secret -t # -F %t -W 1".split()
        heard = process.run([require("mosquitto_sub"), *options])
    assert heard.stdout.splitlines() == ["sensors/1"]


def test_the_files_are_plain_and_for_the_broker_only(container: Container) -> None:
    container.mount({"device": "secret"})
    succeeded(container.script.run())
    assert container.written == ["acl", "passwd"]
    for name in container.written:
        file = container.auth / name
        # Mosquitto 2.1 opens both with O_NOFOLLOW, which a mounted file would not pass.
        os.close(os.open(file, os.O_RDONLY | os.O_NOFOLLOW))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.stat().st_uid == os.getuid()
    assert "secret" not in (container.auth / "passwd").read_text()


def test_line_breaks_at_the_end_are_no_part_of_the_password(container: Container, tmp_path: Path) -> None:
    container.mount({"ok": "secret\n"})
    succeeded(container.script.run())
    with broker(container, tmp_path) as port:
        assert publish(port, "ok", "secret").ok


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", "mosquitto-auth: the password of device is empty"),
        ("\n", "mosquitto-auth: the password of device is empty"),
        ("two\nlines", "mosquitto-auth: the password of device has a line break in it"),
    ],
)
def test_a_password_that_cannot_be_used(container: Container, password: str, message: str) -> None:
    container.mount({"device": password})
    assert failed(container.script.run()) == message
    assert "passwd" not in container.written


def test_the_access_list_says_who_the_users_are(container: Container) -> None:
    container.mount({"device": "secret", "sold": "secret"})
    container.acl.write_text("user device\ntopic readwrite ok/#\n")
    succeeded(container.script.run())
    assert [line.split(":")[0] for line in (container.auth / "passwd").read_text().splitlines()] == ["device"]


def test_a_user_without_a_password(container: Container) -> None:
    container.mount({"device": "secret"})
    container.acl.write_text("user device\n\nuser other\n")
    assert failed(container.script.run()) == "mosquitto-auth: there is no password for other"


def test_a_missing_access_list(container: Container) -> None:
    container.mount({"device": "secret"})
    container.acl.unlink()
    done = container.script.run()
    assert done.returncode != 0
    assert str(container.acl) in done.stderr
    assert "passwd" not in container.written


def test_killed_at_any_point_and_run_again(container: Container) -> None:
    users = {f"device-{number}": f"secret {number}" for number in range(8)}
    container.mount(users)
    for number in range(10):
        container.script.run_and_kill(0.004 * number)
        passwd, unfinished = container.auth / "passwd", container.auth / ".new"
        assert not unfinished.exists() or stat.S_IMODE(unfinished.stat().st_mode) == 0o700
        assert not passwd.exists() or len(passwd.read_text().splitlines()) == len(users)
    succeeded(container.script.run())
    assert len((container.auth / "passwd").read_text().splitlines()) == len(users)


def test_a_new_password_takes_the_place_of_the_old_one(container: Container, tmp_path: Path) -> None:
    container.mount({"ok": "old"})
    succeeded(container.script.run())
    (container.users / "..2026_01_01" / "ok").write_text("new")
    succeeded(finish(container.script.start()))
    with broker(container, tmp_path) as port:
        assert publish(port, "ok", "new").ok
        assert not publish(port, "ok", "old").ok
