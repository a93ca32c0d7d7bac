"""What docs/tutorial.md has people type names things that its Application renders.

Its first commands are run by ``test_docs.py``; it comes up in ``tests/cluster/test_tutorial.py``. That a message of
MQTT is a record of Kafka, and a record a row, is seen in ``tests/pods``.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests import ROOT
from tests.support import pages
from tests.support.applications import by_component, definitions
from vela_realtime.documents import application
from vela_realtime.kubevela import dryrun

PAGE = (ROOT / "docs" / "tutorial.md").read_text()


@pytest.fixture(scope="module")
def objects() -> dict[str, dict[str, Any]]:
    """Return the objects by kind, in small letters, and name."""
    (text,) = re.findall(r"^```yaml\n(# plant\.yaml\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (document,), _ = application.parse("plant.yaml", text)
    found = by_component(dryrun.render(document, definitions(None), version=None))
    return {
        f"{item['kind'].lower()}/{item['metadata']['name']}": item for part in found.values() for item in part.values()
    }


def test_pods_and_containers(objects: dict[str, dict[str, Any]]) -> None:
    calls = [words for words in pages.kubectl(PAGE) if "exec" in words]
    assert len(calls) == 2
    for words in calls:
        pod = words[words.index("exec") + 1]
        spec = objects[f"statefulset/{pod.removesuffix('-0')}"]["spec"]["template"]["spec"]
        assert words[words.index("-c") + 1] in [item["name"] for item in spec["containers"]]


def test_secrets_and_their_keys(objects: dict[str, dict[str, Any]]) -> None:
    read = re.findall(r"get secret (\S+) -o jsonpath='\{\.data\.(\w+)\}'", PAGE)
    assert len(read) == 4
    for secret, key in read:
        # A password is put there by the Job, so the object has all but it.
        keys = objects[f"secret/{secret}"].get("stringData", {}) | objects[f"secret/{secret}"].get("data", {})
        assert key in keys or key.endswith("_PASSWORD"), (secret, sorted(keys))


def test_the_service_of_the_dashboard(objects: dict[str, dict[str, Any]]) -> None:
    ((service, port),) = re.findall(r"port-forward (service/\S+) \d+:(\d+)", PAGE)
    assert int(port) in [item["port"] for item in objects[service]["spec"]["ports"]]


def test_the_volumes_that_are_deleted_are_all(objects: dict[str, dict[str, Any]]) -> None:
    deleted = {words[words.index("-l") + 1].partition("=")[2] for words in pages.kubectl(PAGE) if "pvc" in words}
    claiming = [item for item in objects.values() if item.get("spec", {}).get("volumeClaimTemplates")]
    assert {item["metadata"]["labels"]["app.kubernetes.io/instance"] for item in claiming} == deleted
