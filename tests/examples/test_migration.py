"""docs/migration.md: each property and key that it names is there, and the Application that it ends with is sound."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT
from tests.examples.test_docs import run
from vela_realtime import library
from vela_realtime.library import fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (ROOT / "docs" / "migration.md").read_text()
LIBRARY = library.find()


def rows(heading: str) -> Iterator[list[list[str]]]:
    """Yield what each cell of a row names in code, of the table with a heading."""
    (table,) = re.findall(rf"^\|{heading}\|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    for line in table.splitlines():
        yield [re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split("|")]


def has(schema: dict[str, Any], path: str) -> bool:
    """Tell whether a schema has a property."""
    for step in path.split("."):
        if step not in schema.get("properties", {}):
            return False
        schema = schema["properties"][step]
    return True


@pytest.mark.parametrize(
    ("heading", "definition"),
    [(" in the claim \\| here ", "realtime-platform"), (" in the claim \\| in `webservice` ", "webservice")],
)
def test_what_takes_a_property_of_the_claims_place_is_one(heading: str, definition: str) -> None:
    schema = json.loads((LIBRARY.definitions / "schemas" / f"{definition}.json").read_text())
    named = [path for row in rows(heading) for path in row[1]]
    assert len(named) >= 9
    assert [path for path in named if not has(schema, path)] == []


def test_every_secret_has_the_keys_that_services_know() -> None:
    case = fixtures.Case("realtime-platform", "one", LIBRARY.root, 1, {"name": "name"})
    result = fixtures.render_package(LIBRARY, "realtime-platform", case, "component")
    secrets = {item["metadata"]["name"]: item for item in result.objects.values() if item["kind"] == "Secret"}
    generated = next(
        item["data"]["passwords"] for item in result.objects.values() if "passwords" in item.get("data", {})
    )
    for (name,), before, remark in rows(" Secret \\| keys as before "):
        secret = name.replace("NAME", "name")
        for key in before or [key for key in remark if key.startswith("DB_")]:
            assert key in secrets[secret]["data"] or f"{secret} {key}" in generated, key


def test_the_application_of_the_page_is_sound(tmp_path: Path) -> None:
    (application,) = [
        text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "kind: Application\n" in text
    ]
    (tmp_path / "app.yaml").write_text(application)
    assert run("vela-realtime check app.yaml", tmp_path) == "1 Application: nothing found\n"
