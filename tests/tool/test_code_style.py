"""The code itself: formatted, linted, typed, its imports from the top down; scripts pass shellcheck."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

SCRIPTS = [
    path.relative_to(ROOT).as_posix()
    for folder in ("scripts", ".ci", "cue/scripts")
    for path in sorted((ROOT / folder).glob("*"))
    if path.is_file() and (path.suffix == ".sh" or (not path.suffix and b"sh\n" in path.read_bytes()[:24]))
]

PYTHON_SCRIPTS = [
    path.relative_to(ROOT).as_posix()
    for path in sorted((ROOT / "scripts").glob("*"))
    if not path.suffix and b"python" in path.read_bytes().split(b"\n")[0]
]


def run(*command: str) -> None:
    bin_folder = Path(sys.executable).parent
    done = subprocess.run(
        [bin_folder / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", ".", *PYTHON_SCRIPTS),
        ("ruff", "format", "--check", ".", *PYTHON_SCRIPTS),
        ("mypy",),
        ("mypy", "--scripts-are-modules", *PYTHON_SCRIPTS),
        ("lint-imports", "--no-cache"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_python(command: tuple[str, ...]) -> None:
    run(*command)


@pytest.mark.parametrize("script", SCRIPTS)
def test_shell(script: str) -> None:
    run("shellcheck", "--external-sources", "--source-path=SCRIPTDIR", script)
