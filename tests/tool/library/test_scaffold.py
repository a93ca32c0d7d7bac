"""``new component`` writes a definition that builds and that ``vet`` finds nothing in."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from vela_realtime import library
from vela_realtime.errors import InputError
from vela_realtime.library import Library, build, scaffold, vet

if TYPE_CHECKING:
    from pathlib import Path


def copied(folder: Path) -> Library:
    shutil.copytree(library.find().cue, folder / "cue")
    return Library(folder)


def test_a_new_component_passes_vet(tmp_path: Path) -> None:
    mine = copied(tmp_path)
    written = scaffold.component(mine, "weather-station")
    assert {path.name for path in written} == {
        "definition.cue",
        "parameter.cue",
        "rules.cue",
        "instance.cue",
        "parts.cue",
        "server.cue",
        "cases.yaml",
        "weather-station.yaml",
    }
    assert build.build(mine, names=["weather-station"]).findings == []
    result = vet.vet(mine, names=["weather-station"])
    assert [finding.message for finding in result.findings] == []
    assert (result.definitions, result.cases) == (1, 5)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    mine = Library(tmp_path)
    scaffold.component(mine, "echo")
    with pytest.raises(InputError, match="cue/echo is there already"):
        scaffold.component(mine, "echo")


@pytest.mark.parametrize("name", ["Weather", "1st", "a_b", "-a", "a" * 40, "../x"])
def test_a_name_that_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is no name for a definition"):
        scaffold.component(Library(tmp_path), name)
    assert not list(tmp_path.iterdir())
