"""``build --check`` says which definitions changed since the last release, a tag, and still have its version."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from click.testing import CliRunner

from vela_realtime.cli import cli
from vela_realtime.library import build

if TYPE_CHECKING:
    from click.testing import Result

    from tests.support.tiny import TinyLibrary


def git(tiny: TinyLibrary, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["/usr/bin/git", "-C", str(tiny.root), *who, *arguments], check=True, capture_output=True)


def release(tiny: TinyLibrary, tag: str) -> None:
    build.build(tiny.library)
    git(tiny, "init", "--quiet")
    git(tiny, "add", "cue", "definitions")
    git(tiny, "commit", "--quiet", "--message=release")
    git(tiny, "tag", tag)


def change(tiny: TinyLibrary) -> None:
    tiny.change("cue/echo/parameter.cue", "replicas: *1 | int", "replicas: *2 | int")
    build.build(tiny.library)


def check() -> Result:
    return CliRunner().invoke(cli, ["build", "--check"])


def test_what_changed_under_its_old_version_is_told(tiny: TinyLibrary) -> None:
    release(tiny, "v1.2.3")
    assert "warning" not in check().output
    change(tiny)
    done = check()
    assert done.exit_code == 0
    assert "definitions/echo.yaml:1:1: warning: echo changed since v1.2.3 and still has version 1.2.3" in done.output
    tiny.change("cue/echo/definition.cue", "1.2.3", "1.3.0")
    build.build(tiny.library)
    assert "warning" not in check().output


def test_only_a_tag_that_is_a_version_is_a_release(tiny: TinyLibrary) -> None:
    release(tiny, "before-the-move")
    change(tiny)
    assert "warning" not in check().output


def test_a_folder_without_git_has_no_release(tiny: TinyLibrary) -> None:
    build.build(tiny.library)
    assert check().exit_code == 0
