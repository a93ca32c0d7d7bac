"""``new application`` makes an Application of an example: under a name of its own, and as right as the example."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from tests.support import checking
from vela_realtime import library
from vela_realtime.cli import cli
from vela_realtime.errors import InputError
from vela_realtime.library import Library, application

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = library.find()
EXAMPLES = sorted(path.stem for path in LIBRARY.examples.glob("*.yaml"))


def test_the_smallest_platform_gets_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["new", "application", "plant", "--library", str(LIBRARY.root)])
    assert done.output == "wrote plant.yaml\nnext: vela-realtime check plant.yaml && vela-realtime dry-run plant.yaml\n"
    text = (tmp_path / "plant.yaml").read_text()
    data = yaml.safe_load(text)
    assert data["metadata"]["name"] == "plant"
    assert data["spec"]["components"][0]["properties"]["name"] == "plant"
    assert "# Everything is called after it." in text
    (line,) = [line for line in text.splitlines() if "yaml-language-server" in line]
    assert (tmp_path / line.partition("$schema=")[2]).is_file()


def test_who_refers_to_the_platform_follows_it(tmp_path: Path) -> None:
    text = application.create(LIBRARY, "plant", "financial-trading", tmp_path).read_text()
    assert "realtime: trading" not in text
    assert text.count("realtime: plant") == 1
    assert "name: matching-engine" in text


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_can_be_begun_with(tmp_path: Path, example: str) -> None:
    path = application.create(LIBRARY, "plant", example, tmp_path)
    former = checking.check_files(LIBRARY.examples / f"{example}.yaml", render=False).findings
    found = checking.check_files(path, render=False).findings
    assert [(item.rule, item.line) for item in found] == [(item.rule, item.line) for item in former]


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    application.create(LIBRARY, "plant", folder=tmp_path)
    with pytest.raises(InputError, match=r"plant\.yaml is there already"):
        application.create(LIBRARY, "plant", folder=tmp_path)


def test_an_installed_package_names_no_schema(tmp_path: Path) -> None:
    path = application.create(Library(LIBRARY.root, packaged=True), "plant", folder=tmp_path)
    assert "yaml-language-server" not in path.read_text()


@pytest.mark.parametrize(
    ("name", "example", "said"),
    [
        ("Plant", "simple-setup", "Plant is no name for an Application"),
        ("plant", "simple-setap", "there is no example simple-setap"),
    ],
)
def test_what_cannot_be_made_is_said(tmp_path: Path, name: str, example: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        application.create(LIBRARY, name, example, tmp_path)
    assert list(tmp_path.iterdir()) == []
