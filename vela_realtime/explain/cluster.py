"""Explaining an Application on a cluster: its status lines, and the events and logs of what is missing."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vela_realtime.errors import ToolError
from vela_realtime.explain.text import Explanation, explain
from vela_realtime.kubevela import kubectl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LINES = "30"
"""How many lines of a Job's log are looked at."""


LOCAL = "local"
"""What KubeVela calls the cluster that it runs on itself."""

_MEMBER = "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/{}/proxy"
"""Where KubeVela's cluster gateway has the API of a cluster that is joined to its own."""


@dataclass(frozen=True)
class _Application:
    """An Application, and how ``kubectl`` comes to its cluster."""

    name: str
    namespace: str
    options: tuple[str, ...]

    @cached_property
    def server(self) -> str:
        """Return the address of its cluster's API server."""
        view = ["config", "view", "--minify", "--output=jsonpath={.clusters[0].cluster.server}"]
        return kubectl.run([*view, *self.options]).stdout.strip()


@dataclass(frozen=True)
class _Place:
    """A namespace of a cluster in which an Application has objects."""

    application: _Application
    cluster: str
    namespace: str

    @property
    def label(self) -> str:
        """Return what people call it; nothing where it is the Application's own."""
        if self.cluster != LOCAL:
            return f"cluster {self.cluster}, namespace {self.namespace}"
        return f"namespace {self.namespace}" if self.namespace != self.application.namespace else ""

    @property
    def options(self) -> list[str]:
        """Return what ``kubectl`` needs to look there: a member is reached through the hub."""
        server = f"--server={self.application.server}{_MEMBER.format(self.cluster)}" if self.cluster != LOCAL else ""
        return [*self.application.options, f"--namespace={self.namespace}", *([server] if server else [])]

    def told(self, text: str, **more: str) -> list[Explanation]:
        """Return what a text from there means."""
        known = {"NS": self.namespace, "APP": self.application.name, **more}
        return [replace(item.at(known), where=self.label) for item in explain(text)]

    def unreachable(self, error: ToolError) -> Explanation:
        """Return that nobody could look."""
        means = "its events and logs could not be read through KubeVela's cluster gateway"
        why = "the cluster is away, or you have no right to its clustergateways/proxy"
        return Explanation(error.message, means, why, f"vela cluster probe {self.cluster}", "clusters.md", self.label)


def look(name: str, namespace: str, options: Sequence[str] = ()) -> tuple[str, list[Explanation]]:
    """Return an Application's phase, and what is missing of it, the status lines' parts first.

    It is looked for in each cluster and namespace that the Application has objects in. ``options`` go to ``kubectl``:
    ``--kubeconfig=FILE``.

    Raises:
        ToolError: there is no ``kubectl``, the cluster does not answer, or there is no such Application.
    """
    application = _Application(name, namespace, tuple(options))
    here = _Place(application, LOCAL, namespace)
    status = _json(["get", "application.core.oam.dev", name], here).get("status") or {}
    found: list[Explanation] = []
    for service in status.get("services") or ():
        found += _place(application, service).told(str(service.get("message", "")))
    for step in (status.get("workflow") or {}).get("steps") or ():
        found += here.told(str(step.get("message", "")))
    for condition in status.get("conditions") or ():
        if condition.get("status") == "False":
            found += here.told(str(condition.get("message", "")))
    made: dict[_Place, set[tuple[str, str]]] = {here: set()}
    for item in status.get("appliedResources") or ():
        made.setdefault(_place(application, item), set()).add((str(item.get("kind")), str(item.get("name"))))
    for place, objects in made.items():
        try:
            found += _events({item for _, item in objects}, place)
            found += _logs([item for kind, item in sorted(objects) if kind == "Job"], place)
        except ToolError as error:
            if place.cluster == LOCAL:
                raise
            found.append(place.unreachable(error))
    return str(status.get("status", "")), list(dict.fromkeys(found))


def _place(application: _Application, item: dict[str, Any]) -> _Place:
    """Return where a service or an object of an Application's status is. An object of the cluster has no namespace."""
    return _Place(application, item.get("cluster") or LOCAL, item.get("namespace") or application.namespace)


def _json(arguments: Sequence[str], place: _Place) -> dict[str, Any]:
    done = kubectl.run([*arguments, "--output", "json", *place.options], hint="name it and its --namespace")
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def _events(names: set[str], place: _Place) -> Iterator[Explanation]:
    """Yield what warnings about an Application's objects mean."""
    listed = _json(["get", "events", "--field-selector=type=Warning"], place)
    for event in listed.get("items", ()):
        of = event.get("involvedObject") or {}
        if _is_of(str(of.get("kind")), str(of.get("name")), names):
            pod = {"POD": str(of["name"])} if of.get("kind") == "Pod" else {}
            yield from place.told(str(event.get("message", "")), **pod)


def _is_of(kind: str, name: str, names: set[str]) -> bool:
    """Tell whether something belongs to an Application: pods, and a StatefulSet's claims, are called after it."""
    if kind == "PersistentVolumeClaim":
        return any(f"-{item}-" in f"-{name}" for item in names)  # data-NAME-0
    return name in names or any(name.startswith(f"{item}-") for item in names)


def _logs(jobs: Sequence[str], place: _Place) -> Iterator[Explanation]:
    """Yield what the logs of Jobs that are not through mean."""
    if not jobs:
        return
    for job in _json(["get", "jobs"], place).get("items", ()):
        title = job["metadata"]["name"]
        conditions = (job.get("status") or {}).get("conditions") or ()
        complete = any(item["type"] == "Complete" and item["status"] == "True" for item in conditions)
        if title not in jobs or complete:
            continue
        command = ["logs", f"job/{title}", "--all-containers", f"--tail={LINES}"]
        # A Job without a pod has no log.
        said = kubectl.run([*command, *place.options], ok=(0, 1)).stdout
        yield from place.told(said, JOB=title)
