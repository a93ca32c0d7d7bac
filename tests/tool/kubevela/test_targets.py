"""Where topology policies send an Application: what is rendered for each namespace, and nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT
from tests.support import checking
from vela_realtime.documents import collect, loader
from vela_realtime.kubevela import dryrun, targets, vela

if TYPE_CHECKING:
    from vela_realtime import process

POLICIES = """
- {name: here, type: topology}
- {name: blue, type: topology, properties: {namespace: blue}}
- {name: green, type: topology, properties: {namespace: green}}
- {name: big, type: override}
"""
NAMESPACES = {"blue": "blue", "green": "green"}


def told(steps: str | None) -> list[tuple[str, list[Any], set[str]]]:
    """Return each call: its namespace, what its deploy steps name, and the topologies that come from other calls."""
    spec: dict[str, Any] = {"policies": loader.load(POLICIES)}
    if steps is not None:
        spec["workflow"] = {"steps": loader.load(steps)}
    return [
        (
            run.namespace,
            [
                step["properties"].get("policies")
                for step in run.data["spec"].get("workflow", {}).get("steps", ())
                if step["type"] == "deploy"
            ],
            set(run.left_out),
        )
        for run in targets.runs({"spec": spec}, NAMESPACES)
    ]


@pytest.mark.parametrize(
    ("steps", "calls"),
    [
        (
            "[{name: a, type: deploy, properties: {policies: [blue]}},"
            " {name: b, type: deploy, properties: {policies: [green, big]}}]",
            [("blue", [["blue"]], {"", "here", "green"}), ("green", [["green", "big"]], {"", "here", "blue"})],
        ),
        (
            "[{name: a, type: deploy, properties: {policies: [here, blue, big]}}]",
            [("", [["here", "big"]], {"blue"}), ("blue", [["blue", "big"]], {"", "here", "green"})],
        ),
        (
            "[{name: a, type: deploy, properties: {policies: [big]}},"
            " {name: b, type: deploy, properties: {policies: [blue]}}]",
            [("", [["big"]], {"blue"}), ("blue", [["blue"]], {"", "here", "green"})],
        ),
        ("[{name: a, type: deploy, properties: {policies: [here]}}]", [("", [["here"]], set())]),
        ("[{name: a, type: deploy, properties: {}}]", [("", [None], set())]),
        ("[{name: a, type: suspend}]", [("", [], set())]),
        (
            None,
            [
                ("", [], {"blue", "green"}),
                ("blue", [], {"", "here", "green"}),
                ("green", [], {"", "here", "blue"}),
            ],
        ),
    ],
    ids=["each its own", "several in a step", "none by name", "here", "no policies", "nothing deployed", "no steps"],
)
def test_calls(steps: str | None, calls: list[tuple[str, list[Any], set[str]]]) -> None:
    assert told(steps) == calls


def test_vela_is_started_as_often_as_there_are_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no more for anything else, with the definitions that are used and no others."""
    started: list[tuple[str, ...]] = []
    handed: list[list[str]] = []
    real = vela.run

    def run(arguments: Any, *, version: str | None = None) -> process.Completed:
        folder = arguments[arguments.index("-d") + 1]
        started.append(tuple(str(item) for item in arguments if str(item).startswith("-") or item == "dry-run"))
        handed.append(sorted(loader.load(path.read_text())["metadata"]["name"] for path in folder.glob("*.yaml")))
        return real(arguments, version=version)

    monkeypatch.setattr(vela, "run", run)
    known, _ = checking.parts()
    numbers = {}
    for name in ("simple-setup", "multi-environment"):
        (document,) = collect.read([str(ROOT / "examples" / f"{name}.yaml")]).documents
        started.clear()
        outcome = dryrun.render(document, known, use_cache=False)
        assert outcome.ok, outcome.findings
        numbers[name] = len(started)
    assert numbers == {"simple-setup": 1, "multi-environment": 2}
    used = ["deploy", "override", "realtime", "realtime-platform", "scaler", "suspend", "topology", "webservice"]
    assert handed[1:] == [used, used]
