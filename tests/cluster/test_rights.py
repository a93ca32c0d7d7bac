"""What a ServiceAccount may do, by the API server's own word, is what its Application's page in docs/network tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests import ROOT
from tests.cluster.conftest import VERSIONS
from tests.support.applications import definitions
from vela_realtime.check.load import load
from vela_realtime.files import read_text
from vela_realtime.kubevela import dryrun

if TYPE_CHECKING:
    from tests.hermetic import Cluster

Right = tuple[str, str, frozenset[str]]
"""A resource, one of the names that it is limited to, and the verbs."""

EVERYBODYS = {"selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"}
"""What Kubernetes lets everybody ask: who am I, and what may I."""


# Rights do not depend on KubeVela: one cluster is enough.
@pytest.mark.parametrize("cluster", VERSIONS[:1], indirect=True)
@pytest.mark.parametrize("example", ["simple-setup", "stream-processor-alone", "analytics-dashboard", "iot-broker"])
def test_rights_are_those_of_the_page(example: str, cluster: Cluster, namespace: str) -> None:
    (document,) = load([str(ROOT / "examples" / f"{example}.yaml")]).applications
    outcome = dryrun.render(document, definitions(None), namespace=namespace, version=None)
    objects = [item.object for item in outcome.objects]
    cluster.create(*[item for item in objects if item["kind"] in {"ServiceAccount", "Role", "RoleBinding"}])
    accounts = [item["metadata"]["name"] for item in objects if item["kind"] == "ServiceAccount"]
    assert accounts
    said = {name: rights(cluster, namespace, name) for name in accounts}
    assert said == told(read_text(ROOT / "docs" / "network" / f"{example}.md"))
    nobody = rights(cluster, namespace, "default")
    assert nobody == set(), "an account that no role is bound to may do more than everybody"


def rights(cluster: Cluster, namespace: str, account: str) -> set[Right]:
    """Return what ``kubectl auth can-i --list`` prints for an account, but for what everybody may."""
    who = f"--as=system:serviceaccount:{namespace}:{account}"
    lines = cluster.kubectl("auth", "can-i", "--list", "--namespace", namespace, who).stdout.splitlines()
    found: set[Right] = set()
    for line in lines[1:]:
        resource, _, rest = line.partition(" ")
        lists = re.findall(r"\[([^\]]*)\]", rest)
        if resource and resource.partition(".")[0] not in EVERYBODYS:
            found |= {(resource, name, frozenset(lists[2].split())) for name in lists[1].split() or ["any"]}
    return found


def told(page: str) -> dict[str, set[Right]]:
    """Return what a page tells."""
    found: dict[str, set[Right]] = {}
    for line in page.partition("## What ServiceAccounts may do")[2].splitlines()[4:]:
        account, verbs, resource, names = (cell.strip() for cell in line.strip("|").split("|"))
        rows = found.setdefault(account, set())
        rows |= {(resource, name, frozenset(verbs.split(", "))) for name in names.split(", ")}
    return found
