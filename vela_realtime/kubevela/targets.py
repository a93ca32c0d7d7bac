"""Where topology policies send an Application: the calls of ``vela`` that render it for each namespace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet


@dataclass(frozen=True)
class Run:
    """One call of ``vela``: what it gets, and the namespace where it is not the Application's own."""

    data: dict[str, Any]
    namespace: str = ""
    left_out: AbstractSet[str] = frozenset()
    """The topologies whose objects come from another call; an empty text stands for none."""


def runs(data: dict[str, Any], namespaces: Mapping[str, str]) -> list[Run]:
    """Return the calls that render an Application.

    ``vela`` applies a topology's namespace only as it deploys, so each namespace, by the name of its policy in
    ``namespaces``, needs a call of its own: with what is deployed there and nothing else, since rendering is dear.
    """
    topologies = {item["name"] for item in data["spec"]["policies"] if item["type"] == "topology"}
    steps = data["spec"].get("workflow", {}).get("steps", [])
    # Without steps, KubeVela deploys to every topology.
    deployed = {name for step in steps for name in _named(step, topologies)} if steps else topologies
    apart = {name: to for name, to in namespaces.items() if name in deployed}
    here = _deploying(data, topologies, topologies - apart.keys(), rest=True) if apart else data
    found = [Run(here, left_out=apart.keys())] if here is not None else []
    for name, to in apart.items():
        there = _deploying(data, topologies, {name}, rest=False)
        if there is not None:
            found.append(Run(there, to, {"", *topologies} - {name}))
    return found


def _deploying(
    data: dict[str, Any], topologies: AbstractSet[str], wanted: AbstractSet[str], *, rest: bool
) -> dict[str, Any] | None:
    """Return an Application that deploys to some topologies alone, None where there is nothing to deploy.

    With ``rest``, what is deployed to none by name stays.
    """
    workflow = data["spec"].get("workflow", {})
    if not workflow.get("steps"):
        return data if wanted else None
    steps = []
    for step in workflow["steps"]:
        named = _named(step, topologies)
        if step["type"] != "deploy" or (named <= wanted and (named or rest)):
            steps.append(step)
        elif named & wanted:
            others = [*(named - wanted)]
            policies = [name for name in step["properties"]["policies"] if name not in others]
            steps.append({**step, "properties": {**step["properties"], "policies": policies}})
        else:
            steps.append({"name": step["name"], "type": "suspend"})
    if not any(step["type"] == "deploy" for step in steps):
        return None
    return {**data, "spec": {**data["spec"], "workflow": {**workflow, "steps": steps}}}


def _named(step: dict[str, Any], topologies: AbstractSet[str]) -> set[str]:
    """Return the topologies that a step deploys to."""
    properties = step.get("properties") if step["type"] == "deploy" else None
    policies = properties.get("policies") if isinstance(properties, dict) else None
    names = policies if isinstance(policies, list) else []
    return {name for name in names if isinstance(name, str) and name in topologies}
