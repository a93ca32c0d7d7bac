"""Building and vetting on save: real files are saved, and what the system tells of them is waited for."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests import ROOT
from tests.support.tiny import GREETING, TinyLibrary
from vela_realtime import cue
from vela_realtime.errors import InputError, ToolError
from vela_realtime.library.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vela_realtime.library.watch import Run

PATIENCE = 300.0
"""Seconds until a test gives up; none of them depends on how long anything takes."""


@pytest.fixture
def tiny(tmp_path: Path) -> TinyLibrary:
    """Return a library with an echo and a greeting, of which the echo alone has labels."""
    found = TinyLibrary(tmp_path / "library")
    for name, text in GREETING.items():
        found.write(name, text)
    assert cue.run(["fmt", "--files", "."], folder=found.library.cue).ok
    return found


def names(run: Run) -> list[str]:
    return list(run.names)


def said(run: Run) -> list[str]:
    return [f"{found.rule}: {found.message}" for found in run.findings]


def test_at_first_all_is_built_and_vetted(tiny: TinyLibrary) -> None:
    run = Watch(tiny.library).run()
    assert (names(run), said(run), run.failure) == (["echo", "greeting"], [], None)
    assert tiny.path("definitions/echo.yaml") in run.written
    assert tiny.path("definitions/schemas/application.json") in run.written


def test_an_edit_concerns_the_definitions_that_have_it(tiny: TinyLibrary) -> None:
    watch = Watch(tiny.library)
    watch.run()
    assert names(watch.run()) == []

    tiny.change("cue/labels.cue", '"kubevela"', '"us"')
    run = watch.run([tiny.path("cue/labels.cue")])
    assert names(run) == ["echo"]
    assert {path.name for path in run.written} == {"echo.cue", "echo.yaml"}
    assert '"us"' in tiny.read("definitions/echo.cue")

    tiny.change("cue/greeting/definition.cue", "Says hello", "Says good day")
    assert names(watch.run([tiny.path("cue/greeting/definition.cue")])) == ["greeting"]

    tiny.change("cue/unused.cue", "math.Pi", "math.E")
    tiny.change("cue/labels.cue", "// #Labels are", "// #Labels, they are")
    assert names(watch.run([tiny.path("cue/unused.cue")])) == []


def test_names_are_all_that_is_watched(tiny: TinyLibrary) -> None:
    watch = Watch(tiny.library, ["greeting"])
    assert names(watch.run()) == ["greeting"]
    tiny.change("cue/labels.cue", '"kubevela"', '"us"')
    assert names(watch.run()) == []
    with pytest.raises(InputError, match="there is no definition gretting"):
        next(Watch(tiny.library, ["gretting"]).saves())


def test_a_half_saved_file_is_a_finding_and_builds_nothing(tiny: TinyLibrary) -> None:
    watch = Watch(tiny.library)
    watch.run()
    whole, built = tiny.read("cue/labels.cue"), tiny.read("definitions/echo.cue")
    for text in (whole[: whole.index("#app:  string")], '"', "#Labels: {"):
        tiny.write("cue/labels.cue", text)
        run = watch.run([tiny.path("cue/labels.cue")])
        assert [(found.rule, found.file.endswith("labels.cue")) for found in run.findings] == [("syntax", True)]
        assert (names(run), run.written, run.failure) == ([], (), None)
    tiny.path("cue/labels.cue").write_bytes(b"\xff")
    run = watch.run([tiny.path("cue/labels.cue")])
    assert "not UTF-8 text" in str(run.failure)
    assert tiny.read("definitions/echo.cue") == built
    tiny.write("cue/labels.cue", whole.replace('"kubevela"', '"us"'))
    assert names(watch.run([tiny.path("cue/labels.cue")])) == ["echo"]


def test_what_is_wrong_is_said_until_it_is_mended(tiny: TinyLibrary) -> None:
    watch = Watch(tiny.library)
    watch.run()
    tiny.change("cue/echo/template.cue", "#app: context.appName}", "#ap: context.appName}")
    wrong = watch.run([tiny.path("cue/echo/template.cue")])
    assert names(wrong) == ["echo"]
    assert any("#ap" in line for line in said(wrong)), said(wrong)
    tiny.change("cue/unused.cue", "math.Pi", "math.E")
    still = watch.run([tiny.path("cue/unused.cue")])
    assert (names(still), said(still)) == ([], said(wrong))
    tiny.change("cue/echo/template.cue", "#ap: context.appName}", "#app: context.appName}")
    mended = watch.run([tiny.path("cue/echo/template.cue")])
    assert (names(mended), said(mended)) == (["echo"], [])


def test_a_definition_that_went_leaves_nothing_behind(tiny: TinyLibrary) -> None:
    watch = Watch(tiny.library)
    watch.run()
    for name in GREETING:
        tiny.path(name).unlink()
    tiny.change("cue/labels.cue", '"kubevela"', '"us"')
    run = watch.run()
    assert tiny.path("definitions/greeting.cue") in run.written
    assert not tiny.path("definitions/greeting.cue").exists()


def test_a_script_is_edited_as_a_file(tiny: TinyLibrary) -> None:
    tiny.write("cue/scripts/say.sh", "#!/bin/sh\nset -eu\necho one\n")
    tiny.change("cue/echo/template.cue", "spec: words:", "spec: script: #SaySh\n\t\t\tspec: words:")
    watch = Watch(tiny.library)
    assert names(watch.run()) == ["echo", "greeting"]
    tiny.change("cue/scripts/say.sh", "one", "two")
    run = watch.run([tiny.path("cue/scripts/say.sh")])
    assert names(run) == ["echo"]
    assert tiny.path("cue/scripts_gen.cue") in run.written


def test_a_file_of_fixtures_is_rendered_when_it_is_saved(tiny: TinyLibrary) -> None:
    tiny.write("tests/fixtures/echo/valid/other.yaml", "- name: other\n  properties: {name: WRONG}\n")
    watch = Watch(tiny.library)
    assert said(watch.run()) == []  # nobody asked for it
    case = tiny.write("tests/fixtures/echo/valid/cases.yaml", "- name: one\n  properties: {name: ABC}\n")
    run = watch.run([case])
    assert names(run) == []
    (line,) = said(run)
    assert line.startswith("fixture: one: must render")
    case.write_text("- name: one\n  properties: {name: abc}\n")
    assert said(watch.run([case])) == []


@pytest.mark.parametrize(
    ("name", "is_source"),
    [
        ("cue/part_kafka.cue", True),
        ("cue/echo/parameter.cue", True),
        ("cue/scripts/run.sh", True),
        ("cue/scripts/run.awk", True),
        ("tests/fixtures/echo/valid/cases.yaml", True),
        ("cue/scripts_gen.cue", False),
        ("cue/.part_kafka.cue.swp", False),
        ("cue/#part_kafka.cue#", False),
        ("cue/part_kafka.cue~", False),
        ("cue/4913", False),
        ("cue/README.md", False),
        ("tests/fixtures/echo/valid/notes.txt", False),
    ],
)
def test_sources_are_what_people_edit(tiny: TinyLibrary, name: str, is_source: bool) -> None:
    assert Watch(tiny.library).is_source(tiny.path(name)) is is_source


class Saved:
    """What a watch tells of saves, in a thread of its own, one at a time."""

    def __init__(self, tiny: TinyLibrary) -> None:
        self.told = queue.Queue[tuple[str, ...]]()
        self.stop = threading.Event()
        self.busy = threading.Lock()
        self.thread = threading.Thread(target=self._run, args=(Watch(tiny.library),))
        self.thread.start()

    def _run(self, watch: Watch) -> None:
        for edited in watch.saves(self.stop):
            self.told.put(tuple(path.name for path in edited))
            with self.busy:
                pass

    def next(self) -> tuple[str, ...]:
        return self.told.get(timeout=PATIENCE)


@pytest.fixture
def saved(tiny: TinyLibrary) -> Iterator[Saved]:
    found = Saved(tiny)
    yield found
    found.stop.set()
    found.thread.join()


def test_it_says_when_it_is_watching_and_then_what_was_saved(tiny: TinyLibrary, saved: Saved) -> None:
    assert saved.next() == ()
    tiny.write("cue/.labels.cue.swp", "")
    tiny.write("cue/scripts_gen.cue", "package realtime\n")
    tiny.change("cue/labels.cue", '"kubevela"', '"us"')
    assert saved.next() == ("labels.cue",)
    temporary = tiny.write("cue/new", tiny.read("cue/labels.cue"))  # as editors do it
    temporary.replace(tiny.path("cue/site.cue"))
    assert saved.next() == ("site.cue",)
    tiny.path("cue/unused.cue").unlink()
    assert saved.next() == ("unused.cue",)


def test_what_is_saved_meanwhile_is_told_after_that(tiny: TinyLibrary, saved: Saved) -> None:
    assert saved.next() == ()
    with saved.busy:
        tiny.change("cue/labels.cue", '"kubevela"', '"us"')
        assert saved.next() == ("labels.cue",)
        tiny.change("cue/unused.cue", "math.Pi", "math.E")
        assert saved.told.empty()
    assert saved.next() == ("unused.cue",)


def test_without_watchfiles_it_says_how_to_get_it(tiny: TinyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(ToolError, match="PyPI's watchfiles is missing") as raised:
        next(Watch(tiny.library).saves())
    assert raised.value.hint == "pip install 'vela-realtime[watch]'"


def test_the_command_tells_each_run_in_a_line_until_ctrl_c(tiny: TinyLibrary) -> None:
    tiny.change("cue/greeting/parameter.cue", "What is said", "What is said, in a word")
    process = subprocess.Popen(
        [sys.executable, "-m", "vela_realtime", "watch"],
        cwd=tiny.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first.startswith("2 definitions, ")
        assert " files written: no problems (" in first
        assert process.stdout.readline() == "watching cue; Ctrl-C ends it\n"
        tiny.change("cue/greeting/parameter.cue", '*"hello"', '*"good day"')
        assert process.stdout.readline().startswith(
            "cue/greeting/parameter.cue: greeting, 3 files written: no problems ("
        )
        tiny.write("cue/labels.cue", "package realtime\n\n#Labels: {")
        lines = [process.stdout.readline() for _ in range(4)]
        assert lines[0].startswith("cue/labels.cue:3:11: error: expected ")
        assert lines[3].startswith("cue/labels.cue: nothing to build: 1 problem (")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "")
    assert out == "\nrun vela-realtime build: it brings definitions/schemas/application.json up to date too\n"
