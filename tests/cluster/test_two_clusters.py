"""Two clusters that KubeVela's cluster gateway joins: the definitions are on the hub alone, the platforms on both."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.cluster.checks import LIBRARY, application, install_definitions, names
from tests.cluster.conftest import VERSIONS
from tests.cluster.test_explain import explain
from tests.hermetic import Cluster, programs
from tests.hermetic.cluster import PRIVILEGED
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif("KUBECONFIG" in os.environ, reason="the cluster is somebody else's")

MEMBER = "production"
"""What the second cluster is called on the hub."""


@dataclass(frozen=True)
class Joined:
    """A hub and the member that is joined to it."""

    hub: Cluster
    member: Cluster

    @contextmanager
    def namespace(self, *, held: bool = False) -> Iterator[str]:
        """Make a namespace of the same name in both."""
        with self.hub.namespace(held=held, labels=PRIVILEGED) as name:
            self.member.make_namespace(name, PRIVILEGED)
            try:
                yield name
            finally:
                self.hub.kubectl("delete", "applications", "--all", f"--namespace={name}", check=False)
                self.member.kubectl("delete", "namespace", name, "--wait=false", check=False)


@pytest.fixture(scope="session", params=VERSIONS)
def joined(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    """Return two clusters, joined as ``vela cluster join`` does it."""
    gobuild.build(programs.CLUSTER_GATEWAY)
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # where the workers of a run meet
    with ExitStack() as running:
        hub = running.enter_context(Cluster.start(request.param, base / f"hub-{request.param}", role="hub"))
        member = running.enter_context(Cluster.start(request.param, base / f"member-{request.param}", role="member"))
        with (base / f"joining-{request.param}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not hub.get("secret", MEMBER, "vela-system"):
                hub.join(member, MEMBER)
                install_definitions(hub)
        yield Joined(hub, member)


def example(name: str) -> dict[str, Any]:
    """Return an example's Application."""
    found: dict[str, Any] = yaml.safe_load((LIBRARY.examples / f"{name}.yaml").read_text())
    return found


