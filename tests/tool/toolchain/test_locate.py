"""Which ``cue`` and ``vela`` are used: named by a variable, on PATH, or in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vela_realtime import process, toolchain
from vela_realtime.errors import ToolError
from vela_realtime.toolchain import gobuild, gosource, locate, pins

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tool.conftest import Fakes


def built(fakes: Fakes, program: gobuild.GoProgram) -> Path:
    """Put a program into the cache as a build would."""
    path = gobuild.path(program)
    return fakes.program(path.name, "#!/bin/sh\nexit 9\n", path.parent)


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test when any program is started."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError(f"started {arguments}")

    monkeypatch.setattr(process, "run", refuse)


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize("version", ["1.11.0", "1.10.8"])
def test_a_program_in_the_cache_is_found_without_starting_anything(fakes: Fakes, version: str) -> None:
    path = built(fakes, pins.vela(version))
    assert toolchain.vela(version) == path


def test_the_cache_is_named_by_the_variable_then_by_xdg_then_lies_in_the_home_folder(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = pins.cue()
    assert gobuild.path(program).is_relative_to(fakes.cache / "tools")
    monkeypatch.delenv("VELA_REALTIME_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(fakes.folder / "xdg"))
    assert gobuild.path(program).is_relative_to(fakes.folder / "xdg" / "vela-realtime" / "tools")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert gobuild.path(program).is_relative_to(fakes.folder / "home" / ".cache" / "vela-realtime" / "tools")


def test_one_on_path_with_the_right_version_comes_before_the_cache(fakes: Fakes) -> None:
    built(fakes, pins.cue())
    on_path = fakes.cue("0.14.1")
    assert toolchain.cue() == on_path


def test_one_on_path_with_another_version_is_passed_over(fakes: Fakes) -> None:
    path = built(fakes, pins.cue())
    other = fakes.cue("0.15.0")
    assert toolchain.cue() == path
    assert locate.search(pins.cue()).notes == (f"{other} is passed over: it is 0.15.0, and 0.14.1 is needed",)


def test_the_older_version_may_be_on_path_too(fakes: Fakes) -> None:
    on_path = fakes.vela("1.10.8")
    assert toolchain.vela("1.10.8") == on_path


def test_a_program_on_path_is_asked_for_its_version_once(fakes: Fakes) -> None:
    fakes.vela("1.11.0")
    toolchain.vela()
    toolchain.vela()
    assert fakes.calls == ["vela version"]


def test_a_program_on_path_is_asked_again_when_it_changed(fakes: Fakes) -> None:
    path = fakes.vela("1.11.0")
    assert toolchain.vela() == path
    fakes.vela("1.10.10")
    with pytest.raises(ToolError, match=r"it is 1\.10\.10, and 1\.11\.0 is needed"):
        toolchain.vela()


def test_vela_is_asked_without_the_users_cluster(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    # The version command asks the cluster for the controller's version, for as long as that takes.
    monkeypatch.setenv("KUBECONFIG", "/the/users/own")
    script = '#!/bin/sh\nprintf "CLI Version: v1.11.0\\n"\necho "$KUBECONFIG" >> "$FAKES/calls"\n'
    fakes.program("vela", script)
    toolchain.vela()
    assert fakes.calls == ["/dev/null"]


def test_what_the_variable_names_comes_first(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.cue("0.14.1")
    own = fakes.cue("0.14.1", fakes.folder / "own tools")
    monkeypatch.setenv("VELA_REALTIME_CUE", str(own))
    assert toolchain.cue() == own


def test_the_variable_says_nothing_about_the_older_version(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELA_REALTIME_CUE", str(fakes.cue("0.14.1")))
    path = built(fakes, pins.cue("0.9.2"))
    assert toolchain.cue("0.9.2") == path


def test_a_wrong_version_in_the_variable_is_an_error_that_names_both(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(fakes, pins.vela())
    monkeypatch.setenv("VELA_REALTIME_VELA", str(fakes.vela("1.9.14", fakes.folder / "old")))
    with pytest.raises(ToolError) as caught:
        toolchain.vela()
    assert str(caught.value) == (
        "VELA_REALTIME_VELA names vela 1.9.14, and 1.11.0 is needed\n"
        "  hint: unset VELA_REALTIME_VELA: the right one is then taken from PATH or from the cache"
    )
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("/nowhere/cue", "VELA_REALTIME_CUE names /nowhere/cue, which is no program"),
        ("/etc/passwd", "VELA_REALTIME_CUE names /etc/passwd, which is no program"),
        ("/bin/true", 'VELA_REALTIME_CUE: "/bin/true version" does not say a version'),
        ("/bin/false", 'VELA_REALTIME_CUE: "/bin/false version" does not say a version'),
    ],
)
@pytest.mark.usefixtures("fakes")
def test_a_variable_that_names_no_cue_is_an_error(monkeypatch: pytest.MonkeyPatch, value: str, message: str) -> None:
    monkeypatch.setenv("VELA_REALTIME_CUE", value)
    with pytest.raises(ToolError) as caught:
        toolchain.cue()
    assert str(caught.value) == f"{message}\n  hint: unset VELA_REALTIME_CUE, or correct it"


def test_a_missing_program_is_an_error_with_the_command_that_brings_it(fakes: Fakes) -> None:
    with pytest.raises(ToolError) as caught:
        toolchain.cue()
    assert str(caught.value) == (
        f"cue 0.14.1 is missing: neither on PATH nor in the cache {fakes.cache}\n"
        "  hint: run vela-realtime doctor --install (in a checkout: scripts/setup)"
    )


def test_a_missing_program_says_what_was_passed_over(fakes: Fakes) -> None:
    broken = fakes.program("vela", "#!/bin/sh\nexit 1\n")
    with pytest.raises(ToolError) as caught:
        toolchain.vela()
    assert caught.value.message.endswith(f'; {broken} is passed over: "{broken} version" does not say a version')


def test_a_version_that_is_not_pinned_is_an_error() -> None:
    with pytest.raises(ToolError) as caught:
        toolchain.vela("1.9.0")
    assert str(caught.value) == (
        "vela 1.9.0 is not a version that this tool knows\n  hint: choose one of 1.11.0, 1.10.8"
    )


def test_kubevelas_own_files_are_found_once_they_are_there(fakes: Fakes) -> None:
    assert toolchain.kubevela_source() is None
    folder = gosource.path(pins.KUBEVELA_SOURCE["1.11.0"])
    folder.mkdir(parents=True)
    assert toolchain.kubevela_source() == folder
    assert toolchain.kubevela_source("1.10.8") is None
