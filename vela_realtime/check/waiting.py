"""Steps and components that wait for each other: KubeVela leaves them pending for ever, without a word.

``CheckPending`` in ``pkg/tasks/custom/task.go`` of kubevela/workflow: a step runs when all that it depends
on has ended, and its inputs are there; ``steps`` in ``pkg/executor/workflow.go``: one after another,
where no mode says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vela_realtime.documents.application import Document, Route
    from vela_realtime.findings import Finding

DAG = "DAG"


@dataclass(frozen=True)
class _Wait:
    """What something waits for, and the place that says so: empty where the order of the steps does."""

    target: str
    at: Route = ()


def components(document: Document) -> Iterator[Finding]:
    """Yield components of an Application that depend on each other."""
    graph: dict[str, list[_Wait]] = {}
    for index, item in enumerate(document.data["spec"]["components"]):
        names = item.get("dependsOn") or []
        at: Route = ("spec", "components", index, "dependsOn")
        graph[item["name"]] = [_Wait(name, (*at, place)) for place, name in enumerate(names)]
    yield from _circles(document, graph, "component")


def steps(document: Document, workflow: Mapping[str, Any], outer: Route) -> Iterator[Finding]:
    """Yield steps of a workflow, of the form that the API server takes, that wait for each other."""
    mode = workflow.get("mode") or {}
    graph: dict[str, list[_Wait]] = {}
    given = _givers(workflow)
    before = ""
    for index, step in enumerate(workflow.get("steps") or []):
        at: Route = (*outer, "steps", index)
        name = str(step.get("name") or f"[{index}]")
        own = _waits(step, at, given)
        if before and mode.get("steps") != DAG:
            own.append(_Wait(before))
        inner = _in_group(step, at, given, own, one_by_one=mode.get("subSteps", DAG) != DAG, name=name)
        graph |= inner
        graph[name] = [*own, *(_Wait(sub) for sub in inner)]
        before = name
    yield from _circles(document, graph, "step")


def _in_group(
    step: Mapping[str, Any],
    at: Route,
    given: Mapping[str, str],
    start: Sequence[_Wait],
    *,
    one_by_one: bool,
    name: str,
) -> dict[str, list[_Wait]]:
    """Return what the steps of a group wait for: what the group waits for, and what they say themselves."""
    found: dict[str, list[_Wait]] = {}
    before = ""
    for number, inner in enumerate(step.get("subSteps") or []):
        key = str(inner.get("name") or f"{name}[{number}]")
        found[key] = [*start, *_waits(inner, (*at, "subSteps", number), given)]
        if before and one_by_one:
            found[key].append(_Wait(before))
        before = key
    return found


def _waits(step: Mapping[str, Any], at: Route, given: Mapping[str, str]) -> list[_Wait]:
    names = step.get("dependsOn") or []
    found = [_Wait(name, (*at, "dependsOn", number)) for number, name in enumerate(names)]
    for number, entry in enumerate(step.get("inputs") or []):
        source = str(entry.get("from", "")).partition(".")[0]
        if source in given:
            found.append(_Wait(given[source], (*at, "inputs", number, "from")))
    return found


def _givers(workflow: Mapping[str, Any]) -> dict[str, str]:
    """Return the step that each output comes from, without those that several steps give."""
    found: dict[str, set[str]] = {}
    for step in workflow.get("steps") or []:
        for item in (step, *(step.get("subSteps") or [])):
            for entry in item.get("outputs") or []:
                found.setdefault(str(entry.get("name")), set()).add(str(item.get("name") or ""))
    return {output: next(iter(names)) for output, names in found.items() if len(names) == 1 and "" not in names}


def _circles(document: Document, graph: Mapping[str, Sequence[_Wait]], what: str) -> Iterator[Finding]:
    """Yield a finding for each place that closes a circle of what waits for each other, the shortest way round."""
    said: set[frozenset[str]] = set()
    graph = _stuck(graph)
    for name, waits in graph.items():
        for wait in waits:
            if not wait.at or (way := _way(graph, wait.target, name)) is None or frozenset(way) in said:
                continue
            said.add(frozenset(way))
            if len(way) == 1:
                message = f"the {what} {name} waits for itself, so it never runs"
            elif any(
                not item.at
                for one, other in zip(way, [*way[1:], way[0]], strict=True)
                for item in _between(graph, one, other)
            ):
                message = f"{name} waits for {wait.target}, whose turn comes after it: neither ever runs"
            else:
                message = f"{', '.join(way[:-1])} and {way[-1]} wait for each other, so none of them ever runs"
            yield document.finding(wait.at, "application", message, at_value=True)


def _stuck(graph: Mapping[str, Sequence[_Wait]]) -> dict[str, list[_Wait]]:
    """Return what never gets its turn, and what of it each waits for: all else is taken away, one after another."""
    left = {name: {wait.target for wait in waits if wait.target in graph} for name, waits in graph.items()}
    waiting: dict[str, list[str]] = {}
    for name, targets in left.items():
        for target in targets:
            waiting.setdefault(target, []).append(name)
    ready = [name for name, targets in left.items() if not targets]
    for done in ready:
        for name in waiting.get(done, ()):
            left[name].discard(done)
            if not left[name]:
                ready.append(name)
    gone = set(ready)
    return {
        name: [wait for wait in waits if wait.target not in gone] for name, waits in graph.items() if name not in gone
    }


def _between(graph: Mapping[str, Sequence[_Wait]], one: str, other: str) -> list[_Wait]:
    waits = [wait for wait in graph[one] if wait.target == other]
    return [wait for wait in waits if wait.at] or waits


def _way(graph: Mapping[str, Sequence[_Wait]], start: str, end: str) -> list[str] | None:
    """Return the shortest way from what is waited for back to what waits, the latter first, None if there is none."""
    ways = {start: [start]}
    todo = [start]
    for name in todo:
        if name == end:
            return [end, *ways[name][:-1]]
        for wait in graph.get(name, ()):
            if wait.target not in ways:
                ways[wait.target] = [*ways[name], wait.target]
                todo.append(wait.target)
    return None
