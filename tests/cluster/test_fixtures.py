"""Each definition's cases, as the API server and KubeVela's admission see them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.checks import LIBRARY, Built, accepted, application, built, synced
from tests.hermetic.cluster import PRIVILEGED
from tests.hermetic.state import ClusterError
from vela_realtime import process, toolchain
from vela_realtime.library import fixtures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.hermetic import Cluster
    from vela_realtime.library.fixtures import Case


@pytest.fixture(params=built(), ids=lambda item: item.name)
def definition(request: pytest.FixtureRequest) -> Built:
    """Return one built definition after the other."""
    found: Built = request.param
    return found


REFUSED_BY_KUBERNETES = {
    "empty-probe": "must specify a handler type",
    "two-kinds-of-probes-in-one": "may not specify more than 1 handler type",
    "value-beside-its-source": "may not be specified when `value` is not empty",
    "deprecated-volume-mounted-twice": "duplicate entries for key",
    "two-ports-of-the-service-on-one-of-the-container": "duplicate entries for key",
}
"""What KubeVela's own webservice renders, and ours too: with these parameters it is of no use."""

SEEN_WHEN_RENDERED = {"on-an-iot-broker", "on-a-realtime-platform"}
"""What admission does not see: it looks at a trait without the type of its component."""


@pytest.fixture
def place(cluster: Cluster, definition: Built) -> Iterator[str]:
    """Return a namespace for a definition's cases: pods must be restricted where the definition describes them."""
    with cluster.namespace(labels=None if definition.owns_its_pods else PRIVILEGED) as name:
        if definition.optional:
            cluster.kubectl("apply", "--server-side", f"--namespace={name}", f"--filename={definition.yaml}")
            synced(cluster, definition.resource, definition.name, name)
        yield name


def test_every_object_of_every_valid_case_is_accepted(cluster: Cluster, place: str, definition: Built) -> None:
    source = toolchain.kubevela_source(cluster.vela_version)

    def render(case: Case) -> list[tuple[str, dict[str, Any]]]:
        outcome = fixtures.render_vela(case, definition.kind, definition.yaml, source, cluster.vela_version)
        assert outcome.ok, f"{case.name}: {outcome.findings[0].message}"
        return [(case.name, item.object) for item in outcome.objects if item.component == case.component]

    valid = [case for case in fixtures.load(LIBRARY, definition.name) if case.valid]
    rendered = dict(zip((case.name for case in valid), process.in_parallel(render, valid), strict=True))
    good = [item for name, objects in rendered.items() if name not in REFUSED_BY_KUBERNETES for item in objects]
    assert good
    accepted(cluster, good, place)
    for name in rendered.keys() & REFUSED_BY_KUBERNETES.keys():
        with pytest.raises(ClusterError, match=re.escape(REFUSED_BY_KUBERNETES[name])):
            accepted(cluster, rendered[name], place)


def test_invalid_cases_are_refused_at_admission(cluster: Cluster, place: str, definition: Built) -> None:
    def refusal(case: Case) -> str:
        app = application(case.application, *fixtures.components(case, definition.kind))
        try:
            cluster.create(app, namespace=place, dry_run=True)
        except ClusterError as error:
            return error.message
        return "admitted"

    invalid = _some(
        case
        for case in fixtures.load(LIBRARY, definition.name)
        if not case.valid and case.name not in SEEN_WHEN_RENDERED
    )
    said = dict(zip((case.name for case in invalid), process.in_parallel(refusal, invalid), strict=True))
    assert {name: words for name, words in said.items() if "denied the request" not in words} == {}
    if not cluster.vela_version.startswith("1.10."):  # that one names the first problem only, in CUE's order
        assert {case.name: said[case.name] for case in invalid if _wanted(case) not in said[case.name]} == {}


@pytest.mark.parametrize("name", sorted(SEEN_WHEN_RENDERED))
def test_what_admission_does_not_see_is_said_by_the_workflow(cluster: Cluster, namespace: str, name: str) -> None:
    (case,) = [case for case in fixtures.load(LIBRARY, "traffic-split") if case.name == name]
    cluster.create(application(case.application, *fixtures.components(case, "trait")), namespace=namespace)

    def said() -> bool:
        status = cluster.get("application", case.application, namespace).get("status", {})
        steps = status.get("workflow", {}).get("steps", [])
        return any(case.error in step.get("message", "") for step in steps)

    cluster.until(said, explain=lambda: cluster.explain(case.application, namespace))


def _some(found: Iterable[Case]) -> list[Case]:
    """Return the first cases of each file: a controller takes half a second to refuse one.

    A missing property is left out. KubeVela admits such an Application, and its workflow then fails.
    """
    files: dict[Path, list[Case]] = {}
    for case in found:
        if "incomplete value" not in case.error:
            files.setdefault(case.file, []).append(case)
    return [case for group in files.values() for case in group[:4]]


def _wanted(case: Case) -> str:
    """Return the words that a case pins, without the name that one evaluator or the other has for the parameters.

    Of a choice, CUE has one conflict for each word that would be right, where we have one line.
    """
    words = re.sub(r'^("[^"]*") is not one of .*', r"and \1", case.vela or case.error)
    return re.sub(r"^(?:parameter|strict)\.", "", words)
