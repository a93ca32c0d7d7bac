"""The command line as people meet it: help, exit codes, messages, and never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests import ROOT
from vela_realtime import cli

if TYPE_CHECKING:
    from tests.support.tiny import TinyLibrary

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: first
      type: echo
      properties: {name: abc}
"""


def run(*arguments: str, stdin: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vela_realtime", *arguments],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parent.parent), **env},
        check=False,
    )


COMMANDS = list(cli.COMMANDS)


def test_help_lists_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    for name in COMMANDS:
        assert f"  {name} " in done.stdout
        assert cli.COMMANDS[name][:30] in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    assert f"Usage: vela-realtime {name} " in done.stdout
    assert f"Examples:\n    vela-realtime {name}" in done.stdout


def test_help_is_quick_because_commands_are_imported_when_they_run() -> None:
    code = (
        "import sys\nfrom vela_realtime import cli\n"
        "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'jinja2', 'yaml', 'rich', 'jsonschema', 'vela_realtime.library.build'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version() -> None:
    assert run("--version").stdout == "vela-realtime 1.0.0\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["buidl"], "No such command 'buidl'."),
        (["build", "--nosuch"], "No such option '--nosuch'"),
        (["build", "--site", "absent.yaml"], "absent.yaml"),
        (["dry-run", "absent.yaml"], "error: cannot read absent.yaml: No such file or directory"),
        (
            ["check", "--external", "secret/a,plaform/x", "-"],
            "--external: there is no kind plaform; did you mean platform/x?",
        ),
        (
            ["check", "--external", "shop", "-"],
            "--external: shop has no kind; write KIND/shop; kinds are platform, topic,",
        ),
        (
            ["check", "--external", "platform", "-"],
            "--external: platform has no name; write platform/NAME, or platform/* for all",
        ),
        (["vet", "--library", "/"], "error: / holds no library"),
        (["dry-run", "-"], "error: no Application found in -"),
    ],
)
def test_usage_errors(arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*arguments, stdin="" if arguments[-1] == "-" else None)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_completion_knows_the_commands() -> None:
    done = run(_VELA_REALTIME_COMPLETE="bash_complete", COMP_WORDS="vela-realtime d", COMP_CWORD="1")
    assert {"plain,dry-run", "plain,doctor"} <= set(done.stdout.splitlines())


def test_build_check_and_drift(tiny: TinyLibrary) -> None:
    done = run("build")
    assert (done.returncode, done.stdout) == (
        0,
        "wrote definitions/echo.cue\nwrote definitions/echo.yaml\nwrote definitions/schemas/echo.json\n"
        "wrote definitions/schemas/application.json\n1 definition, 5 kB, 235 kB left in the largest, echo\n",
    )
    assert run("build").stdout == "1 definition, 5 kB, 235 kB left in the largest, echo, up to date\n"
    assert run("build", "--check").returncode == 0
    tiny.change("cue/labels.cue", '"kubevela"', '"vela"')
    done = run("build", "--check")
    assert done.returncode == 1
    assert "definitions/echo.yaml" in done.stdout
    assert "hint: run vela-realtime build" in done.stdout


def test_build_of_what_does_not_compile(tiny: TinyLibrary) -> None:
    tiny.change("cue/labels.cue", "#app:  string", "#app:  nosuch")
    done = run("build")
    assert done.returncode == 1
    assert done.stdout.startswith('cue/labels.cue:8:9: error: #Labels.#app: reference "nosuch" not found [cue]\n')
    assert "  8 | \t#app:  nosuch\n    | \t       ^\n" in done.stdout


def test_build_on_a_folder_that_cannot_be_written(tiny: TinyLibrary) -> None:
    tiny.write("blocked", "a file")
    done = run("build", "--output", "blocked/out")
    assert done.returncode == 2
    assert done.stderr == "error: cannot write blocked/out/echo.cue: Not a directory\n"


def test_dry_run_summary(tiny: TinyLibrary) -> None:
    run("build")
    tiny.write("app.yaml", APP)
    done = run("dry-run", "app.yaml")
    assert done.returncode == 0
    name, file, objects, _, verdict = done.stdout.strip().split("  ")
    assert (name, file, objects, verdict) == ("shop", "app.yaml", "1 object", "ok")


def test_dry_run_to_standard_output_is_nothing_but_objects(tiny: TinyLibrary) -> None:
    run("build")
    done = run("dry-run", "-o", "-", stdin=f"{APP}---\n{APP.replace('shop', 'other').replace('abc', 'xyz')}")
    assert (done.returncode, done.stderr) == (0, "")
    assert [item["metadata"]["name"] for item in yaml.safe_load_all(done.stdout)] == ["abc", "xyz"]


def test_dry_run_says_what_is_wrong_beside_the_objects(tiny: TinyLibrary) -> None:
    run("build")
    done = run("dry-run", "-", "-o", "-", stdin=f"{APP}---\n{APP.replace('name: abc', 'nam: abc')}")
    assert done.returncode == 1
    assert len(list(yaml.safe_load_all(done.stdout))) == 1
    assert done.stderr == ("<stdin>:17:20: error: there is no nam [unknown-property]\n  hint: did you mean name?\n")


