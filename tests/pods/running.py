"""What runs in a namespace, as the tests of this folder ask for it."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.cluster.checks import application
from tests.hermetic.node.admission import PLAYED_PARTS
from tests.hermetic.node.kubernetes import NODE
from tests.hermetic.state import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.hermetic import Cluster
    from vela_realtime.process import Completed

CALLS_PLAYED_PARTS = ("lenses-environment", "metabase-setup", "metabase-alerts", "processors")
"""Jobs that speak to a server whose image cannot be had, and which is therefore played."""

CONNECT = ("connect", "connectors")
"""Connect, for tests of something else: it takes a JVM of its own, and runs in ``test_connect.py``."""

PATIENCE = 600
"""Seconds that anything may take: two cores run all of it, and may have other things to do."""


@dataclass(frozen=True)
class Running:
    """A namespace and what runs in it, or only what is called after one instance, where several have the same parts."""

    cluster: Cluster
    namespace: str
    instance: str = ""

    def of(self, instance: str) -> Running:
        """Return the same namespace, seen for one instance only."""
        return replace(self, instance=instance)

    def _labels(self, part: str) -> str:
        labels = {"app.kubernetes.io/name": part, "app.kubernetes.io/instance": self.instance}
        return ",".join(f"{key}={value}" for key, value in labels.items() if value)

    @property
    def inside(self) -> str:
        """The option by which ``kubectl`` looks into the namespace."""
        return f"--namespace={self.namespace}"

    def apply(self, application: dict[str, Any]) -> None:
        """Apply an Application. KubeVela's webhook has half a minute for it, which a busy machine may need longer than.

        Raises:
            ClusterError: it is refused.
        """

        def applied() -> bool:
            try:
                self.cluster.apply(application, namespace=self.namespace)
            except ClusterError as error:
                if "context deadline exceeded" in error.message:
                    return False
                raise
            return True

        self.cluster.until(applied, PATIENCE, lambda: "KubeVela's webhook does not answer in time")

    def running(self, application: str) -> dict[str, Any]:
        """Wait until an Application is healthy; return it."""
        return self.cluster.running(application, self.namespace, PATIENCE)

    def pods(self, part: str = "", *, real: bool = False) -> list[dict[str, Any]]:
        """Return the pods of a part, or of all, maybe only those that really run; none that are going."""
        found = self.cluster.items("pods", self.namespace, self._labels(part))
        there = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return [pod for pod in there if not real or pod["spec"].get("nodeName") == NODE]

    def pod(self, part: str) -> str:
        """Return the name of the one pod of a part."""
        (pod,) = self.pods(part)
        return str(pod["metadata"]["name"])

    def restarts(self) -> dict[str, int]:
        """Return how often each container that really runs was started anew."""
        return {
            f"{pod['metadata']['name']}/{state['name']}": state["restartCount"]
            for pod in self.pods(real=True)
            for kind in ("initContainerStatuses", "containerStatuses")
            for state in pod["status"].get(kind, [])
        }

    def execute(self, pod: str, *command: str, stdin: str | None = None, check: bool = True) -> Completed:
        """Run a command in a pod.

        Raises:
            ClusterError: it fails, and ``check`` is set.
        """
        interactive = ["--stdin"] if stdin is not None else []
        arguments = ["exec", *interactive, pod, self.inside, "--", *command]
        return self.cluster.kubectl(*arguments, stdin=stdin, check=check, timeout=PATIENCE)

    def shell(self, pod: str, script: str) -> str:
        """Run a line of shell in a pod, and return what it prints."""
        return self.execute(pod, "sh", "-c", script).stdout.strip()

    def logs(self, part: str) -> str:
        """Return what the pods of a part have written."""
        options = [f"--selector={self._labels(part)}", "--all-containers", "--tail=-1"]
        return self.cluster.kubectl("logs", *options, self.inside, check=False).stdout

    def metrics(self, pod: str, port: int) -> str:
        """Return what a pod tells Prometheus, read from the node, which policies let through."""
        return self.cluster.kubectl(
            "get", "--raw", f"/api/v1/namespaces/{self.namespace}/pods/{pod}:{port}/proxy/metrics"
        ).stdout

    def secret(self, name: str) -> dict[str, str]:
        """Return a Secret in clear."""
        data = self.cluster.get("secret", name, self.namespace).get("data", {})
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def jobs(self, part: str) -> list[dict[str, Any]]:
        """Return the Jobs of a part: one, or for a moment two when it changes. A CronJob's are none of them."""
        found = self.cluster.items("jobs", self.namespace, self._labels(part))
        return [job for job in found if not job["metadata"].get("ownerReferences")]

    def job(self, part: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait until the Job of a part is complete; return it.

        Raises:
            ClusterError: it is not after ``timeout`` seconds.
        """

        def complete() -> dict[str, Any] | None:
            return next((job for job in self.jobs(part) if is_complete(job)), None)

        return self.cluster.until(
            complete, timeout, lambda: f"the Job {part} is not complete:\n{self.logs(part)[-3000:]}"
        )

    def ready(self, part: str, count: int = 1, timeout: float = PATIENCE) -> list[dict[str, Any]]:
        """Wait until so many pods of a part are ready by their own probes, and there are no others; return them.

        Raises:
            ClusterError: it is not so after ``timeout`` seconds.
        """

        def there() -> list[dict[str, Any]] | None:
            pods = self.pods(part)
            return pods if len(pods) == count and all(is_ready(pod) for pod in pods) else None

        return self.cluster.until(there, timeout, lambda: f"{part} is not ready:\n{self.logs(part)[-3000:]}")

    def client(self, name: str, image: str, uid: int, *components: str, **spec: Any) -> str:
        """Start a pod that only waits, for commands to be run in, and wait until it runs. Return its name.

        It has the labels by which the policies of the named ``components`` admit it.
        """
        admitted = {f"client.vela-realtime.dev/{component}": "true" for component in components}
        part = f"client-{name}"
        pod = waiting_pod(name, image, uid, {"app.kubernetes.io/name": part, **admitted}, **spec)
        self.cluster.apply(pod, namespace=self.namespace)
        self.ready(part)
        return name


@contextmanager
def namespace(cluster: Cluster, played: Sequence[str] = (), labels: dict[str, str] | None = None) -> Iterator[Running]:
    """Make a namespace, in which the named parts are played, and remove it at the end.

    Pods must be restricted unless ``labels`` say otherwise.
    """
    with cluster.namespace(labels=labels) as name:
        cluster.kubectl("annotate", "namespace", name, f"{PLAYED_PARTS}={' '.join((*CALLS_PLAYED_PARTS, *played))}")
        running = Running(cluster, name)
        try:
            yield running
        finally:
            # Two cores are not enough for two tests' servers.
            cluster.kubectl("delete", "applications", "--all", running.inside, check=False, timeout=PATIENCE)
            for kind in ("statefulsets", "deployments", "jobs", "pods"):
                options = ["--all", "--grace-period=1", running.inside]
                cluster.kubectl("delete", kind, *options, check=False, timeout=PATIENCE)


def waiting_pod(name: str, image: str, uid: int, labels: dict[str, str], **spec: Any) -> dict[str, Any]:
    """Return a restricted pod that only waits, for commands to be run in. ``spec`` is more of its container's."""
    container = {
        "name": "client",
        "image": image,
        "command": ["sleep", "86400"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "env": [{"name": "LOG_DIR", "value": "/tmp/logs"}],
        **spec,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": uid,
                "runAsGroup": uid,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }


def is_ready(pod: dict[str, Any]) -> bool:
    """Tell whether a pod is ready."""
    return _has(pod, "Ready")


def is_complete(job: dict[str, Any]) -> bool:
    """Tell whether a Job is complete."""
    return _has(job, "Complete")


def _has(item: dict[str, Any], condition: str) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(one["type"] == condition and one["status"] == "True" for one in conditions)


def platform(name: str, **properties: Any) -> dict[str, Any]:
    """Return an Application of one platform that is small."""
    return component(name, "realtime-platform", size="small", **properties)


def component(name: str, kind: str, **properties: Any) -> dict[str, Any]:
    """Return an Application of one component, both of the same name."""
    return application(name, {"name": name, "type": kind, "properties": {"name": name, **properties}})


def messages(log: str) -> list[str]:
    """Return what a log of JSON lines says; other lines are left out."""
    found = []
    for line in log.splitlines():
        try:
            found.append(str(json.loads(line)["message"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found


__all__ = [
    "ClusterError",
    "Running",
    "component",
    "is_complete",
    "is_ready",
    "messages",
    "namespace",
    "platform",
    "waiting_pod",
]
