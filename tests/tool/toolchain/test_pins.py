"""The pinned versions, and the ``go.mod`` and ``go.sum`` that pin everything below them."""

from __future__ import annotations

import re

import pytest

from vela_realtime.toolchain import gobuild, pins

PROGRAMS = [*pins.CUE.values(), *pins.VELA.values(), *pins.VELA_CORE.values()]


def name(program: gobuild.GoProgram) -> str:
    return f"{program.name}-{program.version}"


@pytest.mark.parametrize("program", PROGRAMS, ids=name)
def test_the_module_requires_the_version_that_the_pin_names(program: gobuild.GoProgram) -> None:
    text = (program.module / "go.mod").read_text()
    path = "cuelang.org/go" if program.name == "cue" else pins.KUBEVELA
    assert re.findall(rf"\b{re.escape(path)} v(\S+)", text) == [program.version]


@pytest.mark.parametrize("program", PROGRAMS, ids=name)
def test_the_module_lists_the_program(program: gobuild.GoProgram) -> None:
    # A package that go.mod does not list as a tool is not covered by go.sum, and does not build.
    text = (program.module / "go.mod").read_text()
    tools = re.findall(r"^(?:tool |\t)(\S+)$", text, re.MULTILINE)
    assert program.package in tools


@pytest.mark.parametrize("version", pins.VELA)
def test_a_module_that_the_checksum_database_may_lack_has_its_checksum(version: str) -> None:
    text = (pins.vela(version).module / "go.sum").read_text()
    assert len(re.findall(r"^github\.com/kmodules/apiserver-runtime v[^\s/]+ h1:", text, re.MULTILINE)) == 1


def test_the_default_versions() -> None:
    assert (pins.cue().label, pins.vela().label) == ("cue 0.14.1", "vela 1.11.0")
