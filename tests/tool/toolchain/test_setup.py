"""``scripts/setup``, with a stand-in for Python: what it does, in which order, and what it skips."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# Logs its calls. "-m venv" and "-m pip install" leave behind what the real ones would.
FAKE_PYTHON = r"""#!/bin/sh
echo "python $*" >> "$LOG"
case "$*" in
  "-V") echo "Python 3.11.2" ;;
  "-c import sys; sys.exit("*) exit "${OLD:-0}" ;;
  "-c import venv, ensurepip") exit "${NO_VENV:-0}" ;;
  "-m venv --clear "*)
    rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; echo "#!$4/bin/python" > "$4/bin/pip" ;;
  "-m pip install "*)
    if [ -n "$PIP_FAILS" ]; then echo "ERROR: no matching distribution" >&2; exit 1; fi
    cp "$0" "${0%python}vela-realtime" ;;
  "-c import sys; from vela_realtime"*) echo "$TOOL" ;;
  "-c import pathlib, sys; from vela_realtime"*)
    for name in cue vela; do ln -sfn "$TOOL" "$3/$name"; echo "$3/$name"; done ;;
  "doctor "*) exit "${DOCTOR:-0}" ;;
esac
"""


class Checkout:
    """A folder with a space in its name that has what ``scripts/setup`` looks at."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "check out"
        self.log = folder / "log"
        self.tool = folder / "cue"
        self.tool.write_text("")
        modules = self.root / "vela_realtime" / "toolchain" / "modules"
        (modules / "cue-1").mkdir(parents=True)
        (modules / "cue-1" / "go.mod").write_text("module m\n")
        (modules / "cue-1" / "go.sum").write_text("")
        (modules.parent / "pins.py").write_text("")
        (self.root / "pyproject.toml").write_text("[project]\n")
        (self.root / "requirements.lock").write_text("click==1\n")
        (self.root / "scripts").mkdir()
        shutil.copy(ROOT / "scripts" / "setup", self.root / "scripts" / "setup")
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("python3", *(f"python3.{minor}" for minor in range(10, 15))):
            (self.bin / name).write_text(FAKE_PYTHON)
            (self.bin / name).chmod(0o755)

    def setup(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the script from another folder, as a non-terminal."""
        self.log.write_text("")
        return subprocess.run(
            [self.root / "scripts" / "setup", *arguments],
            cwd="/",
            env={"PATH": f"{self.bin}{os.pathsep}/usr/bin{os.pathsep}/bin", "LOG": str(self.log), "HOME": "/nowhere"}
            | {"TOOL": str(self.tool)}
            | env,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    @property
    def steps(self) -> list[str]:
        """The calls of the last run that change something, shortened."""
        names = {"-m venv": "venv", "-m pip install": "pip", "doctor": "tools", "-c import pathlib": "links"}
        calls = self.log.read_text().splitlines()
        return [name for call in calls for sign, name in names.items() if call.startswith(f"python {sign}")]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a fresh checkout."""
    return Checkout(tmp_path)


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """Return a checkout in which the script has run."""
    assert checkout.setup().returncode == 0
    return checkout


def test_the_first_run_makes_the_environment_installs_packages_and_brings_the_tools(checkout: Checkout) -> None:
    result = checkout.setup()
    assert result.returncode == 0
    assert checkout.steps == ["venv", "pip", "tools", "links"]
    # How long it took is not the point here.
    assert re.sub(r"\d+ s\b", "0 s", result.stderr).splitlines() == [
        "setup: making .venv with Python 3.11.2",
        "setup: installing the Python packages",
        "setup: installed the Python packages in 0 s",
        "setup: looking for cue and vela (default)",
        "setup: ready after 0 s: . .venv/bin/activate, then vela-realtime --help",
    ]
    calls = checkout.log.read_text()
    assert (
        "-m pip install --quiet --disable-pip-version-check --no-input --constraint requirements.lock --editable .[dev]"
        in calls
    )
    assert "doctor --install --tools default" in calls


def test_the_second_run_starts_no_python(ready: Checkout) -> None:
    result = ready.setup()
    assert (result.returncode, result.stderr) == (0, "setup: everything is there\n")
    assert ready.log.read_text() == ""


@pytest.mark.parametrize(
    ("file", "steps"),
    [
        ("pyproject.toml", ["pip"]),
        ("requirements.lock", ["pip"]),
        ("vela_realtime/toolchain/modules/cue-1/go.mod", ["tools", "links"]),
        ("vela_realtime/toolchain/modules/cue-1/go.sum", ["tools", "links"]),
        ("vela_realtime/toolchain/pins.py", ["tools", "links"]),
    ],
)
def test_a_changed_pin_repeats_its_step_alone(ready: Checkout, file: str, steps: list[str]) -> None:
    (ready.root / file).write_text("changed")
    ready.setup()
    assert ready.steps == steps


def test_a_tool_that_went_away_is_brought_again(ready: Checkout) -> None:
    ready.tool.unlink()
    ready.setup()
    assert ready.steps == ["tools", "links"]


def test_a_link_that_went_away_is_made_again(ready: Checkout) -> None:
    (ready.root / ".venv" / "bin" / "vela").unlink()
    ready.setup()
    assert ready.steps == ["tools", "links"]
    assert (ready.root / ".venv" / "bin" / "vela").readlink() == ready.tool


def test_another_cache_is_another_place_for_tools(ready: Checkout) -> None:
    ready.setup(VELA_REALTIME_CACHE="/elsewhere")
    assert ready.steps == ["tools", "links"]


def test_compat_brings_the_older_tools_once(ready: Checkout) -> None:
    ready.setup("--tools", "compat")
    assert ready.steps == ["tools", "links"]
    assert "doctor --install --tools compat" in ready.log.read_text()
    ready.setup("--tools=compat")
    assert ready.steps == []


def test_a_broken_environment_is_made_anew(ready: Checkout) -> None:
    (ready.root / ".venv" / "bin" / "python").unlink()
    ready.setup()
    assert ready.steps == ["venv", "pip", "tools", "links"]


def test_a_checkout_that_was_moved_gets_a_new_environment(ready: Checkout) -> None:
    # The scripts in .venv name their interpreter by its old path.
    ready.root = ready.root.rename(ready.root.with_name("moved"))
    ready.setup()
    assert ready.steps == ["venv", "pip", "tools", "links"]


def test_an_environment_that_was_interrupted_while_packages_came_is_used(checkout: Checkout) -> None:
    assert checkout.setup(PIP_FAILS="1").returncode == 2
    assert checkout.setup().returncode == 0
    assert checkout.steps == ["pip", "tools", "links"]


def test_a_pip_that_fails_is_one_more_line_and_2(checkout: Checkout) -> None:
    result = checkout.setup(PIP_FAILS="1")
    assert result.stderr.splitlines()[-3:] == [
        "ERROR: no matching distribution",
        "setup: pip could not install the packages: it says why above",
        "setup: hint: run this again once that is mended: what is done is kept",
    ]
    assert result.returncode == 2


@pytest.mark.parametrize("code", [2, 130])
def test_tools_that_cannot_be_brought_end_it_with_their_exit_code(checkout: Checkout, code: int) -> None:
    assert checkout.setup(DOCTOR=str(code)).returncode == code
    assert checkout.steps[-1] == "tools"
    assert checkout.setup().returncode == 0
    assert checkout.steps == ["tools", "links"]


def test_an_old_python_is_named(checkout: Checkout) -> None:
    result = checkout.setup(OLD="1")
    assert result.stderr == (
        "setup: Python 3.10 or newer is needed; python3 here is Python 3.11.2\n"
        "setup: hint: install one, or name it: PYTHON=/path/to/python scripts/setup\n"
    )
    assert result.returncode == 2
    assert not (checkout.root / ".venv").exists()


def test_a_python_without_venv_is_named_with_the_package_that_brings_it(checkout: Checkout) -> None:
    result = checkout.setup(NO_VENV="1")
    assert result.stderr.splitlines()[-2:] == [
        "setup: python3 cannot make virtual environments: its venv module is not installed",
        "setup: hint: on Debian and Ubuntu: apt-get install python3-venv",
    ]
    assert result.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--tools", "all"], "setup: --tools is either default or compat, not 'all'"),
        (["--tools"], "setup: --tools is either default or compat, not ''"),
        (["install"], "Usage: scripts/setup [--tools default|compat]"),
    ],
)
def test_a_wrong_argument_exits_with_2(checkout: Checkout, arguments: list[str], line: str) -> None:
    result = checkout.setup(*arguments)
    assert result.stderr.splitlines()[0] == line
    assert result.returncode == 2
    assert checkout.log.read_text() == ""
