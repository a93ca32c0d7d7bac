"""Each example, as its reader would apply it: admitted, rendered, run, and healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.checks import LIBRARY, accepted, definition_files, refused_pods
from vela_realtime import application, catalog, dryrun, toolchain

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hermetic import Cluster

EXAMPLES = sorted(LIBRARY.examples.glob("*.yaml"))

UNFINISHED = ("0/", "pending", "running")
"""What a status line says of a part that is not up yet."""


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request: pytest.FixtureRequest) -> Path:
    """Return one example after the other."""
    found: Path = request.param
    return found


def test_objects_are_accepted(cluster: Cluster, namespace: str, example: Path) -> None:
    loaded = application.load([str(example)])
    source = toolchain.kubevela_source(cluster.vela_version)
    known = catalog.Catalog((), LIBRARY.definitions, None if source is None else source / "definitions")
    outcomes = dryrun.render_all(loaded.applications, known, companions=loaded.companions, version=cluster.vela_version)
    assert [finding.message for outcome in outcomes for finding in outcome.findings] == []
    objects = [(item.component, item.object) for outcome in outcomes for item in outcome.objects]
    assert objects
    accepted(cluster, objects, namespace)


def test_it_becomes_healthy(cluster: Cluster, held: str, example: Path) -> None:
    documents, _ = application.parse(str(example), example.read_text())
    _prepare(cluster, held, [document.data for document in documents])
    cluster.kubectl("apply", "--server-side", "--validate=strict", f"--filename={example}", f"--namespace={held}")

    for document in documents:
        if document.kind == "Application":
            namespace = document.data["metadata"].get("namespace", held)
            if namespace == held:
                _starts_unfinished(cluster, document.name, held, _ours(document.data))
            _ends_healthy(cluster, document.name, namespace, held)
    assert refused_pods(cluster, held) == []


def _starts_unfinished(cluster: Cluster, name: str, namespace: str, components: list[str]) -> None:
    def first() -> dict[str, str] | None:
        messages = cluster.messages(name, namespace)
        return messages if set(messages) & set(components) or (messages and not components) else None

    messages = cluster.until(first, 40, lambda: cluster.explain(name, namespace))
    for component in set(messages) & set(components):
        assert any(word in messages[component] for word in UNFINISHED), messages


def _ends_healthy(cluster: Cluster, name: str, namespace: str, held: str) -> None:
    def healthy() -> bool:
        cluster.then(held, "ready")
        return cluster.phase(name, namespace) == "running"

    cluster.until(healthy, 120, lambda: cluster.explain(name, namespace))
    messages = cluster.messages(name, namespace).values()
    assert [text for text in messages if any(word in text for word in UNFINISHED)] == []


def _prepare(cluster: Cluster, namespace: str, documents: list[dict[str, Any]]) -> None:
    """Make the namespaces that the example names, and put the replacement of webservice beside an Application."""
    for named in _namespaces(documents):
        cluster.make_namespace(named)
    for file in definition_files(optional=True):
        cluster.kubectl("apply", "--server-side", f"--namespace={namespace}", f"--filename={file}")


def _namespaces(documents: list[dict[str, Any]]) -> set[str]:
    found = {item["metadata"]["namespace"] for item in documents if "namespace" in item["metadata"]}
    for item in documents:
        for policy in item.get("spec", {}).get("policies", []):
            if policy["type"] == "topology" and "namespace" in policy.get("properties", {}):
                found.add(policy["properties"]["namespace"])
    return found


def _ours(data: dict[str, Any]) -> list[str]:
    """Return the components of an Application whose definitions are ours."""
    names = {file.stem for file in definition_files()}
    return [item["name"] for item in data["spec"]["components"] if item["type"].partition("@")[0] in names]
