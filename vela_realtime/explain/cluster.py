"""Explaining an Application on a cluster: its status lines, and the events and logs of what is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vela_realtime.explain.text import Explanation, explain
from vela_realtime.kubevela import kubectl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LINES = "30"
"""How many lines of a Job's log are looked at."""


def look(name: str, namespace: str, options: Sequence[str] = ()) -> tuple[str, list[Explanation]]:
    """Return an Application's phase, and what is missing of it, the status lines' parts first.

    ``options`` go to ``kubectl``: ``--kubeconfig=FILE``.

    Raises:
        ToolError: there is no ``kubectl``, the cluster does not answer, or there is no such Application.
    """
    application = _json(["get", "application.core.oam.dev", name, "--namespace", namespace], options)
    status = application.get("status") or {}
    found: list[Explanation] = []
    for service in status.get("services") or ():
        found += _told(str(service.get("message", "")), namespace, name)
    for step in (status.get("workflow") or {}).get("steps") or ():
        found += _told(str(step.get("message", "")), namespace, name)
    for condition in status.get("conditions") or ():
        if condition.get("status") == "False":
            found += _told(str(condition.get("message", "")), namespace, name)
    made = {
        (str(item.get("kind")), str(item.get("name")))
        for item in status.get("appliedResources") or ()
        if item.get("namespace", namespace) == namespace
    }
    found += _events({item for _, item in made}, namespace, name, options)
    jobs = [item for kind, item in sorted(made) if kind == "Job"]
    found += _logs(jobs, namespace, name, options)
    return str(status.get("status", "")), list(dict.fromkeys(found))


def _json(arguments: Sequence[str], options: Sequence[str]) -> dict[str, Any]:
    done = kubectl.run([*arguments, "--output", "json", *options], hint="name it and its --namespace")
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def _told(text: str, namespace: str, name: str, **more: str) -> list[Explanation]:
    return [item.at({"NS": namespace, "APP": name, **more}) for item in explain(text)]


def _events(names: set[str], namespace: str, name: str, options: Sequence[str]) -> Iterator[Explanation]:
    """Yield what warnings about an Application's objects mean."""
    listed = _json(["get", "events", "--namespace", namespace, "--field-selector=type=Warning"], options)
    for event in listed.get("items", ()):
        of = event.get("involvedObject") or {}
        if _is_of(str(of.get("kind")), str(of.get("name")), names):
            pod = {"POD": str(of["name"])} if of.get("kind") == "Pod" else {}
            yield from _told(str(event.get("message", "")), namespace, name, **pod)


def _is_of(kind: str, name: str, names: set[str]) -> bool:
    """Tell whether something belongs to an Application: pods, and a StatefulSet's claims, are called after it."""
    if kind == "PersistentVolumeClaim":
        return any(f"-{item}-" in f"-{name}" for item in names)  # data-NAME-0
    return name in names or any(name.startswith(f"{item}-") for item in names)


def _logs(jobs: Sequence[str], namespace: str, name: str, options: Sequence[str]) -> Iterator[Explanation]:
    """Yield what the logs of Jobs that are not through mean."""
    if not jobs:
        return
    listed = _json(["get", "jobs", "--namespace", namespace], options)
    for job in listed.get("items", ()):
        title = job["metadata"]["name"]
        conditions = (job.get("status") or {}).get("conditions") or ()
        complete = any(item["type"] == "Complete" and item["status"] == "True" for item in conditions)
        if title not in jobs or complete:
            continue
        command = ["logs", f"job/{title}", "--namespace", namespace, "--all-containers", f"--tail={LINES}"]
        # A Job without a pod has no log.
        said = kubectl.run([*command, *options], ok=(0, 1)).stdout
        yield from _told(said, namespace, name, JOB=title)
