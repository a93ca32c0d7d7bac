"""Who may reach what in each example stands in docs/network, and nothing of it can be taken out unseen."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner

from tests import ROOT
from tests.hermetic import programs
from tests.support.applications import definitions
from vela_realtime.check.load import load
from vela_realtime.check.objects.model import Objects
from vela_realtime.cli import cli
from vela_realtime.errors import ToolError
from vela_realtime.files import read_text
from vela_realtime.graph import network
from vela_realtime.graph.model import graph
from vela_realtime.graph.tables import tables
from vela_realtime.kubernetes.objects import dicts, table
from vela_realtime.kubevela import dryrun
from vela_realtime.kubevela.vela import Rendered
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = ROOT / "docs" / "network"
EXAMPLES = sorted([*(ROOT / "examples").glob("*.yaml"), *(ROOT / "examples").glob("*/application.yaml")])
NAMES = [path.relative_to(ROOT / "examples").with_suffix("").as_posix() for path in EXAMPLES]
SMALLEST = {
    "realtime-platform": "simple-setup",
    "iot-broker": "iot-broker",
    "stream-processor": "stream-processor-alone",
    "analytics-dashboard": "analytics-dashboard",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_an_example_is_what_it_renders(name: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    example = ROOT / "examples" / f"{name}.yaml"
    done = CliRunner().invoke(cli, ["graph", str(example), "--output", str(page)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert read_text(FOLDER / f"{name}.md") == read_text(page), "run scripts/network, and look at what it changes"


def test_each_example_has_a_page_and_each_page_an_example() -> None:
    pages = {path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.md")}
    assert pages == {*NAMES, "README"}
    text = read_text(FOLDER / "README.md")
    assert [name for name in NAMES if f"({name}.md)" not in text] == []


def test_each_component_has_an_example_of_its_own() -> None:
    components = {
        path.name
        for path in (ROOT / "cue").iterdir()
        if (path / "definition.cue").is_file() and '"component"' in (path / "definition.cue").read_text()
    }
    assert set(SMALLEST) == components - {"webservice"}
    for component, name in SMALLEST.items():
        (document,) = yaml.safe_load_all(read_text(ROOT / "examples" / f"{name}.yaml"))
        assert [item["type"] for item in document["spec"]["components"]] == [component]


def objects(name: str) -> list[dict[str, Any]]:
    (document,) = load([str(ROOT / "examples" / f"{name}.yaml")]).applications
    outcome = dryrun.render(document, definitions(None), version=None)
    assert outcome.ok, outcome.findings
    return [item.object for item in outcome.objects]


@pytest.fixture(scope="module")
def smallest() -> list[dict[str, Any]]:
    return objects("simple-setup")


def page(rendered: list[dict[str, Any]]) -> str:
    return tables(graph("a", [Rendered("a", "workload", "", item) for item in rendered]))


def labels(item: dict[str, Any]) -> dict[str, Any]:
    return table(item, "spec", "template", "metadata", "labels")


Place = tuple["str | int", ...]


def places(rendered: list[dict[str, Any]]) -> Iterator[Place]:
    """Yield everything that can be taken out of policies, and every label of pods that a policy asks for."""
    asked = json.dumps([policy["spec"] for policy in policies(rendered)])
    for number, item in enumerate(rendered):
        if item["kind"] != "NetworkPolicy":
            way: Place = (number, "spec", "template", "metadata", "labels")
            yield from ((*way, label) for label in labels(item) if f'"{label}"' in asked)
            continue
        yield (number,)
        yield from (
            (number, "spec", "podSelector", "matchLabels", label)
            for label in item["spec"]["podSelector"]["matchLabels"]
        )
        for direction in ("ingress", "egress"):
            for index, rule in enumerate(item["spec"].get(direction, [])):
                way = (number, "spec", direction, index)
                yield way
                for key in ("from", "to", "ports"):
                    yield from ((*way, key, entry) for entry in range(len(rule.get(key, []))))
                for key in ("from", "to"):
                    for entry, peer in enumerate(rule.get(key, [])):
                        for selector, asks in peer.items():
                            yield from (
                                (*way, key, entry, selector, "matchLabels", name) for name in asks["matchLabels"]
                            )


def without(rendered: list[dict[str, Any]], place: Place) -> list[dict[str, Any]]:
    less: Any = copy.deepcopy(rendered)
    inside = less
    for step in place[:-1]:
        inside = inside[step]
    inside.pop(place[-1])
    return list(less)


def policies(rendered: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in rendered if item["kind"] == "NetworkPolicy"]


def test_nothing_of_the_smallest_platform_can_be_taken_out_unseen(smallest: list[dict[str, Any]]) -> None:
    whole, taken = page(smallest), list(places(smallest))
    assert [place for place in taken if page(without(smallest, place)) == whole] == []
    assert len(taken) > 400


def test_every_right_of_the_smallest_platform_is_seen(smallest: list[dict[str, Any]]) -> None:
    whole = page(smallest)
    for number, item in enumerate(smallest):
        if item["kind"] in {"Role", "RoleBinding", "ServiceAccount"}:
            assert page(without(smallest, (number,))) != whole, item["metadata"]["name"]
        for index, rule in enumerate(item.get("rules", [])):
            for key in ("verbs", "resources", "resourceNames"):
                for entry in range(len(rule[key])):
                    less = without(smallest, (number, "rules", index, key, entry))
                    assert page(less) != whole, (item["metadata"]["name"], key, entry)


# What is beside the Application in a cluster: a pod of nobody's, a client, the collector of metrics, and an address.
OTHERS = (
    ("default", {"app": "stranger"}),
    ("default", {"client.vela-realtime.dev/orders": "true"}),
    ("elsewhere", {"client.vela-realtime.dev/orders": "true"}),
    ("monitoring", {"app": "prometheus"}),
)
ADDRESS = "203.0.113.7"


@pytest.fixture(scope="module")
def oracle() -> Path:
    """Return Cyclonus' reading of policies, which is built the first time."""
    try:
        return gobuild.build(programs.POLICY_ORACLE)
    except ToolError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("name", sorted(SMALLEST.values()))
