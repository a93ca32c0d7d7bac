"""The pages of the rules, the GitHub Action and the pre-commit hook: they say and do what the tool does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import ROOT
from vela_realtime.findings import rules

GOOD = ROOT / "examples" / "iot-broker.yaml"
BROKEN = ROOT / "tests" / "fixtures" / "check" / "ignore" / "no-rule.yaml"


def test_the_pages_are_those_of_the_catalogue() -> None:
    folder = ROOT / "docs" / "rules"
    committed = {path.name: path.read_text() for path in folder.iterdir()}
    assert committed == rules.pages(), "run: vela-realtime build"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a RUNNER_TEMP in which the tool is installed already, as the Action's first step leaves it."""
    target = tmp_path / "vela-realtime" / "bin"
    target.mkdir(parents=True)
    (target / "vela-realtime").symlink_to(Path(sys.executable).parent / "vela-realtime")
    return tmp_path


def action(
    temp: Path, paths: Path, render: str = "false", *, previous: str = "", cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    step = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"][1]
    assert set(step["env"]) == {"PATHS", "OPTIONS", "PREVIOUS", "RENDER"}
    values = {"PATHS": str(paths), "OPTIONS": "--strict", "PREVIOUS": previous, "RENDER": render}
    env = {**os.environ, "RUNNER_TEMP": str(temp), "GITHUB_ACTIONS": "true", **values}
    return subprocess.run(
        ["/bin/bash", "-ec", step["run"]], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


def test_the_action_annotates_what_it_finds(installed: Path) -> None:
    done = action(installed, BROKEN)
    assert done.returncode == 1, done.stderr
    assert "::error file=tests/fixtures/check/ignore/no-rule.yaml,line=13,col=19" in done.stdout


def test_the_action_passes_a_good_application(installed: Path) -> None:
    done = action(installed, GOOD)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_action_passes_a_repository_without_applications(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    assert action(installed, Path(), cwd=tmp_path / "docs").returncode == 0


def test_the_action_fails_where_a_folder_for_applications_has_none(installed: Path, tmp_path: Path) -> None:
    assert action(installed, tmp_path).returncode == 2


def test_the_action_tells_what_must_not_change(installed: Path, tmp_path: Path) -> None:
    app, before = tmp_path / "app.yaml", tmp_path / "as it was.yaml"
    app.write_text(GOOD.read_text())
    before.write_text(GOOD.read_text().replace("        name: devices", "        name: other"))
    done = action(installed, app, previous=str(before), cwd=tmp_path)
    assert (done.returncode, "title=immutable-parameter::name must not change" in done.stdout) == (1, True), done.stdout


HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
@pytest.mark.parametrize(
    ("path", "code"),
    [(GOOD, 0), (BROKEN, 1), (ROOT / ".pre-commit-hooks.yaml", 0)],
    ids=["good", "broken", "no application"],
)
def test_the_hook(hook: dict[str, Any], path: Path, code: int) -> None:
    command = [str(Path(sys.executable).parent / hook["entry"].split()[0]), *hook["entry"].split()[1:], str(path)]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == code
