"""What is known of KubeVela's own definitions without ``vela``, for each version."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import checking
from vela_realtime import toolchain
from vela_realtime.errors import ToolError
from vela_realtime.kubevela import builtins
from vela_realtime.kubevela.builtins import Builtins

if TYPE_CHECKING:
    from vela_realtime.findings import Finding

SCRIPT = Path(__file__).parents[3] / "scripts" / "kubevela-builtins"


@pytest.mark.parametrize("version", builtins.versions())
def test_all_that_the_chart_installs_is_known(version: str) -> None:
    source = toolchain.kubevela_source(version)
    if source is None:
        pytest.skip(f"KubeVela {version} is missing: scripts/setup --tools compat brings it")
    chart = source / "charts" / "vela-core" / "templates" / "defwithtemplate"
    script = runpy.run_path(str(SCRIPT))
    known = Builtins(version)
    installed = set()
    for path in chart.glob("*.yaml"):
        text = path.read_text()
        kind = script["KINDS"][re.search(r"^kind: (\w+)$", text, re.MULTILINE)[1]]  # type: ignore[index]
        name = re.search(r"^  name: (\S+)$", text, re.MULTILINE)[1]  # type: ignore[index]
        installed.add((kind, name))
        found = known.find(kind, name)
        assert found is not None, f"{kind} {name}: run scripts/kubevela-builtins"
        assert found.deprecated == ("definition.oam.dev/deprecated" in text)
    kinds = ("component", "trait", "policy", "workflow-step")
    everything = {(kind, name) for kind in kinds for name in known.names(kind, deprecated=True)}
    assert everything - installed == set(builtins.NATIVE)


@pytest.mark.parametrize("name", ["component/webservice", "trait/gateway", "policy/topology"])
def test_parameters_are_those_of_the_chart(name: str) -> None:
    source = toolchain.kubevela_source()
    assert source is not None
    path = source / "charts" / "vela-core" / "templates" / "defwithtemplate" / f"{name.partition('/')[2]}.yaml"
    key, form = runpy.run_path(str(SCRIPT))["_definition"](path)
    assert (key, form) == (
        name,
        json.loads(Path(builtins.__file__).with_name("builtins.json").read_text())["definitions"][name][-1][1],
    )


def test_there_are_facts_and_no_texts() -> None:
    def keys(schema: Any) -> set[str]:
        if not isinstance(schema, dict):
            return set()
        inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
        return set(schema) | {key for item in inner for key in keys(item)}

    known = Builtins()
    found = {
        key
        for kind in ("component", "trait", "policy", "workflow-step")
        for name in known.names(kind, deprecated=True)
        for key in keys(known.find(kind, name).schema)  # type: ignore[union-attr]
    }
    assert not found & {"description", "title"}


@pytest.mark.parametrize(
    ("text", "version"),
    [("", "1.11.0"), ("1.10", "1.10.8"), ("v1.10.8", "1.10.8"), ("1.11.0", "1.11.0"), ("1.11.3", "1.11.0")],
)
def test_a_version_is_named_as_people_do(text: str, version: str) -> None:
    assert builtins.version(text) == version


@pytest.mark.parametrize("text", ["1.9", "2", "latest", "1"])
def test_a_version_that_is_not_known(text: str) -> None:
    with pytest.raises(ToolError, match=f"KubeVela {text} is not a version that this tool knows"):
        builtins.version(text)


def test_what_came_with_a_version_is_not_in_the_one_before() -> None:
    assert Builtins("1.10").find("component", "helmchart") is None
    assert Builtins("1.11").find("component", "helmchart") is not None


def test_what_came_with_a_version_is_said_to_be_in_that_one() -> None:
    assert Builtins("1.10").elsewhere("component", "helmchart") == "1.11.0"
    assert Builtins("1.11").elsewhere("component", "helmchart") == ""
    assert Builtins("1.10").elsewhere("component", "webservice") == "1.11.0"
    assert Builtins("1.10").elsewhere("component", "nowhere") == ""


@pytest.mark.parametrize("path", checking.accepted(), ids=lambda path: path.stem)
def test_what_kubevela_takes_is_left_alone(path: Path) -> None:
    def shown(findings: list[Finding]) -> list[str]:
        return [checking.shown(finding) for finding in findings]

    assert shown(checking.check_files(path).findings) == []
