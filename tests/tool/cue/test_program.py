"""A ``cue`` that fails without a word, or prints nothing: that is a problem everywhere, and never a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vela_realtime import cue, toolchain
from vela_realtime.check.objects import Objects, custom
from vela_realtime.errors import InputError, RealtimeError, SourceError, ToolError
from vela_realtime.library import build, definition, fixtures
from vela_realtime.library.vet import run as vet
from vela_realtime.process import Completed
from vela_realtime.schema import ExportError, openapi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.tiny import TinyLibrary

SILENT = "cue failed with exit code 1: it said nothing"


@pytest.fixture
def fake(tiny: TinyLibrary, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what puts a shell script into cue's place."""

    def put(script: str) -> None:
        path = tiny.write("fake-cue", f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(toolchain, "cue", lambda _=None: path)

    return put


def test_compiling(tiny: TinyLibrary, fake: Callable[[str], None]) -> None:
    fake("exit 1")
    with pytest.raises(SourceError, match=SILENT):
        build.compile_all(tiny.library)


def test_a_valid_fixture(tiny: TinyLibrary, fake: Callable[[str], None]) -> None:
    (item,) = definition.load(tiny.library)
    tiny.write("tests/fixtures/echo/valid/x.yaml", "- {name: x, properties: {name: a}}\n")
    (case,) = fixtures.load(tiny.library, "echo")
    fake("exit 1")
    (fault,) = vet.fixture(tiny.library, item, case)
    assert fault.message == f"must render, but {SILENT}"


def test_an_invalid_fixture(tiny: TinyLibrary, fake: Callable[[str], None]) -> None:
    (item,) = definition.load(tiny.library)
    tiny.write("tests/fixtures/echo/invalid/x.yaml", "- {name: x, properties: {}, error: name}\n")
    (case,) = fixtures.load(tiny.library, "echo")
    fake("exit 1")
    (fault,) = vet.fixture(tiny.library, item, case)
    assert fault.message == f"must fail with 'name', but cue says: {SILENT}"


def test_formatting(tiny: TinyLibrary, fake: Callable[[str], None]) -> None:
    fake("exit 1")
    assert [finding.message for finding in vet.formatting(tiny.library)] == [SILENT]


def test_metadata(tiny: TinyLibrary, fake: Callable[[str], None]) -> None:
    fake("exit 1")
    with pytest.raises(SourceError, match=SILENT):
        definition.load(tiny.library)


def test_a_schema(tiny: TinyLibrary, fake: Callable[[str], None]) -> None:
    fake("exit 1")
    with pytest.raises(ExportError, match=SILENT):
        openapi.export("#A: string", tiny.root)


def test_a_rule_of_the_users_own(tiny: TinyLibrary, fake: Callable[[str], None], tmp_path: Path) -> None:
    tiny.write("rules/mine.cue", 'findings: [for i, o in objects {rule: "mine", object: i, message: "no"}]\n')
    (rule, *_) = custom.load(tmp_path / "rules").rules
    fake("exit 1")
    with pytest.raises(InputError, match=SILENT):
        list(rule.check(Objects([{"kind": "ConfigMap"}])))


@pytest.mark.parametrize("printed", ["true", "echo hello"])
def test_what_is_no_json_is_an_error(tiny: TinyLibrary, fake: Callable[[str], None], printed: str) -> None:
    fake(printed)
    for ask in (
        lambda: definition.load(tiny.library),
        lambda: openapi.export("#A: string", tiny.root),
        lambda: cue.answer(cue.run(["export"], folder=tiny.root)),
    ):
        with pytest.raises(RealtimeError, match=r"cue (should have printed JSON|was asked for 1 definition)"):
            ask()


def test_what_it_says_last_is_told_where_it_is_no_problem_of_cues_form() -> None:
    (problem,) = cue.failure(Completed(3, "a log\nout of memory\n", ""), None)  # type: ignore[arg-type]
    assert problem.text == "cue failed with exit code 3: out of memory"


def test_a_signal_is_an_error(tiny: TinyLibrary, fake: Callable[[str], None]) -> None:
    fake("kill -9 $$")
    with pytest.raises(ToolError, match="was ended by SIGKILL"):
        build.compile_all(tiny.library)
