"""Mending files: an edit changes what is wrong, and nothing else of the file, not even its rights."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from vela_realtime.documents import application, fix

if TYPE_CHECKING:
    from pathlib import Path


def mended(path: Path, *edits: tuple[application.Route, str]) -> str:
    text = path.read_text()
    (document,), _ = application.parse(str(path), text)
    findings = [document.finding(route, "r", "m", edit=fix.value_edit(document, route, new)) for route, new in edits]
    fix.apply(findings, {str(path): text})
    return path.read_text()


def test_an_anchor_stays(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text("a: &a platfrom\nb: *a\n")
    assert mended(path, (("a",), "platform")) == "a: &a platform\nb: *a\n"


def test_what_an_alias_leads_to_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text("a: &a platfrom\nb: {c: *a}\n")
    assert mended(path, (("b", "c"), "platform")) == "a: &a platfrom\nb: {c: *a}\n"


def test_json_with_tabs(tmp_path: Path) -> None:
    path = tmp_path / "app.json"
    path.write_text('{\n\t"a":\t"platfrom"\n}\n')
    assert mended(path, (("a",), "platform")) == '{\n\t"a":\t"platform"\n}\n'


def test_a_link_stays_one_and_a_file_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text("a: platfrom\n")
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    assert mended(link, (("a",), "platform")) == "a: platform\n"
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
