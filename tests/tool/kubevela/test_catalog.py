"""Definitions from files: whatever their annotations say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.documents import loader
from vela_realtime.kubevela import catalog

if TYPE_CHECKING:
    from pathlib import Path


def test_a_date_in_an_annotation_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "echo.yaml"
    path.write_text(
        "apiVersion: core.oam.dev/v1beta1\nkind: ComponentDefinition\n"
        "metadata: {name: echo, annotations: {reviewed: 2026-11-30, at: 12:30:45}}\nspec: {}\n"
    )
    (found,) = catalog.read_file(path)
    assert loader.load(found.text)["metadata"]["annotations"] == {"reviewed": "2026-11-30", "at": "12:30:45"}
