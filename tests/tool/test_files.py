"""Files are written whole or not at all, and a cache is a convenience."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from vela_realtime import cache, files
from vela_realtime.errors import InputError


def test_write_tells_whether_anything_changed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    assert files.write_text(path, "ä\r\n")
    assert path.read_bytes() == "ä\r\n".encode()
    os.utime(path, (1, 1))
    assert not files.write_text(path, "ä\r\n")
    assert path.stat().st_mtime == 1
    assert files.write_text(path, "b")


def test_a_written_file_has_the_usual_rights(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("old")

    def fail(self: Path, target: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(InputError, match=r"cannot write .*file: Input/output error"):
        files.write_text(tmp_path / "file", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_files_are_named_as_their_user_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert files.display(tmp_path / "a" / "b") == "a/b"
    assert files.display(Path("/etc/hosts")) == "/etc/hosts"


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"VELA_REALTIME_CACHE": "/own"}, "/own"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/vela-realtime"),
        ({}, "/home/me/.cache/vela-realtime"),
    ],
)
def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str) -> None:
    for name in ("VELA_REALTIME_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(cache.cache_folder()) == folder


def test_the_cache_produces_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELA_REALTIME_CACHE", str(tmp_path))
    made: list[str] = []

    def produce() -> str:
        made.append("x")
        return "text"

    for _ in range(2):
        assert cache.cached("kind", "abcdef", produce) == "text"
    assert len(made) == 1
    cache.cached("kind", "abcdef", produce, enabled=False)
    assert len(made) == 2


def test_a_file_that_is_there_keeps_its_rights(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "file").chmod(0o604)
    files.write_text(tmp_path / "file", "new")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o604


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    assert files.write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_many_threads_that_write_leave_the_umask_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for the umask sets it: another thread's file would get any rights."""

    def refused(_: int) -> int:
        raise AssertionError("the umask was changed")

    monkeypatch.setattr(os, "umask", refused)
    assert files.write_text(tmp_path / "file", "x")