def test_cyclonus_reads_the_policies_as_we_do(name: str, oracle: Path) -> None:
    found = Objects([*objects(name), *(stranger(number, *other) for number, other in enumerate(OTHERS))])
    ports = sorted({port for policy in policies(list(found.items)) for port in named(policy)} | {("TCP", 12345)})
    ends = [(namespace(found.items[pod.object]), pod.labels) for pod in found.pods]
    peers = [
        {"Namespace": where, "NamespaceLabels": {network.NAMESPACE_NAME: where}, "Labels": carried, "IP": "10.1.0.1"}
        for where, carried in ends
    ]
    question = {
        "Policies": policies(list(found.items)),
        "Peers": [*peers, {"IP": ADDRESS}],
        "Ports": [{"Number": number, "Protocol": protocol} for protocol, number in ports],
    }
    done = subprocess.run([oracle], input=json.dumps(question), capture_output=True, text=True, check=True)
    said = {
        (source, target, ports[port])
        for source, target, port in json.loads(done.stdout)
        if len(peers) not in (source, target) or source != target
    }
    assert said == expanded(found, ports)
    assert len(said) > 100


def stranger(number: int, where: str, carried: dict[str, str]) -> dict[str, Any]:
    template = {"metadata": {"labels": carried}, "spec": {"containers": []}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"other-{number}", "namespace": where},
        "spec": {"template": template},
    }


def namespace(item: dict[str, Any]) -> str:
    return str(item["metadata"].get("namespace", "default"))


def named(policy: dict[str, Any]) -> set[tuple[str, int]]:
    rules = [*dicts(policy["spec"].get("ingress")), *dicts(policy["spec"].get("egress"))]
    return {(entry["protocol"], entry["port"]) for rule in rules for entry in dicts(rule.get("ports"))}


def expanded(found: Objects, ports: list[tuple[str, int]]) -> set[tuple[int, int, tuple[str, int]]]:
    """Return every connection among all pods and one address that our reading allows, one by one.

    A picture names "anyone" and "any address" and leaves out pods of which no policy speaks.
    """
    reach = network.reach(found)
    outside = len(found.pods)
    place = {pod.object: number for number, pod in enumerate(found.pods)}
    closed_in = {place[pod.object] for pod in found.pods if reach.closed(pod)}
    pairs: set[tuple[int, int, tuple[str, int]]] = set()
    anyone: set[tuple[int, tuple[str, int]]] = set()
    anywhere: set[tuple[int, tuple[str, int]]] = set()
    for connection in reach.connections:
        opened = connection.ports.split(", ")
        for port in (port for port in ports if shown(port) in opened or opened == ["all ports"]):
            match connection.source, connection.target:
                case int(source), int(target):
                    pairs.add((place[source], place[target], port))
                case "anyone", int(target):
                    anyone.add((place[target], port))
                case int(source), network.ANY_ADDRESS:
                    anywhere.add((place[source], port))
    # Ours are closed in both directions, others in none.
    ends = range(outside + 1)
    for source in ends:
        for target in ends:
            for port in ports:
                out = source not in closed_in or (source, port) in anywhere
                into = target not in closed_in or (target, port) in anyone
                if out and into and (source, target) != (outside, outside):
                    pairs.add((source, target, port))
    return pairs


def shown(port: tuple[str, int]) -> str:
    return str(port[1]) if port[0] == "TCP" else f"{port[1]}/{port[0]}"
