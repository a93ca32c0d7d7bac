"""The package itself: what is built of it, by itself and of its sources, works outside of any checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests import ROOT
from vela_realtime.documents import loader

if TYPE_CHECKING:
    from pathlib import Path

LEFT_OUT = (".venv/", ".git/", ".mypy_cache/")
"""What is in nobody's package."""


def built(target: str, source: Path, folder: Path) -> Path:
    """Build a wheel or an sdist of a source folder, and return the file."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def installed(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel of the sdist in it, as pip unpacks it."""
    folder = tmp_path_factory.mktemp("installed")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    wheel = built("wheel", source, folder / "wheel")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")  # noqa: S202 - it was made above
    return folder / "site"


def run(installed: Path, folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the installed tool in a folder, with nothing of this checkout to be found."""
    done = subprocess.run(
        [sys.executable, "-P" if sys.version_info >= (3, 11) else "-s", "-m", "vela_realtime", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        input=given,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_sources_have_what_a_build_and_the_tests_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "cue/version.cue", "definitions/iot-broker.yaml"} <= names
    assert [name for name in names if name.startswith(LEFT_OUT)] == []


def test_the_wheel_brings_the_library_along(installed: Path, tmp_path: Path) -> None:
    where = "import vela_realtime; print(vela_realtime.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", where],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(installed))  # and not this checkout

    made = run(installed, tmp_path, "new", "application", "plant")
    assert made.stdout.startswith("wrote plant.yaml\n"), made.stderr
    assert "yaml-language-server" not in (tmp_path / "plant.yaml").read_text()
    checked = run(installed, tmp_path, "check", "--no-render", "plant.yaml")
    assert checked.stdout == "1 Application: nothing found\n"
    assert run(installed, tmp_path, "build", "--check").returncode == 0
    assert run(installed, tmp_path, "build").returncode == 2  # it is nobody's to write to


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of somebody who has Python, and neither ``cue`` nor ``vela``."""
    for name in [name for name in os.environ if name.startswith(("VELA_REALTIME_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    work = tmp_path / "work"
    work.mkdir()
    return work


def test_without_cue_and_vela_all_but_rendering_is_there(installed: Path, bare: Path) -> None:
    examples = run(installed, bare, "check", "--no-render", str(ROOT / "examples"))
    assert examples.stdout.endswith("Applications: nothing found\n"), examples.stdout
    cases = ROOT / "tests" / "fixtures" / "check" / "builtin"
    steps = run(installed, bare, "check", "--no-render", "--format", "json", str(cases / "forms-of-a-step.yaml"))
    assert len(json.loads(steps.stdout)["findings"]) == 6


def test_what_needs_cue_and_vela_says_so(installed: Path, bare: Path) -> None:
    shutil.copy(ROOT / "tests" / "fixtures" / "check" / "builtin" / "asked-for-under-an-if.yaml", bare / "app.yaml")
    found = json.loads(run(installed, bare, "check", "--no-render", "--format", "json", "app.yaml").stdout)["findings"]
    assert [(item["rule"], item["message"], item["hint"]) for item in found if item["severity"] == "note"] == [
        (
            "not-checked",
            "its properties are not looked at: cue, which tells a definition's parameters, is not on this machine",
            "run vela-realtime doctor --install",
        )
    ]
    rendered = run(installed, bare, "check", str(ROOT / "examples" / "simple-setup.yaml"))
    assert rendered.returncode == 2
    assert "run vela-realtime doctor --install" in rendered.stderr


def test_the_hook_runs_where_there_is_nothing_but_python(installed: Path, bare: Path) -> None:
    (hook, _) = loader.load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (name, *arguments) = hook["entry"].split()
    assert name == "vela-realtime"
    (bare / "values.yaml").write_text("replicas: 1\n")
    (bare / "app.yaml").write_text(
        (ROOT / "examples" / "tls.yaml").read_text().replace("realtime-platform", "realtime-platfrom")
    )
    done = run(installed, bare, *arguments, "values.yaml", "app.yaml")
    assert done.returncode == 1
    assert "there is no component definition realtime-platfrom" in done.stdout


def test_data_beside_the_code_is_there(installed: Path, tmp_path: Path) -> None:
    told = run(installed, tmp_path, "explain", "-", given="kafka 0/1, topics pending\n")
    assert told.stdout.startswith("kafka 0/1\n")
    assert run(installed, tmp_path, "--version").stdout.strip().endswith("1.0.0")


def test_shells_complete_its_commands(installed: Path, tmp_path: Path) -> None:
    variables = {"_VELA_REALTIME_COMPLETE": "bash_complete", "COMP_WORDS": "vela-realtime expl", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "from vela_realtime.cli import main; main()"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed), **variables},
        capture_output=True,
        text=True,
    )
    assert "explain" in done.stdout
