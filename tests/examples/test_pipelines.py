"""The pipelines that are shown and those of this repository: their commands are run, and their files are sound."""

from __future__ import annotations

import os
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
from tests.hermetic import programs
from tests.support.registry import run_registry
from tests.support.tiny import GREETING, TinyLibrary
from vela_realtime import process
from vela_realtime.cache import cache_folder
from vela_realtime.cli import cli
from vela_realtime.errors import ToolError
from vela_realtime.registry import pull
from vela_realtime.toolchain import gobuild

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


@pytest.fixture(scope="module")
def actionlint() -> list[str]:
    """Return the call of actionlint, which is built the first time; scripts are read by shellcheck."""
    try:
        program = gobuild.build(programs.ACTIONLINT)
    except ToolError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    return [str(program), f"-shellcheck={Path(sys.executable).with_name('shellcheck')}", "-pyflakes=", "-oneline"]


def test_actionlint_finds_nothing_in_the_workflows(actionlint: list[str]) -> None:
    done = process.run([*actionlint, *(str(path) for path in WORKFLOWS)], cwd=ROOT)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("github.token", "github.tokens", 'property "tokens" is not defined'),
        ("fetch-depth", "fetch-dept", 'input "fetch-dept" is not defined in action "actions/checkout@v4"'),
        ('"$BASE"', "$BASE", "SC2086"),
        ("ubuntu-24.04", "ubuntu-24", 'label "ubuntu-24" is unknown'),
    ],
)
def test_actionlint_finds_a_slip(actionlint: list[str], tmp_path: Path, right: str, wrong: str, said: str) -> None:
    text = (ROOT / ".github/workflows/compare.yaml").read_text()
    (tmp_path / "compare.yaml").write_text(text.replace(right, wrong, 1))
    done = process.run([*actionlint, "compare.yaml"], cwd=tmp_path)
    assert said in done.stdout
    assert done.returncode == 1


def test_a_change_is_tried_at_github_as_everywhere_else() -> None:
    """All of it: the node that runs pods needs root."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yaml").read_text())
    assert {"push", "pull_request"} <= set(workflow[True])  # YAML 1.1 reads `on` as true
    (script,) = [text for text in scripts(workflow) if ".ci/run" in text]
    assert script.startswith("sudo ")
    assert os.access(ROOT / ".ci/run", os.X_OK)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_no_more_than_it_says(path: Path) -> None:
    text = path.read_text()
    data = yaml.safe_load(text)
    assert data["permissions"] == {"contents": "read"}
    # What others write, a title or the name of a branch, would be run as part of a script.
    for script in scripts(data):
        assert "${{" not in script, script
    assert "pull_request_target" not in text
