"""A build that has nothing to do says so without a look into a file, and never where something was changed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from vela_realtime.cli import cli
from vela_realtime.library import build, unchanged

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.tiny import TinyLibrary

UP_TO_DATE = "1 definition, 5 kB, 235 kB left in the largest, echo, up to date"


def said(tiny: TinyLibrary, *arguments: str) -> str:
    """Build, and return the last line."""
    done = CliRunner().invoke(cli, ["build", "--library", str(tiny.root), *arguments])
    assert done.exit_code == 0, done.output
    return done.output.splitlines()[-1]


@pytest.fixture
def built(tiny: TinyLibrary, monkeypatch: pytest.MonkeyPatch) -> TinyLibrary:
    """Return a library that was built; to build it once more is a fault."""
    assert said(tiny) == UP_TO_DATE.removesuffix(", up to date")
    monkeypatch.setattr(build, "build", lambda *_, **__: pytest.fail("it was built"))
    return tiny


def test_after_a_build_there_is_nothing_to_do(built: TinyLibrary) -> None:
    assert said(built) == UP_TO_DATE


@pytest.mark.parametrize(
    "change",
    [
        lambda tiny: tiny.change("cue/echo/template.cue", "replicas", "replicas"),
        lambda tiny: tiny.write("cue/echo/more.cue", "package realtime\n"),
        lambda tiny: tiny.path("cue/labels.cue").touch(),
        lambda tiny: tiny.write("definitions/echo.yaml", "{}\n"),
        lambda tiny: tiny.path("definitions/echo.cue").unlink(),
        lambda tiny: tiny.write("examples/one.yaml", "{}\n"),
    ],
    ids=["a source", "a new source", "a time", "what was built", "what was built is gone", "an example"],
)
def test_what_is_written_is_built(built: TinyLibrary, change: object) -> None:
    assert callable(change)
    change(built)
    with pytest.raises(pytest.fail.Exception, match="it was built"):
        CliRunner().invoke(cli, ["build", "--library", str(built.root)], catch_exceptions=False)


def test_an_old_time_does_not_hide_a_change(built: TinyLibrary) -> None:
    path = built.path("cue/labels.cue")
    before, text = path.stat(), path.read_text()
    path.write_text(text.replace("kubevela", "kubeveli"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    with pytest.raises(pytest.fail.Exception, match="it was built"):
        CliRunner().invoke(cli, ["build", "--library", str(built.root)], catch_exceptions=False)


@pytest.mark.parametrize("arguments", [["--check"], ["--no-cache"], ["echo"], ["--output", "elsewhere"]])
def test_what_asks_for_more_is_done(built: TinyLibrary, arguments: list[str]) -> None:
    with pytest.raises(pytest.fail.Exception, match="it was built"):
        CliRunner().invoke(cli, ["build", "--library", str(built.root), *arguments], catch_exceptions=False)


def test_the_tool_itself_counts(built: TinyLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "build.py").write_text("")
    monkeypatch.setattr(unchanged, "_PACKAGE", package)
    state = unchanged.state(built.library)
    unchanged.remember(built.library, state, [], "as it was")
    assert unchanged.summary(unchanged.state(built.library)) == "as it was"
    (package / "build.py").write_text("...")
    assert unchanged.summary(unchanged.state(built.library)) is None


def test_a_file_that_is_saved_while_others_are_built_is_not_taken_for_built(tiny: TinyLibrary) -> None:
    before = unchanged.state(tiny.library)
    tiny.write("definitions/echo.yaml", "by the build\n")
    tiny.change("cue/labels.cue", "kubevela", "somebody")
    unchanged.remember(tiny.library, before, [tiny.path("definitions/echo.yaml")], "up to date")
    assert unchanged.summary(unchanged.state(tiny.library)) is None


def test_nothing_that_builds_is_imported(built: TinyLibrary) -> None:
    code = (
        "import sys; from vela_realtime.cli import cli\n"
        "try: cli(['build'])\n"
        "finally: print([name for name in sys.modules if name.startswith('vela_realtime.') and name.split('.')[1] in "
        "('cue', 'schema', 'toolchain', 'kubevela')], 'yaml' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=built.root, capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert done.stdout.splitlines() == [UP_TO_DATE, "[] False"]
