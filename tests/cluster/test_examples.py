"""Each example, as its reader would apply it: admitted, rendered, run, and healthy."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.checks import LIBRARY, accepted, definition_files, refused_pods
from tests.hermetic.cluster import PRIVILEGED
from vela_realtime import toolchain
from vela_realtime.documents import application
from vela_realtime.kubevela import catalog, dryrun
from vela_realtime.kubevela.builtins import Builtins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from vela_realtime.documents.application import Document

OURS = {file.stem for file in definition_files()}

UNFINISHED = ("0/", "pending", "running")
"""What a status line says of a part that is not up yet."""


@dataclass(frozen=True)
class Example:
    """An example's file, as far as a cluster takes it: what Argo CD and Flux read is not for KubeVela."""

    name: str
    documents: tuple[Document, ...]

    @property
    def applications(self) -> list[Document]:
        """The Applications."""
        return [document for document in self.documents if document.kind == "Application"]

    @property
    def ours(self) -> set[str]:
        """The components whose definitions are ours. The others' pods are the user's."""
        components = [item for document in self.applications for item in document.data["spec"]["components"]]
        return {item["name"] for item in components if item["type"].partition("@")[0] in OURS}

    @property
    def only_ours(self) -> bool:
        """Whether all components are."""
        components = [item for document in self.applications for item in document.data["spec"]["components"]]
        return all(item["name"] in self.ours for item in components)

    @property
    def namespaces(self) -> set[str]:
        """The namespaces that it names."""
        found = {item.data["metadata"]["namespace"] for item in self.documents if "namespace" in item.data["metadata"]}
        for document in self.applications:
            for policy in document.data["spec"].get("policies", []):
                if policy["type"] == "topology" and "namespace" in policy["properties"]:
                    found.add(policy["properties"]["namespace"])
        return found


def _examples() -> Iterator[Example]:
    for path in sorted(LIBRARY.examples.rglob("*.yaml")):
        documents, _ = application.parse(str(path), path.read_text())
        taken = tuple(item for item in documents if item.data["apiVersion"].startswith("core.oam.dev/"))
        if taken:
            yield Example(path.relative_to(LIBRARY.examples).with_suffix("").as_posix(), taken)


@pytest.fixture(params=list(_examples()), ids=lambda example: example.name)
def example(request: pytest.FixtureRequest) -> Example:
    """Return one example after the other."""
    found: Example = request.param
    return found


def test_objects_are_accepted(cluster: Cluster, namespace: str, example: Example) -> None:
    source = toolchain.kubevela_source(cluster.vela_version)
    known = catalog.Catalog((), LIBRARY.definitions, Builtins(cluster.vela_version), source)
    companions = [item for item in example.documents if item.kind != "Application"]
    version = cluster.vela_version
    outcomes = dryrun.render_all(example.applications, known, companions=companions, version=version)
    assert [finding.message for outcome in outcomes for finding in outcome.findings] == []
    rendered = [(item.component, item.object) for outcome in outcomes for item in outcome.objects]
    assert rendered
    accepted(cluster, (item for item in rendered if item[0] in example.ours), namespace)
    with cluster.namespace(labels=PRIVILEGED) as place:
        accepted(cluster, (item for item in rendered if item[0] not in example.ours), place)


def test_it_becomes_healthy(cluster: Cluster, example: Example) -> None:
    labels = None if example.only_ours else PRIVILEGED
    with ExitStack() as stack:
        place = stack.enter_context(cluster.namespace(held=cluster.simulated, labels=labels))
        for name in sorted(example.namespaces):
            stack.enter_context(cluster.only_here(name, labels))
        for file in definition_files(optional=True):
            cluster.kubectl("apply", "--server-side", f"--namespace={place}", f"--filename={file}")
        for document in example.documents:
            cluster.apply(document.data, namespace=document.data["metadata"].get("namespace", place))

        for document in example.applications:
            namespace = document.data["metadata"].get("namespace", place)
            ours = example.ours & {component["name"] for component in document.data["spec"]["components"]}
            if ours and namespace == place and cluster.simulated and not example.namespaces:
                _starts_unfinished(cluster, document.name, place, ours)
            _ends_healthy(cluster, document.name, namespace, place)
        assert [text for name in {place, *example.namespaces} for text in refused_pods(cluster, name)] == []


def _starts_unfinished(cluster: Cluster, name: str, namespace: str, ours: set[str]) -> None:
    def first() -> dict[str, str] | None:
        messages = cluster.messages(name, namespace)
        return messages if ours & messages.keys() else None

    messages = cluster.until(first, explain=lambda: cluster.explain(name, namespace))
    for component in ours & messages.keys():
        assert any(word in messages[component] for word in UNFINISHED), messages


def _ends_healthy(cluster: Cluster, name: str, namespace: str, held: str) -> None:
    def healthy() -> bool:
        if cluster.simulated:
            cluster.then(held, "ready")
        phase = cluster.phase(name, namespace)
        if phase == "workflowSuspending":  # somebody has to say that it may go on
            # Not heard when the controller writes the Application at that moment.
            cluster.vela("workflow", "resume", name, f"--namespace={namespace}", check=False)
        return phase == "running"

    cluster.until(healthy, explain=lambda: cluster.explain(name, namespace))
    messages: dict[str, Any] = cluster.messages(name, namespace)
    assert [text for text in messages.values() if any(word in text for word in UNFINISHED)] == []