def test_dry_run_into_files(tiny: TinyLibrary) -> None:
    run("build")
    tiny.write("apps/a.yaml", f"{APP}---\n{APP.replace('shop', 'other')}")
    assert run("dry-run", "apps", "-o", "all.yaml").returncode == 0
    assert len(list(yaml.safe_load_all(tiny.read("all.yaml")))) == 2
    assert run("dry-run", "apps", "-o", "out/").returncode == 0
    assert sorted(path.name for path in tiny.path("out").iterdir()) == ["other.yaml", "shop.yaml"]
    assert run("dry-run", "apps", "-o", "new").returncode == 0
    assert sorted(path.name for path in tiny.path("new").iterdir()) == ["other.yaml", "shop.yaml"]


def test_dry_run_of_two_applications_of_one_name_into_a_folder(tiny: TinyLibrary) -> None:
    run("build")
    tiny.write("a.yaml", APP)
    tiny.write("b.yaml", APP)
    done = run("dry-run", "a.yaml", "b.yaml", "-o", "out/")
    assert done.returncode == 2
    assert "error: b.yaml and a.yaml both have an Application shop" in done.stderr


def test_dry_run_as_json(tiny: TinyLibrary) -> None:
    run("build")
    data = json.loads(run("dry-run", "-", "--format", "json", stdin=APP).stdout)
    (application,) = data["applications"]
    assert {key: application[key] for key in ("file", "name", "objects", "findings")} == {
        "file": "<stdin>",
        "name": "shop",
        "objects": 1,
        "findings": [],
    }


def test_findings_as_github_annotations(tiny: TinyLibrary) -> None:
    run("build")
    done = run("dry-run", "-", "--format", "github", stdin=APP.replace("echo", "ecko"))
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=<stdin>,line=7,col=7,title=unknown-type::there is no component")


def test_vet(tiny: TinyLibrary) -> None:
    run("build")
    done = run("vet")
    assert (done.returncode, done.stdout) == (0, "1 definition, 0 fixtures: no problems\n")


def test_a_missing_tool(tiny: TinyLibrary, tmp_path: Path) -> None:
    done = run("build", PATH="/usr/bin:/bin", VELA_REALTIME_CACHE=str(tmp_path / "empty"))
    assert done.returncode == 2
    assert "error: cue 0.14.1 is missing" in done.stderr
    assert "hint:" in done.stderr


def test_a_reader_that_goes_away(tiny: TinyLibrary) -> None:
    run("build")
    tiny.write("app.yaml", APP)
    command = f"set -o pipefail; {sys.executable} -m vela_realtime dry-run app.yaml -o - | true"
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parent.parent)},
        check=False,
    )
    assert (done.returncode, done.stderr) == (cli.BROKEN_PIPE, "")


def test_a_full_disk_behind_standard_output() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "vela_realtime", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "error: cannot write the output: No space left on device\n")


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.cli, "invoke", interrupted)
    with pytest.raises(SystemExit) as caught:
        cli.main(["build"])
    assert (caught.value.code, capsys.readouterr().err) == (130, "error: interrupted\n")


def test_an_unexpected_error_is_one_line_and_a_file_to_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> None:
        raise KeyError("spec\nand more")

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(cli.cli, "invoke", broken)
    with pytest.raises(SystemExit) as caught:
        cli.main(["build", "--check"])
    (report,) = tmp_path.iterdir()
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert said == (
        f"error: a fault of vela-realtime itself: KeyError: 'spec\\nand more'; please report it with {report}\n"
    )
    text = report.read_text()
    assert text.startswith("vela-realtime 1.0.0, Python ")
    assert "arguments: ['build', '--check']\n" in text
    assert "in broken\n" in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_it_ends_what_it_started(tmp_path: Path, number: signal.Signals) -> None:
    """A build of Go programs takes minutes: it must not go on without the one who waits for it."""
    fake = tmp_path / "cue"
    version = "[ \"$1\" = version ] && echo 'cue version v0.14.1' && exit"
    fake.write_text(f"#!/bin/sh\n{version}\nsh -c 'echo $$ > {tmp_path}/child; sleep 60; :'\n")
    fake.chmod(0o755)
    running = subprocess.Popen(
        [sys.executable, "-m", "vela_realtime", "vet", "--no-fixtures", "--library", str(ROOT)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "VELA_REALTIME_CUE": str(fake)},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not ((tmp_path / "child").exists() and (tmp_path / "child").read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    child = int((tmp_path / "child").read_text())
    running.send_signal(number)
    _, said = running.communicate(timeout=30)
    assert (running.returncode, said) == (143, "error: told to end\n")
    deadline = time.monotonic() + 10
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(process: int) -> bool:
    """Tell whether a process is there, and not only waits for somebody to ask how it ended."""
    done = subprocess.run(["/bin/ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return done.stdout.strip()[:1] not in {"", "Z"}
