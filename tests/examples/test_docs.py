"""What the guides show is what happens: their files are written, their commands run, their outputs compared.

A block of YAML, CUE or Python whose first line is a comment with a file's name is that file. In a ``console`` block,
each line after ``$`` is a command, and what follows is what it prints.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import ROOT

GUIDES = [ROOT / "docs" / name for name in ("check.md", "clusters.md", "dashboards.md", "site.md", "tutorial.md")]

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"(?:#|//) ([\w./-]+\.(?:yaml|py|cue))\n")
_COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def run(command: str, folder: Path) -> str:
    """Run a command the way a reader does, in the guide's folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "NO_COLOR": "1"}
    env.pop("GITHUB_ACTIONS", None)
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_guide(guide: Path, tmp_path: Path) -> None:
    said, seen = follow(guide, tmp_path)
    assert said
    assert seen == said


def test_what_the_readme_shows_is_one_sound_application(tmp_path: Path) -> None:
    texts = [text for language, text in _BLOCK.findall((ROOT / "README.md").read_text()) if language == "yaml"]
    (application,) = [text for text in texts if text.startswith("apiVersion:")]
    (service,) = [text for text in texts if "type: webservice" in text]
    (tmp_path / "app.yaml").write_text(application + service)
    assert run("vela-realtime check app.yaml", tmp_path) == "1 Application: nothing found\n"


def test_the_readmes_step_and_hook_are_there() -> None:
    texts = [text for language, text in _BLOCK.findall((ROOT / "README.md").read_text()) if language == "yaml"]
    (step,) = [item for text in texts if "jobs:" in text for item in yaml.safe_load(text)["jobs"]["check"]["steps"][1:]]
    assert set(step["with"]) <= set(yaml.safe_load((ROOT / "action.yml").read_text())["inputs"])
    (hook,) = [item for text in texts if "repos:" in text for item in yaml.safe_load(text)["repos"][0]["hooks"]]
    assert hook["id"] in {item["id"] for item in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


def test_the_definition_that_is_shown_to_contributors(tmp_path: Path) -> None:
    """What "Add a definition" shows builds, and ``vet`` finds nothing."""
    shutil.copytree(ROOT / "cue", tmp_path / "cue")
    (tmp_path / "docs").mkdir()
    said, seen = follow(ROOT / "CONTRIBUTING.md", tmp_path)
    assert "no problems" in said
    assert seen == said


def follow(guide: Path, folder: Path) -> tuple[str, str]:
    """Write a guide's files and run its commands; return what it says of them, and what is seen."""
    said, seen = list[str](), list[str]()
    for language, text in _BLOCK.findall(guide.read_text()):
        if name := _NAME.match(text):
            file = folder / name[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        elif language == "console":
            for command, output in _COMMAND.findall(text):
                said.append(f"$ {command}\n{output}")
                seen.append(f"$ {command}\n{run(command, folder)}")
    return "".join(said), "".join(seen)


@pytest.mark.parametrize(
    "guide",
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
    ],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_its_links_lead_somewhere(guide: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", guide.read_text()):
        assert (guide.parent / target).exists(), target


def test_every_threat_names_a_test_that_is_there() -> None:
    tables = [
        line
        for line in (ROOT / "SECURITY.md").read_text().splitlines()
        if re.match(r"\| (?!who \||---)", line.replace("|---", "| ---"))
    ]
    assert len(tables) > 10
    for line in tables:
        shown = re.findall(r"\[(test_\w+)\]\(([^)]+)\)", line.rstrip("| ").rpartition(" | ")[2])
        assert shown, line
        for name, file in shown:
            assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file} has no {name}"


def test_what_is_posted_to_connect_says_that_it_is_json() -> None:
    """Without the header, wget says that it posts a form, which Connect refuses with 415."""
    texts = [path.read_text() for path in sorted((ROOT / "docs").rglob("*.md"))]
    posts = [post for text in texts for post in re.findall(r"wget(?:[^\n`]|\\\n)*--post-data(?:[^\n`]|\\\n)*", text)]
    assert posts
    assert [post for post in posts if "--header 'Content-Type: application/json'" not in post] == []
