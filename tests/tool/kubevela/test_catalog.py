"""Definitions from files: whatever their annotations say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.documents import loader
from vela_realtime.kubevela import catalog

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_date_in_an_annotation_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "echo.yaml"
    path.write_text(
        "apiVersion: core.oam.dev/v1beta1\nkind: ComponentDefinition\n"
        "metadata: {name: echo, annotations: {reviewed: 2026-11-30, at: 12:30:45}}\nspec: {}\n"
    )
    (found,) = catalog.read_file(path)
    assert loader.load(found.text)["metadata"]["annotations"] == {"reviewed": "2026-11-30", "at": "12:30:45"}


def test_the_library_is_read_once_however_many_names_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each unknown type is compared with all that there are; the files are long."""
    for name in ("one", "two"):
        text = f"apiVersion: core.oam.dev/v1beta1\nkind: ComponentDefinition\nmetadata: {{name: {name}}}\nspec: {{}}\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    read, original = [], catalog.read_file

    def reading(path: Path) -> list[catalog.Found]:
        read.append(path.name)
        return original(path)

    monkeypatch.setattr(catalog, "read_file", reading)
    known = catalog.Catalog((), tmp_path)
    assert [known.names(kind) for kind in ("component", "trait", "component")] == [["one", "two"], [], ["one", "two"]]
    assert read == ["one.yaml", "two.yaml"]


def test_a_name_that_no_file_can_have_is_unknown(tmp_path: Path) -> None:
    known = catalog.Catalog((), tmp_path)
    assert [known.find("component", name) for name in ("x" * 300, "../secret", "a/b", "")] == [None] * 4