def services(cluster: Cluster, name: str, namespace: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what an Application's status says, by cluster and component."""
    found = cluster.get("application", name, namespace).get("status", {}).get("services", [])
    return {(item["cluster"], item["name"]): item for item in found}


KINDS = (
    *("deployments", "statefulsets", "jobs", "services", "networkpolicies"),
    *("configmaps", "secrets", "serviceaccounts", "roles", "rolebindings"),
)


def left(cluster: Cluster, namespace: str) -> list[str]:
    """Return what components have in a namespace, but for the volumes, which stay."""
    return names(cluster.items(",".join(KINDS), namespace, "app.oam.dev/component"))


def test_a_member_has_nothing_of_kubevela(joined: Joined) -> None:
    assert "core.oam.dev" not in joined.member.kubectl("api-resources", "--output=name").stdout
    assert MEMBER in joined.hub.vela("cluster", "list").stdout


def test_each_environment_goes_to_its_cluster_with_what_differs_there(joined: Joined) -> None:
    hub, member = joined.hub, joined.member
    name = "multi-environment"
    with joined.namespace() as home, joined.namespace() as staging, joined.namespace(held=True) as production:
        environments = example(name)
        places = {"to-staging": ("local", staging), "to-production": (MEMBER, production)}
        for policy in environments["spec"]["policies"]:
            if policy["name"] in places:
                cluster, namespace = places[policy["name"]]
                policy["properties"] = {"clusters": [cluster], "namespace": namespace}
        hub.apply(environments, namespace=home)
        hub.until(lambda: hub.phase(name, home) == "workflowSuspending", explain=lambda: hub.explain(name, home))
        assert left(member, staging) == left(member, production) == left(hub, production) == []
        kafka = hub.get("statefulset", "orders-streaming-kafka", staging)
        assert kafka["spec"]["replicas"] == 1
        assert kafka["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"] == {
            "cpu": "500m",
            "memory": "1Gi",
        }

        hub.vela("workflow", "resume", name, f"--namespace={home}")
        status = hub.until(
            lambda: found if "kafka 0/3" in _said(found := services(hub, name, home), MEMBER, "streaming") else None,
            explain=lambda: hub.explain(name, home),
        )
        assert not status[MEMBER, "streaming"]["healthy"]
        assert status["local", "streaming"]["healthy"]

        def healthy() -> bool:
            member.then(production, "ready")
            return hub.phase(name, home) == "running"

        hub.until(healthy, explain=lambda: hub.explain(name, home))
        status = services(hub, name, home)
        assert all(item["healthy"] for item in status.values())
        assert "kafka 3/3" in _said(status, MEMBER, "streaming")
        assert "kafka 1/1" in _said(status, "local", "streaming")
        kafka = member.get("statefulset", "orders-streaming-kafka", production)
        assert kafka["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"] == {
            "cpu": "4",
            "memory": "8Gi",
        }
        assert member.get("deployment", "orders", production)["spec"]["replicas"] == 3
        assert hub.get("deployment", "orders", staging)["spec"]["replicas"] == 1
        assert left(hub, production) == left(member, staging) == []
        said = hub.vela("status", name, f"--namespace={home}").stdout
        assert f"Cluster: {MEMBER}" in said

        hub.delete("application", name, home)
        hub.until(lambda: not left(hub, staging), explain=lambda: str(left(hub, staging)))
        hub.until(lambda: not left(member, production), explain=lambda: str(left(member, production)))
        assert len(member.items("persistentvolumeclaims", production)) == 5


def _said(status: dict[tuple[str, str], dict[str, Any]], cluster: str, component: str) -> str:
    return str(status.get((cluster, component), {}).get("message", ""))


def test_what_is_missing_is_told_of_each_cluster(joined: Joined) -> None:
    properties = {"name": "devices", "storage": {"class": "nowhere"}}
    devices = application("devices", {"name": "broker", "type": "iot-broker", "properties": properties})
    with joined.namespace() as home, joined.namespace(held=True) as here, joined.namespace(held=True) as there:
        devices["spec"]["policies"] = [
            {"name": name, "type": "topology", "properties": {"clusters": [cluster], "namespace": namespace}}
            for name, cluster, namespace in (("here", "local", here), ("there", MEMBER, there))
        ]
        joined.hub.apply(devices, namespace=home)
        places = (f"  where: namespace {here}", f"  where: cluster {MEMBER}, namespace {there}")
        missing = "  means: there is no storage class of this name"

        def told() -> bool:
            lines = explain(joined.hub, home, "devices").output.splitlines()
            pairs = list(pairwise(lines))
            return all((place, missing) in pairs and ("mqtt 0/1", place) in pairs for place in places)

        joined.hub.until(told, explain=lambda: explain(joined.hub, home, "devices").output)


def test_a_namespace_that_a_member_lacks_is_told(joined: Joined) -> None:
    devices = application("devices", {"name": "broker", "type": "iot-broker", "properties": {"name": "devices"}})
    nowhere = {"clusters": [MEMBER], "namespace": "nowhere"}
    devices["spec"]["policies"] = [{"name": "there", "type": "topology", "properties": nowhere}]
    with joined.namespace() as home:
        joined.hub.apply(devices, namespace=home)
        told = joined.hub.until(
            lambda: found if 'namespaces "nowhere"' in (found := explain(joined.hub, home, "devices").output) else "",
            explain=lambda: joined.hub.explain("devices", home),
        )
        assert "  means: the namespace is not there, in the cluster that the line names" in told
        assert f"error encountered in cluster {MEMBER}" in told


def test_blue_and_green_are_in_both_and_switched_in_both(joined: Joined) -> None:
    hub, name = joined.hub, "blue-green"
    with joined.namespace() as home:
        storefronts = example(name)
        everywhere = {"name": "everywhere", "type": "topology", "properties": {"clusters": ["local", MEMBER]}}
        storefronts["spec"]["policies"] = [everywhere]
        components = {item["name"]: item for item in storefronts["spec"]["components"]}

        def uses(colour: str) -> bool:
            found = [cluster.get("deployment", "storefront", home) for cluster in (hub, joined.member)]
            return all(item and f"{colour}-streaming-kafka-secret" in json.dumps(item["spec"]) for item in found)

        def without(colour: str) -> bool:
            return not any(colour in item for cluster in (hub, joined.member) for item in left(cluster, home))

        for colour in ("blue", "green"):
            components["storefront"]["traits"][0]["properties"]["platform"] = f"{colour}-streaming"
            hub.apply(storefronts, namespace=home)
            hub.until(partial(uses, colour), explain=lambda: hub.explain(name, home))
            hub.running(name, home)
        healthy = {key for key, item in services(hub, name, home).items() if item["healthy"]}
        assert healthy == {(cluster, component) for cluster in ("local", MEMBER) for component in components}

        storefronts["spec"]["components"] = [components["green-platform"], components["storefront"]]
        hub.apply(storefronts, namespace=home)
        hub.until(partial(without, "blue"), explain=lambda: hub.explain(name, home))
        for cluster in (hub, joined.member):
            assert cluster.get("statefulset", "green-streaming-kafka", home)
