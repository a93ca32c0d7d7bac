"""Each kind of change, shown by a case, and what it asks of the version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from vela_realtime.diff import definitions, objects, parameters, versions
from vela_realtime.diff.kinds import KINDS, Bump
from vela_realtime.diff.snapshot import Definition, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vela_realtime.diff.kinds import Change

HERE = Path(__file__).parent
PARAMETERS = yaml.safe_load((HERE / "parameters.yaml").read_text())
OBJECTS = yaml.safe_load((HERE / "objects.yaml").read_text())


def told(changes: Iterable[Change]) -> list[str]:
    return [f"{item.kind.id} {item.where}: {item.message}" for item in changes]


@pytest.mark.parametrize("case", PARAMETERS, ids=lambda case: case["name"])
def test_parameters(case: dict[str, Any]) -> None:
    old, new = ({"type": "object", **case[part]} for part in ("old", "new"))
    assert told(parameters.compare("component shop", old, new)) == case["changes"]


@pytest.mark.parametrize("case", OBJECTS, ids=lambda case: case["name"])
def test_objects(case: dict[str, Any]) -> None:
    assert (
        told(objects.compare("component shop", case.get("instance", "shop"), case["old"], case["new"]))
        == case["changes"]
    )


def component(template: str = "", **spec: Any) -> Definition:
    body = {"schematic": {"cue": {"template": template}}, **spec}
    return Definition({"kind": "ComponentDefinition", "metadata": {"name": "shop"}, "spec": body})


def trait(**spec: Any) -> Definition:
    return Definition({"kind": "TraitDefinition", "metadata": {"name": "sale"}, "spec": spec})


def compared(old: list[Definition], new: list[Definition]) -> list[str]:
    snapshots = [Snapshot("", {(item.type, item.name): item for item in items}) for items in (old, new)]
    return [
        f"{item.kind.id} {item.definition} {item.where}: {item.message}" for item in definitions.compare(*snapshots)
    ]


OPTIONAL = Definition({"kind": "ComponentDefinition", "metadata": {"name": "shop"}, "spec": {}}, optional=True)
PLAIN = Definition({"kind": "ComponentDefinition", "metadata": {"name": "shop"}, "spec": {}})

DEFINITIONS: list[tuple[str, list[Definition], list[Definition], list[str]]] = [
    ("went", [component()], [], ["definition-removed component shop : is gone"]),
    ("came", [], [trait()], ["definition-added trait sale : is new"]),
    ("is not installed by itself", [PLAIN], [OPTIONAL], ["definition-optional component shop : moved to optional/"]),
    (
        "another kind of workload",
        [component(workload={"type": "a"})],
        [component(workload={"type": "b"})],
        ['attributes-tightened component shop workload: is {"type": "b"}, was {"type": "a"}'],
    ),
    (
        "fewer workloads",
        [trait(appliesToWorkloads=["a", "b"])],
        [trait(appliesToWorkloads=["a"])],
        ['attributes-tightened trait sale appliesToWorkloads: is ["a"], was ["a", "b"]'],
    ),
    (
        "some workloads where all were",
        [trait()],
        [trait(appliesToWorkloads=["a"])],
        ['attributes-tightened trait sale appliesToWorkloads: is ["a"], was not set'],
    ),
    (
        "more workloads",
        [trait(appliesToWorkloads=["a"])],
        [trait(appliesToWorkloads=["a", "b"])],
        ['attributes-changed trait sale appliesToWorkloads: is ["a", "b"], was ["a"]'],
    ),
    (
        "a new conflict",
        [trait()],
        [trait(conflictsWith=["a"])],
        ['attributes-tightened trait sale conflictsWith: is ["a"], was not set'],
    ),
    (
        "another health",
        [component(status={"healthPolicy": "a", "customStatus": "c"})],
        [component(status={"healthPolicy": "b", "customStatus": "c"})],
        ["status-changed component shop : healthPolicy changed"],
    ),
    (
        "another text",
        [component("a: 1")],
        [component("a: 2")],
        ["template-changed component shop : the template changed"],
    ),
    ("another version alone", [component(version="1.0.0")], [component(version="1.0.1")], []),
]


@pytest.mark.parametrize(("name", "old", "new", "changes"), DEFINITIONS, ids=[item[0] for item in DEFINITIONS])
def test_definitions(name: str, old: list[Definition], new: list[Definition], changes: list[str]) -> None:
    assert compared(old, new) == changes


IMMUTABLE = """\
parameter: #Parameter
parameter: {
	// +immutable
	name: _
	kafkaConfig: {
		// +immutable
		controllers: _
		...
	}
	...
}
#Parameter: name: string
"""


def test_immutable_parameters_are_found_where_kubevela_looks_for_them() -> None:
    assert component(IMMUTABLE).immutable == {"name", "kafkaConfig.controllers"}
    # KubeVela does not follow a reference, and so neither does this.
    assert component("parameter: #P\n#P: {\n\t// +immutable\n\tname: string\n}\n").immutable == set()


def test_what_becomes_immutable_and_what_is_so_no_more() -> None:
    changes = told(parameters.compare_immutable("component shop", frozenset({"size"}), frozenset({"name"})))
    assert changes == [
        "immutable-added name: can be changed no more once it is set",
        "immutable-removed size: can be changed",
    ]


def test_every_kind_has_a_case() -> None:
    cases = [*PARAMETERS, *OBJECTS]
    shown = {text.partition(" ")[0] for case in cases for text in case["changes"]}
    shown |= {text.partition(" ")[0] for _, _, _, changes in DEFINITIONS for text in changes}
    shown |= {"immutable-added", "immutable-removed"}  # the test above
    shown |= {"render-fails"}  # tests/tool/diff/test_run.py
    assert set(KINDS) == shown


@pytest.mark.parametrize(
    ("old", "bump", "wanted"),
    [
        ("1.2.3", Bump.NONE, "1.2.3"),
        ("1.2.3", Bump.PATCH, "1.2.4"),
        ("1.2.3", Bump.MINOR, "1.3.0"),
        ("1.2.3", Bump.MAJOR, "2.0.0"),
        ("0.2.3", Bump.MAJOR, "0.3.0"),  # before 1.0.0 anything may change
        ("0.2.3", Bump.MINOR, "0.2.4"),
        ("", Bump.MAJOR, ""),
    ],
)
def test_the_version_that_is_asked_for(old: str, bump: Bump, wanted: str) -> None:
    assert versions.next_version(old, bump) == wanted


@pytest.mark.parametrize(
    ("old", "new", "bump", "enough"),
    [
        ("1.2.3", "1.2.3", Bump.NONE, True),
        ("1.2.3", "1.2.3", Bump.PATCH, False),
        ("1.2.3", "1.10.0", Bump.MINOR, True),
        ("1.9.0", "1.10.0", Bump.MAJOR, False),
        ("1.9.0", "2.0.0", Bump.MAJOR, True),
        ("1.9.0", "1.8.0", Bump.NONE, False),
        ("1.9.0", "", Bump.PATCH, False),
        ("", "1.0.0", Bump.MAJOR, True),
    ],
)
def test_whether_a_version_is_high_enough(old: str, new: str, bump: Bump, enough: bool) -> None:
    assert versions.high_enough(old, new, bump) is enough
