"""The recipe of the tool's image: its steps, run in a folder that stands for the image's root. No image is pulled."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import ROOT
from tests.support.doubles.scripts import require
from vela_realtime import process, toolchain
from vela_realtime.toolchain import install, pins
from vela_realtime.toolchain.stage import tools_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPE = (ROOT / "Containerfile").read_text()


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage, with what stands behind them."""
    lines = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", RECIPE, flags=re.MULTILINE)).splitlines()
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, lines):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


BUILD, IMAGE = stages()


def values(stage: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for name, rest in stage if name == word]


class Image:
    """What the recipe makes, below a folder instead of ``/``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def here(self, text: str) -> str:
        """Return a text of the recipe with this folder in the place of ``/``."""
        return re.sub(r"(?<![\w.])/(opt|source|work)\b", rf"{self.root}/\1", text)

    def make(self) -> None:
        (source,) = (Path(self.here(folder)) for folder in values(BUILD, "WORKDIR"))
        source.mkdir()
        for arguments in values(BUILD, "COPY"):
            *items, place = arguments.split()
            for item in items:
                if (ROOT / item).is_dir():
                    shutil.copytree(ROOT / item, source / place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / item, source / place)
        # Building the programs takes minutes, and has tests of its own.
        for program in install.present("default"):
            (folder,) = [
                parent for parent in (Path(program), *Path(program).parents) if parent.parent == tools_folder()
            ]
            shutil.copytree(folder, self.root / "opt/build/tools" / folder.name, symlinks=True, dirs_exist_ok=True)
        env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin"}
        for name in ("VELA_REALTIME_CACHE", "VELA_REALTIME_CUE", "VELA_REALTIME_VELA", "PYTHONPATH"):
            env.pop(name, None)
        for script in values(BUILD, "RUN"):
            done = subprocess.run(
                ["/bin/sh", "-ec", self.here(script)], cwd=source, env=env, capture_output=True, text=True
            )
            assert done.returncode == 0, (script, done.stdout, done.stderr)
        shutil.rmtree(source)
        shutil.rmtree(self.root / "opt/build")

    def run(self, *arguments: str) -> process.Completed:
        """Run the image's entry point as somebody who may not write to what is the image's."""
        (entry,) = values(IMAGE, "ENTRYPOINT")
        (settings,) = values(IMAGE, "ENV")
        env = {"PATH": "/usr/bin:/bin", **dict(item.split("=", 1) for item in shlex.split(self.here(settings)))}
        # Root may write everywhere as long as it has its capabilities.
        powerless = [require("setpriv"), "--bounding-set=-all"] if os.geteuid() == 0 else []
        variables = [f"{key}={value}" for key, value in env.items()]
        command = [*powerless, "/usr/bin/env", "--ignore-environment", *variables, *json.loads(self.here(entry))]
        return process.run([*command, *arguments], cwd=self.root / "work")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    made = Image(tmp_path_factory.mktemp("root"))
    made.make()
    shutil.copytree(ROOT / "examples", made.root / "work")
    for item in (made.root, *made.root.rglob("*")):
        if not item.is_symlink():
            item.chmod(item.stat().st_mode & ~0o222)
    yield made
    for item in (made.root, *made.root.rglob("*")):
        if item.is_dir():
            item.chmod(0o755)


def test_it_copies_what_there_is_and_fetches_nothing_else() -> None:
    for arguments in values(BUILD, "COPY"):
        *items, place = arguments.split()
        assert place == "./" or [place] == items
        for item in items:
            assert process.run(["git", "ls-files", "--error-unmatch", item], cwd=ROOT).ok, item
    assert "ADD" not in [word for word, _ in (*BUILD, *IMAGE)]
    assert not re.search(r"curl|wget|https?://", RECIPE)


def test_its_python_is_one_and_is_new_enough() -> None:
    """A virtual environment works with the Python that it was made with."""
    bases = {rest.partition(" AS ")[0] for stage in (BUILD, IMAGE) for rest in values(stage, "FROM")}
    (version,) = [re.fullmatch(r"docker\.io/library/python:3\.(\d+)-slim-bookworm", base) for base in bases]
    assert version
    assert int(version[1]) >= 10


def test_packages_and_programs_are_those_of_setup() -> None:
    """It names no version of its own: packages are at those of the lock file, programs at those that the tool pins."""
    setup = (ROOT / "scripts/setup").read_text()
    for words in ("--constraint requirements.lock", "doctor --install"):
        assert words in setup
        assert len([script for script in values(BUILD, "RUN") if words in script]) == 1
    for program in (pins.cue(), pins.vela()):
        assert program.version not in RECIPE


def test_nobody_is_root_in_it() -> None:
    assert IMAGE[-2][0] == "USER"
    assert int(IMAGE[-2][1].split(":")[0]) > 0


def test_it_says_its_version_and_has_its_programs(image: Image) -> None:
    told = image.run("--version")
    assert told.stdout.strip().endswith("1.0.0"), told.stderr
    found = image.run("doctor")
    assert found.ok, found.stdout
    cache = re.escape(str(image.root / "opt/cache"))
    for program in (pins.cue(), pins.vela()):
        assert re.search(
            rf"^ok +{program.name} +{re.escape(program.version)} from cache: {cache}/", found.stdout, re.MULTILINE
        )
    assert str(toolchain.cue()) not in found.stdout


def test_it_renders_an_application_that_is_mounted(image: Image) -> None:
    done = image.run("dry-run", "iot-broker.yaml", "-o", "-")
    assert "kind: StatefulSet" in done.stdout, done.stderr
    assert image.run("check", "iot-broker.yaml").stdout == "1 Application: nothing found\n"
    # Nobody may write there, and it did without.
    assert [path.name for path in (image.root / "opt/cache").iterdir()] == ["tools"]
