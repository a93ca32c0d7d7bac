"""Findings in every format."""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import TYPE_CHECKING

import click
import pytest

from vela_realtime.findings import Finding, Severity, has_errors, report, rules

if TYPE_CHECKING:
    from pathlib import Path

ERROR = Finding("app.yaml", 2, 3, "schema", "qos: 3 is not one of 0, 1, 2", path="spec.qos", hint="use 2")
WARNING = Finding("app.yaml", 1, 1, "version", "no version", Severity.WARNING)
NOWHERE = Finding("definitions/a.yaml", 0, 0, "size", "too big")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.yaml").write_text("spec:\n  qos: 3\n\t tab: 1\n" + "x" * 300 + "\n")
    return tmp_path


def test_text_shows_the_line_and_points_at_it(folder: Path) -> None:
    assert report.text([ERROR]) == (
        "app.yaml:2:3: error: qos: 3 is not one of 0, 1, 2 [schema]\n  2 |   qos: 3\n    |   ^\n  hint: use 2\n"
    )


def test_text_of_a_place_that_is_not_known(folder: Path) -> None:
    assert report.text([NOWHERE]) == "definitions/a.yaml: error: too big [size]\n"


@pytest.mark.parametrize(("line", "column"), [(99, 1), (2, 0)])
def test_text_of_a_place_that_is_half_known(folder: Path, line: int, column: int) -> None:
    shown = report.text([Finding("app.yaml", line, column, "r", "m")])
    assert shown.startswith(f"app.yaml:{line}" + (":1" if column else "") + ": error: m [r]\n")
    assert "^" not in shown


def test_the_caret_stands_right_below_a_tab(folder: Path) -> None:
    assert report.text([Finding("app.yaml", 3, 3, "r", "m")]).endswith("  3 | \t tab: 1\n    | \t ^\n")


def test_a_long_line_is_cut_around_the_place(folder: Path) -> None:
    line, caret = report.text([Finding("app.yaml", 4, 250, "r", "m")]).split("\n")[1:3]
    assert len(line) <= report.WIDEST_LINE + 10
    assert line[caret.index("^")] == "x"


def test_colour_only_where_asked_for(folder: Path) -> None:
    assert "\x1b[" not in report.text([ERROR, WARNING])
    assert "\x1b[31m\x1b[1merror\x1b[0m" in report.text([ERROR], color=True)


@pytest.mark.parametrize("form", ["text", "github", "sarif"])
def test_what_stands_in_a_file_may_be_long_and_what_is_said_of_it_is_not(folder: Path, form: str) -> None:
    name, words = f"my{'-long' * 10_000}-name", "word " * 10_000
    said = report.FORMATS[form]([Finding("app.yaml", 2, 3, "r", f"there is no {name}", hint=words)])
    assert len(said) < 4_000
    assert "there is no my-long-long" in said
    assert "long-name" in said  # its end too
    assert json.loads(report.as_json([Finding("app.yaml", 2, 3, "r", name)]))["findings"][0]["message"] == name


@pytest.mark.parametrize("number", [report.MOST_ALIKE, report.MOST_ALIKE + 1, 5_000])
def test_what_is_said_many_times_is_counted(folder: Path, number: int) -> None:
    alike = [Finding("app.yaml", line, 3, "r", "no port", hint="give one") for line in range(1, number + 1)]
    other = Finding("other.yaml", 1, 1, "r", "no port", hint="give one")
    lines = [line for line in report.text([*alike, ERROR, other]).splitlines() if ".yaml" in line]
    assert lines[: report.MOST_ALIKE] == [f"app.yaml:{line}:3: error: no port [r]" for line in range(1, 11)]
    counted = f"app.yaml:{number}:3: error: the same {number - 10} times more, up to here: no port [r]"
    assert lines[report.MOST_ALIKE :] == [
        *([counted] if number > report.MOST_ALIKE else []),
        "app.yaml:2:3: error: qos: 3 is not one of 0, 1, 2 [schema]",
        "other.yaml:1:1: error: no port [r]",
    ]
    assert len(json.loads(report.as_json(alike))["findings"]) == number


def test_json(folder: Path) -> None:
    data = json.loads(report.as_json([ERROR, WARNING]))
    assert data["summary"] == {"errors": 1, "warnings": 1, "notRendered": 0}
    assert data["findings"][0] == {
        "file": "app.yaml",
        "line": 2,
        "column": 3,
        "rule": "schema",
        "message": "qos: 3 is not one of 0, 1, 2",
        "severity": "error",
        "path": "spec.qos",
        "hint": "use 2",
    }


def test_nothing_found(folder: Path) -> None:
    assert report.text([]) == report.github([]) == ""
    assert json.loads(report.as_json([])) == {"findings": [], "summary": {"errors": 0, "warnings": 0, "notRendered": 0}}


