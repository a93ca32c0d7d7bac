"""A cluster as tests see it: ``kubectl``, ``vela``, namespaces, and waiting for things."""

from __future__ import annotations

import fcntl
import json
import os
import re
import tempfile
import time
import urllib.parse
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tests.hermetic import lifecycle, programs
from tests.hermetic.api import Api
from tests.hermetic.node import containerd
from tests.hermetic.nodes import HELD_PREFIX, THEN
from tests.hermetic.state import ClusterError, Folder
from vela_realtime import process, toolchain
from vela_realtime.toolchain import gobuild, pins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.hermetic.node.images import Image
    from tests.hermetic.state import Role
    from vela_realtime.process import Completed

Found = TypeVar("Found")

PATIENCE = 300
"""Seconds after which something is said not to come about. A machine that is busy takes many times what it needs."""

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
"""Labels that make a namespace refuse pods that are not restricted, and warn of workloads that would make some."""

PRIVILEGED = dict.fromkeys(RESTRICTED, "privileged")
"""Labels that make a namespace take any pod."""

_CONFLICTS = 5
"""How often ``vela`` is tried that meets the controller's own writes, which it does not try again itself."""


@dataclass(frozen=True)
class Cluster:
    """A cluster with KubeVela. ``simulated`` says whether its nodes are played by KWOK."""

    kubeconfig: Path
    vela_version: str = pins.DEFAULT_VELA
    simulated: bool = True

    @staticmethod
    @contextmanager
    def start(
        vela: str = pins.DEFAULT_VELA, folder: Path | None = None, *, real_node: bool = False, role: Role = "alone"
    ) -> Iterator[Cluster]:
        """Start a cluster of its own, or join the one that another process has in the same folder.

        It ends when everyone who started or joined it has let go, or has died. With a ``real_node``, a pod is really
        run when the node has all its images, see ``load``; the others are played. Members can be joined to a hub, see
        ``join``.

        Raises:
            ClusterError: it does not start.
        """
        if folder is None:
            with (
                tempfile.TemporaryDirectory(prefix="hermetic-") as own,
                Cluster.start(vela, Path(own), real_node=real_node, role=role) as cluster,
            ):
                yield cluster
            return
        place = Folder(folder)
        with place.held():
            state = lifecycle.ensure(place, vela, bound=True, real_node=real_node, role=role)
            yield Cluster(place.kubeconfig, vela)
        lifecycle.wait_for_end(place, state)

    # Running the two clients

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True, timeout: float = 120) -> Completed:
        """Run ``kubectl``.

        Raises:
            ClusterError: it fails, and ``check`` is set. The message is what it printed.
        """
        program = gobuild.path(programs.KUBECTL)
        return self._run([program if program.is_file() else Path("kubectl"), *arguments], stdin, check, timeout)

    def vela(self, *arguments: str, check: bool = True, timeout: float = 120) -> Completed:
        """Run the ``vela`` that belongs to the cluster's controller; again where the controller wrote meanwhile.

        Raises:
            ClusterError: it fails, and ``check`` is set. The message is what it printed.
        """
        argv: list[Path | str] = [toolchain.vela(self.vela_version), *arguments]
        for _ in range(_CONFLICTS):
            done = self._run(argv, None, False, timeout)
            if "the object has been modified" not in done.stderr:
                break
        if check and not done.ok:
            raise ClusterError(_shortened(done.stderr.strip() or done.stdout.strip()))
        return done

    def _run(self, argv: list[Path | str], stdin: str | None, check: bool, timeout: float) -> Completed:
        with tempfile.TemporaryDirectory(prefix="hermetic-home-") as home:
            env = {"KUBECONFIG": str(self.kubeconfig), "VELA_HOME": home, "HOME": home}
            env["KUBECACHEDIR"] = str(self.kubeconfig.parent / "kubectl-cache")
            done = process.run(argv, env=env, stdin=stdin, timeout=timeout)
        if check and not done.ok:
            raise ClusterError(_shortened(done.stderr.strip() or done.stdout.strip()))
        return done

    def join(self, member: Cluster, name: str) -> None:
        """Join another cluster to this hub, under a name for topologies.

        Raises:
            ClusterError: this is no hub, or the member is not reached.
        """
        self.vela("cluster", "join", str(member.kubeconfig), f"--name={name}")

    def load(self, image: Image) -> None:
        """Give an image to the real node.

        Raises:
            ClusterError: there is no real node, or it does not take the image.
        """
        containerd.load(Folder(self.kubeconfig.parent), image)

    def load_archive(self, archive: Path) -> None:
        """Give an image to the real node, from an archive that ``images.write`` wrote.

        Raises:
            ClusterError: there is no real node, or it does not take the image.
        """
        containerd.load_archive(Folder(self.kubeconfig.parent), archive)

    # Objects

    def create(self, *objects: dict[str, Any], namespace: str = "", dry_run: bool = False) -> None:
        """Create objects.

        Raises:
            ClusterError: the cluster refuses one.
        """
        options = ["--filename=-", *(["--dry-run=server"] * dry_run)]
        self.kubectl("create", *options, *_in(namespace), stdin=_stream(objects))

    def apply(self, *objects: dict[str, Any], namespace: str = "", dry_run: bool = False) -> None:
        """Apply objects on the server's side, every field known to it, with no warning.

        Raises:
            ClusterError: the cluster refuses one, or warns of one.
        """
        options = ["--server-side", "--validate=strict", "--filename=-", *(["--dry-run=server"] * dry_run)]
        done = self.kubectl("apply", *options, *_in(namespace), stdin=_stream(objects))
        warnings = [line for line in done.stderr.splitlines() if line.startswith("Warning:")]
        if warnings:
            raise ClusterError("\n".join(warnings))

    def get(self, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
        """Return an object, or an empty one where there is none."""
        api = _api(self.kubeconfig)
        if api and (path := api.path(kind, namespace)):
            return api.find(f"{path}/{name}")
        done = self.kubectl("get", kind, name, "--output=json", "--ignore-not-found", *_in(namespace))
        found: dict[str, Any] = json.loads(done.stdout or "{}")
        return found

    def items(self, kinds: str, namespace: str = "", selector: str = "") -> list[dict[str, Any]]:
        """Return the objects of some kinds, named as for ``kubectl get``."""
        api = _api(self.kubeconfig)
        paths = [api.path(kind, namespace) for kind in kinds.split(",")] if api else []
        if api and all(paths):
            query = "?" + urllib.parse.urlencode({"labelSelector": selector})
            return [
                {"apiVersion": answer["apiVersion"], "kind": answer["kind"].removesuffix("List"), **item}
                for answer in (api.get(f"{path}{query}") for path in paths)
                for item in answer["items"]
            ]
        chosen = [f"--selector={selector}"] if selector else []
        done = self.kubectl("get", kinds, "--output=json", *chosen, *_in(namespace))
        found: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return found

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        """Delete an object, if it is there, and wait until it is gone."""
        self.kubectl("delete", kind, name, "--ignore-not-found", *_in(namespace))

    # Namespaces and pods

    @contextmanager
    def namespace(self, *, held: bool = False, labels: dict[str, str] | None = None) -> Iterator[str]:
        """Make a namespace of an unused name, in which pods must be restricted, and delete it afterwards.

        When it is ``held``, its pods wait until ``then`` says what becomes of them. Only simulated nodes do that.
        """
        name = f"{HELD_PREFIX if held else 'test-'}{uuid.uuid4().hex[:10]}"
        self.make_namespace(name, labels)
        try:
            yield name
        finally:
            # Its content goes in the background. Applications go first, while their namespace still takes changes.
            self.kubectl("delete", "applications", "--all", "--wait=false", *_in(name), check=False)
            self.kubectl("delete", "namespace", name, "--wait=false", check=False)

    @contextmanager
    def only_here(self, name: str, labels: dict[str, str] | None = None) -> Iterator[None]:
        """Make a namespace of a certain name; another test that wants it too waits until it is gone again."""
        with (self.kubeconfig.parent / f"namespace-{name}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.make_namespace(name, labels)
            try:
                yield
            finally:
                self.kubectl("delete", "applications", "--all", *_in(name), check=False)
                self.kubectl("delete", "namespace", name, check=False)

    def make_namespace(self, name: str, labels: dict[str, str] | None = None) -> None:
        """Make a namespace in which pods must be restricted, unless it is there."""
        metadata = {"name": name, "labels": {**RESTRICTED, **(labels or {})}}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    def then(self, namespace: str, fate: str, selector: str = "") -> None:
        """Say what becomes of the pods that are there: ``ready``, ``fail`` or ``wait``. Their nodes are simulated."""
        api = _api(self.kubeconfig)
        assert api, "pods can be told so on simulated nodes only"
        for pod in self.items("pods", namespace, selector):
            if pod["metadata"].get("annotations", {}).get(THEN) != fate:
                path = f"{api.path('pods', namespace)}/{pod['metadata']['name']}"
                api.merge(path, {"metadata": {"annotations": {THEN: fate}}})

    # Applications

    def phase(self, application: str, namespace: str) -> str:
        """Return an Application's phase, empty before it has one."""
        return str(self.get("application", application, namespace).get("status", {}).get("status", ""))

    def running(self, application: str, namespace: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait until an Application's workflow is through and all its components are healthy; return it.

        Raises:
            ClusterError: it is not so after ``timeout`` seconds. The message has what KubeVela says of it.
        """

        def healthy() -> dict[str, Any] | None:
            found = self.get("application", application, namespace)
            return found if found.get("status", {}).get("status") == "running" else None

        return self.until(healthy, timeout, lambda: self.explain(application, namespace))

    def messages(self, application: str, namespace: str) -> dict[str, str]:
        """Return the status line of each component."""
        services = self.get("application", application, namespace).get("status", {}).get("services", [])
        return {service["name"]: service.get("message", "") for service in services}

    def explain(self, application: str, namespace: str) -> str:
        """Say how an Application is doing, for who reads a failed test."""
        status = self.get("application", application, namespace).get("status", {})
        parts = {key: status[key] for key in ("status", "conditions", "services", "workflow") if key in status}
        pods = self.kubectl("get", "pods", *_in(namespace), check=False).stdout
        events = self.kubectl("get", "events", "--field-selector=type=Warning", *_in(namespace), check=False).stdout
        return f"Application {application}:\n{json.dumps(parts, indent=1)}\n{pods}\n{events}"[-8000:]

    @staticmethod
    def until(
        look: Callable[[], Found | None],
        timeout: float = PATIENCE,
        explain: Callable[[], str] = lambda: "it did not come about",
    ) -> Found:
        """Look again and again until there is something to see, and return it.

        Raises:
            ClusterError: there is nothing after ``timeout`` seconds; ``explain`` says why.
        """
        deadline = time.monotonic() + timeout
        pause = 0.2
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > deadline:
                raise ClusterError(f"after {timeout:g} s: {explain()}")
            # What takes long must not be kept from its work by being watched.
            time.sleep(pause)
            pause = min(1.25 * pause, 2.0)


def foreign() -> Cluster | None:
    """Return the cluster of ``KUBECONFIG``, None where that is not set.

    Raises:
        ClusterError: KubeVela is not there, or in a version that is not pinned.
    """
    named = os.environ.get("KUBECONFIG")
    if not named:
        return None
    cluster = Cluster(Path(named), simulated=False)
    done = cluster.kubectl("get", "deployments", "--all-namespaces", "--output=json")
    images = [
        container["image"]
        for item in json.loads(done.stdout)["items"]
        for container in item["spec"]["template"]["spec"]["containers"]
    ]
    for image in images:
        if match := re.search(r"/vela-core:v?(\d+\.\d+)", image):
            for version in pins.VELA:
                if version.startswith(match[1]):
                    return Cluster(Path(named), version, simulated=False)
            raise ClusterError(f"the cluster of KUBECONFIG runs {image}, and known are {', '.join(pins.VELA)}")
    raise ClusterError("the cluster of KUBECONFIG has no KubeVela", "install it, or unset KUBECONFIG")


@cache
def _api(kubeconfig: Path) -> Api | None:
    """Return what answers in a hundredth of the time that ``kubectl`` needs to start."""
    return Api.at(kubeconfig)


def _shortened(text: str) -> str:
    """Cut the middle out of what is long: the API server quotes whole objects before it says what is wrong."""
    lines = [line if len(line) < 1000 else f"{line[:400]} ... {line[-400:]}" for line in text.splitlines()]
    return "\n".join(lines if len(lines) <= 60 else [*lines[:30], "...", *lines[-30:]])


def _in(namespace: str) -> list[str]:
    return [f"--namespace={namespace}"] if namespace else []


def _stream(objects: tuple[dict[str, Any], ...]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
