"""The layers that need no ``vela`` do three times the work for three times the Applications."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import checking
from vela_realtime import cli
from vela_realtime.findings import suggest

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT_A_FINDING = """\
kind: Application
apiVersion: core.oam.dev/v1beta1
metadata:
  name: app-{number}
  annotations: {{vela-realtime.dev/optional: webservice}}
spec:
  components:
    - name: plant
      type: realtime-platform
      properties: {{name: plant-{number}, kafkaConfig: {{topics: [readings]}}}}
    - name: alarms
      type: stream-processor
      properties:
        name: alarms-{number}
        platform: plant-{before}
        topics: {{input: [readings], output: [alarms]}}
        queries: [{{name: alarms, sql: INSERT INTO alarms SELECT STREAM * FROM readings}}]
    - name: viewer-{number}
      type: webservice
      properties: {{image: example.org/viewer:1.0, realtime: plant-{before}, streaming: {{topics: [alarms]}}}}
"""

MOST_WORDS = 30
FEW_AND_MANY = (MOST_WORDS + 10, 3 * MOST_WORDS + 30)
"""So many that a name is not compared with those of all others any more, where that is done for ``MOST_WORDS``."""

SHAPES = {
    "right": WITHOUT_A_FINDING,
    "wrong": WITHOUT_A_FINDING.replace("plant-{before}", "elsewhere-{before}"),
    "several in a file": f"---\n{WITHOUT_A_FINDING}",
}


def steps(folder: Path, shape: str, count: int) -> int:
    """Return how many functions are called for some Applications; the rules find something in the wrong ones only."""
    folder.mkdir()
    texts = [SHAPES[shape].format(number=number, before=(number or count) - 1) for number in range(count)]
    if shape == "several in a file":
        texts = ["".join(texts)]
    for number, text in enumerate(texts):
        (folder / f"{number}.yaml").write_text(text)
    called = 0

    def note(_frame: object, _event: str, _argument: object) -> None:
        nonlocal called
        called += 1

    sys.setprofile(note)
    try:
        result = checking.check_files(folder)
    finally:
        sys.setprofile(None)
    assert result.applications == count
    assert len({finding.file for finding in result.findings}) == (count if shape == "wrong" else 0)
    return called


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_linear(shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest, "MOST_WORDS", MOST_WORDS)
    steps(tmp_path / "first", shape, 5)  # schemas are read, patterns compiled
    few, many = (steps(tmp_path / str(count), shape, count) for count in FEW_AND_MANY)
    assert many < 3.05 * few


def test_many_findings_are_counted_by_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = "kind: Application\napiVersion: core.oam.dev/v1beta1\nmetadata: {name: app}\n"
    app += "spec:\n  colour: red\n  components:\n"
    part = "    - {{name: web-{0}, type: webservice, properties: {{image: 'example.org/web:1', nothing: {0}}}}}\n"
    (tmp_path / "app.yaml").write_text(app + "".join(part.format(number) for number in range(60)))
    with pytest.raises(SystemExit):
        cli.main(["check", "--no-render", "--format", "text", str(tmp_path)])
    shown = capsys.readouterr().out.splitlines()
    assert shown[-2:] == ["1 Application: 1 error, 60 warnings", "of them 60 ignored-property, 1 unknown-field"]
    assert len([line for line in shown if "[ignored-property]" in line]) == 11
