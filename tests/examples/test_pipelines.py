"""The pipelines that are shown and those of this repository: their commands are run, and their files are sound."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from tests import ROOT
from tests.support.registry import run_registry
from tests.support.tiny import GREETING, TinyLibrary
from vela_realtime.cache import cache_folder
from vela_realtime.cli import cli
from vela_realtime.registry import pull

GUIDE = ROOT / "docs" / "pipelines.md"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
BLOCKS = {
    match[1]: match[2]
    for match in re.finditer(r"^```yaml\n# (\S+)\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
}

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - {name: hello, type: greeting, properties: {name: hello}}
"""


def scripts(value: Any) -> list[str]:
    """Return every shell text of a pipeline."""
    if isinstance(value, dict):
        own = [value["run"]] if isinstance(value.get("run"), str) else []
        own += value["script"] if isinstance(value.get("script"), list) else []
        return own + [text for inner in value.values() for text in scripts(inner) if text not in own]
    return [text for inner in value for text in scripts(inner)] if isinstance(value, list) else []


def commands(text: str) -> list[list[str]]:
    """Return the calls of the tool in a pipeline, in their order."""
    lines = [line for script in scripts(yaml.safe_load(text)) for line in script.replace("\\\n", " ").splitlines()]
    calls = [
        shlex.split(line.partition(" > ")[0]) for line in lines if re.match(r"\s*(\.venv/bin/)?vela-realtime ", line)
    ]
    return [call[1:] for call in calls]


@pytest.mark.parametrize("name", BLOCKS)
def test_the_commands_of_a_pipeline_that_is_shown_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "tools").symlink_to(cache_folder() / "tools")
    monkeypatch.setenv("VELA_REALTIME_CACHE", str(cache))
    tiny = TinyLibrary(tmp_path / "library")
    shutil.rmtree(tiny.path("cue/echo"))
    for file, text in GREETING.items():
        tiny.write(file, text)
    monkeypatch.chdir(tiny.root)
    tiny.write("site.yaml", "registry: mirror.example.com\n")
    tiny.write("applications/app.yaml", APP)
    (tmp_path / "registry").mkdir()
    with run_registry(tmp_path / "registry") as address:
        run = commands(BLOCKS[name])
        assert len(run) >= 4
        for arguments in run:
            given = [item.replace("registry.example.com", address) for item in arguments]
            if given == ["doctor", "--install"]:
                continue  # it has tests of its own, and takes minutes
            done = CliRunner().invoke(cli, given)
            assert done.exit_code == 0, (given, done.output, done.exception)
        assert pull(f"oci://{address}/team/realtime:1.0.0")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_the_commands_of_a_workflow_are_ones_that_there_are(path: Path) -> None:
    for arguments in commands(path.read_text()):
        command: click.Command = cli
        rest = arguments
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), rest[0])
            assert found is not None, arguments
            command, rest = found, rest[1:]
        command.make_context(command.name, list(rest), resilient_parsing=False)


def test_zizmor_finds_nothing_in_what_runs_at_github() -> None:
    program = Path(sys.executable).with_name("zizmor")
    command = [str(program), "--offline", "--min-severity=medium", ".github/workflows", "action.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_no_more_than_it_says(path: Path) -> None:
    text = path.read_text()
    data = yaml.safe_load(text)
    assert data["permissions"] == {"contents": "read"}
    # What others write, a title or the name of a branch, would be run as part of a script.
    for script in scripts(data):
        assert "${{" not in script, script
    assert "pull_request_target" not in text
