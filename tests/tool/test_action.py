"""The action and the hook, against a pull request that means harm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
STEPS = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]


def run(script: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-e", "-c", script],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def pull_request(tmp_path: Path) -> Path:
    """A folder whose author planted code under names that Python looks for."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in ("venv.py", "pip.py", "ensurepip.py"):
        (folder / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    return folder


def test_python_takes_no_module_from_the_folder_that_is_checked(pull_request: Path, tmp_path: Path) -> None:
    # The trap works: without -I the planted file runs.
    run(f'"{sys.executable}" -m venv --help', pull_request)
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    script = STEPS[0]["run"].replace("python3", f'"{sys.executable}"').replace(" install --quiet ", " --version #")
    done = run(script, pull_request, RUNNER_TEMP=str(tmp_path), GITHUB_ACTION_PATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_file_name_is_never_an_option(pull_request: Path, tmp_path: Path) -> None:
    (pull_request / "--rules=evil.py").write_text("")
    tool = tmp_path / "vela-realtime/bin/vela-realtime"
    tool.parent.mkdir(parents=True)
    tool.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    tool.chmod(0o755)
    env = {"RUNNER_TEMP": str(tmp_path), "PATHS": "*", "OPTIONS": "--strict", "RENDER": "false"}
    lines = run(STEPS[1]["run"], pull_request, **env).stdout.splitlines()
    assert lines.index("--strict") < lines.index("--no-render") < lines.index("--") < lines.index("--rules=evil.py")


def test_the_hook_gives_file_names_as_such() -> None:
    hooks: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert all(hook["entry"].endswith(" --") for hook in hooks)
