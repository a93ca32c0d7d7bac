"""The table of databases that dashboards can ask: what has no row is no data source, and a row says everything."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from vela_realtime import cue, library
from vela_realtime.library import Library, definition
from vela_realtime.library.bundle import Sources
from vela_realtime.library.vet import run

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = library.find()


@pytest.fixture
def copy(tmp_path: Path) -> Library:
    """Return a copy of the library to edit."""
    shutil.copytree(LIBRARY.cue, tmp_path / "cue")
    return library.find(tmp_path)


def problems(copy: Library) -> list[str]:
    """Return what ``vet`` finds of the choices of a dashboard."""
    (item,) = (item for item in definition.load_sound(copy)[0] if item.name == "analytics-dashboard")
    return [f"{found.rule}: {found.message}" for found in run.values(copy, Sources(copy), item)]


def test_a_type_without_a_row_is_found_by_vet(copy: Library) -> None:
    file = copy.cue / "analytics-dashboard" / "parameter.cue"
    text = file.read_text()
    assert text.count('"mysql" | "snowflake"') == 1
    file.write_text(text.replace('"mysql" | "snowflake"', '"mysql" | "snowflake" | "clickhouse"'))
    assert problems(copy) == ['choice: "clickhouse" cannot be a choice of dataSources.type: #Strict refuses it']


def rows() -> dict[str, Any]:
    """Return the table."""
    done = cue.run(["export", "dashboard_dialects.cue", "-e", "#Dialects"], folder=LIBRARY.cue)
    assert done.ok, done.stderr
    table: dict[str, Any] = json.loads(done.stdout)
    return table


def test_every_row_is_complete() -> None:
    table = rows()
    assert set(table) == {"postgres", "mysql", "snowflake"}
    assert {name: row["port"] for name, row in table.items()} == {"postgres": 5432, "mysql": 3306, "snowflake": 443}
    assert [name for name, row in table.items() if not row["grafana"]] == ["snowflake"]


def test_metabase_is_told_of_every_driver() -> None:
    script = (LIBRARY.cue / "scripts" / "metabase-content.sh").read_text()
    known = re.search(r"add_database\(\) \{.*?\n  case \$2 in\n(.*?)\n    \*\) fail", script, re.DOTALL)
    assert known
    drivers = set(re.findall(r"^    ([a-z|]+)\)", known[1], re.MULTILINE))
    assert drivers == {row["metabase"] for row in rows().values()}
