"""Each built definition is taken in by KubeVela, however it is applied."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.cluster.checks import Built, built, meaning, revisions, synced

if TYPE_CHECKING:
    from tests.hermetic import Cluster

APPLY = {
    "kubectl-client-side": ["apply"],
    "kubectl-server-side": ["apply", "--server-side", "--validate=strict"],
}


@pytest.fixture(params=built(), ids=lambda item: item.name)
def definition(request: pytest.FixtureRequest) -> Built:
    """Return one built definition after the other."""
    found: Built = request.param
    return found


@pytest.mark.parametrize("how", APPLY)
def test_kubectl_applies_it(cluster: Cluster, namespace: str, definition: Built, how: str) -> None:
    command = [*APPLY[how], f"--namespace={namespace}", f"--filename={definition.yaml}"]
    done = cluster.kubectl(*command)
    assert "Warning" not in done.stderr, done.stderr
    stored = synced(cluster, definition.resource, definition.name, namespace)
    assert meaning(stored) == meaning(definition.schema)
    assert revisions(cluster, definition.name, namespace) == [f"{definition.name}-v{definition.version}"]

    cluster.kubectl(*command)
    assert synced(cluster, definition.resource, definition.name, namespace)
    assert revisions(cluster, definition.name, namespace) == [f"{definition.name}-v{definition.version}"]


def test_vela_applies_and_shows_it(cluster: Cluster, namespace: str, definition: Built) -> None:
    command = ["def", "apply", str(definition.cue), f"--namespace={namespace}"]
    done = cluster.vela(*command)
    assert f"{definition.name} created in namespace {namespace}" in done.stdout, done.stdout
    schema = synced(cluster, definition.resource, definition.name, namespace)
    shown = cluster.vela("show", definition.name, f"--namespace={namespace}").stdout
    wanted = set(schema["properties"]) - _ignored(definition)
    assert [name for name in wanted if name not in shown] == []

    def again() -> bool:
        # KubeVela writes the status meanwhile, and vela does not look twice.
        done = cluster.vela(*command, check=False)
        assert done.ok or "the object has been modified" in done.stderr, done.stderr
        return done.ok

    cluster.until(again)
    assert revisions(cluster, definition.name, namespace) == [f"{definition.name}-v{definition.version}"]


def _ignored(definition: Built) -> set[str]:
    """Return the parameters that a mark keeps out of what people are shown."""
    return set(re.findall(r"// \+ignore\n(?:\s*//.*\n)*\s*(\w+)\??:", definition.cue.read_text()))