def test_a_terminal_is_told_and_not_steered() -> None:
    evil = Finding("a\x1b]0;title\x07.yaml", 0, 0, "r", "red \x1b[31m\x07 and\r over \u202e it", hint="\x1b[2J")
    said = report.text([evil])
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(said)
    assert "red \\x1b[31m\\x07 and" in said


def test_github_annotations() -> None:
    odd = Finding("a,b:c.yaml", 1, 2, "r", "100%\nnext")
    assert report.github([ERROR, WARNING, NOWHERE, odd]) == (
        "::error file=app.yaml,line=2,col=3,title=schema::qos: 3 is not one of 0, 1, 2%0Ause 2\n"
        "::warning file=app.yaml,line=1,col=1,title=version::no version\n"
        "::error file=definitions/a.yaml,title=size::too big\n"
        "::error file=a%2Cb%3Ac.yaml,line=1,col=2,title=r::100%25%0Anext\n"
    )


def test_a_warning_does_not_fail_a_command() -> None:
    assert has_errors([WARNING, ERROR])
    assert not has_errors([WARNING])


@pytest.mark.parametrize("form", sorted(report.FORMATS))
def test_ten_times_the_findings_are_ten_times_the_work(tmp_path: Path, form: str) -> None:
    """Each file is read once, however much is wrong with it."""
    path = tmp_path / "app.yaml"
    path.write_text("name: a\n" * 4000)

    def calls(number: int) -> int:
        findings = [Finding(str(path), line, 1, "wrong-value", f"m{line}") for line in range(1, number + 1)]
        events: list[str] = []
        sys.setprofile(lambda _frame, event, _arg: events.append(event))
        try:
            report.FORMATS[form](findings)
        finally:
            sys.setprofile(None)
        return len(events)

    calls(1)  # what is imported first
    assert calls(4000) < 11 * calls(400)


LONG = "kafkaConfig.topics: retention of sensor-readings is no duration: write 90m, 24h, 30d, 2w, or -1 for ever"


@pytest.mark.parametrize("color", [False, True], ids=["plain", "in colours"])
def test_on_a_narrow_terminal_words_stay_whole(folder: Path, color: bool) -> None:
    finding = Finding("app.yaml", 2, 3, "property-rule", LONG, hint=f"hint: {LONG}")
    shown = click.unstyle(report.text([finding], color=color, width=60))
    assert max(map(len, shown.splitlines())) <= 60
    words = " ".join(line.strip() for line in shown.splitlines() if "|" not in line).split()
    assert words == f"app.yaml:2:3: error: {LONG} [property-rule] hint: hint: {LONG}".split()


def test_without_a_terminal_a_message_is_one_line(folder: Path) -> None:
    assert report.text([Finding("app.yaml", 0, 0, "r", LONG)]) == f"app.yaml: error: {LONG} [r]\n"


@pytest.mark.parametrize("width", [0, 60, 40])
@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("    - {name: web, type: webservice, properties: {image: nginx, cpu: lots, memory: 1Gi, port: 80}}", "lots"),
        ("name: 日本語のとても長い名前のアプリケーションです, type: wrong", "wrong"),
        ("\tname: e\u0301te\u0301, type: wrong", "wrong"),
        ("x" * 300 + "wrong" + "y" * 300, "wrong"),
    ],
    ids=["long", "wide letters", "tabs and accents", "one word"],
)
def test_the_caret_is_below_its_place(folder: Path, line: str, mark: str, width: int) -> None:
    (folder / "app.yaml").write_text(f"{line}\n")
    finding = Finding("app.yaml", 1, line.index(mark) + 1, "r", "m")
    excerpt, caret = report.text([finding], width=width).splitlines()[-2:]
    assert caret.endswith("^")
    column = columns(caret) - 1
    shown = excerpt[: excerpt.index(mark)]
    assert columns(shown) == column
    if width:
        assert max(columns(excerpt), columns(caret)) <= width


def columns(text: str) -> int:
    """Return where a terminal's cursor stands after a text."""
    place = 0
    for char in text:
        if char == "\t":
            place += 8 - place % 8
        else:
            wide = unicodedata.east_asian_width(char) in "WF"
            place += 2 if wide else 0 if unicodedata.combining(char) else 1
    return place


def test_a_rule_is_explained_as_text() -> None:
    text = rules.explanation("sql-form", 40)
    assert text.splitlines()[0] == "sql-form: warning, layer Links"
    assert not {"`", "#"} & set(text)
    assert "\n    sql: SELECT STREAM * FROM readings\n" in text
    prose = text.split("Wrong:")[0].splitlines()
    assert max(map(len, prose)) <= 40
