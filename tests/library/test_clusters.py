"""What docs/clusters.md says of pods on other clusters, held against what is rendered."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tests import ROOT
from vela_realtime import library
from vela_realtime.library import fixtures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Test = TypeVar("Test")

LIBRARY = library.find()
PAGE = (ROOT / "docs" / "clusters.md").read_text()

ROWS: set[str] = set()
"""The clusters of the page's table of which a test below holds what is rendered."""


def holds(*clusters: str) -> Callable[[Test], Test]:
    """Say of which clusters a test holds what the table says is rendered."""
    ROWS.update(clusters)
    return lambda test: test


def test_the_table_says_of_each_cluster_what_is_set_rendered_run_and_read() -> None:
    (table,) = re.findall(r"^\| cluster \|.*\n(?:\|.*\n)+", PAGE, re.MULTILINE)
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert header == ["cluster", "what is set", "what is rendered", "what was run", "what was only read"]
    assert {row[0] for row in rows} == ROWS
    assert all(row[1] and row[2] and row[3] for row in rows)


def rendered(**properties: Any) -> dict[str, Any]:
    """Return the objects of a platform."""
    case = fixtures.Case("realtime-platform", "one", LIBRARY.root, 1, {"name": "p", **properties})
    result = fixtures.render_package(LIBRARY, "realtime-platform", case, "component")
    assert not result.problems, [problem.text for problem in result.problems]
    return dict(result.objects)


def templates(objects: dict[str, Any]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield the kind, the number of pods and the template of what runs."""
    for item in objects.values():
        spec = item.get("spec", {})
        if item["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            yield item["kind"], spec.get("replicas", 1), spec["template"]


def containers(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


@pytest.fixture(scope="module")
def everything() -> dict[str, Any]:
    return rendered(
        podLabels={"team": "data"},
        podAnnotations={"example.com/owner": "data"},
        cpuLimits=True,
        securityContext="openshift",
        mesh="istio",
    )


def test_labels_and_annotations_are_on_every_pod_and_in_no_selector(everything: dict[str, Any]) -> None:
    found = list(templates(everything))
    assert len(found) > 15
    for _, _, template in found:
        assert template["metadata"]["labels"]["team"] == "data"
        assert template["metadata"]["annotations"]["example.com/owner"] == "data"
    for item in everything.values():
        selector = item.get("spec", {}).get("selector", item.get("spec", {}).get("podSelector", {}))
        assert "team" not in str(selector)


def test_a_parts_own_labels_and_annotations_win_over_those_of_all() -> None:
    """In the pods of that part alone; a part without any of its own has those of all."""
    objects = rendered(
        podLabels={"team": "data", "tier": "silver"},
        podAnnotations={"example.com/owner": "data"},
        partLabels={"mqtt": {"tier": "gold"}, "kafka-topics": {"once": "yes"}},
        partAnnotations={"mqtt": {"example.com/owner": "devices", "example.com/scan": "no"}},
    )
    own = {
        template["metadata"]["labels"]["app.kubernetes.io/component"]: {
            **{key: value for key, value in template["metadata"]["labels"].items() if "/" not in key},
            **{key: value for key, value in template["metadata"]["annotations"].items() if "example.com" in key},
        }
        for _, _, template in templates(objects)
    }
    of_all = {"team": "data", "tier": "silver", "example.com/owner": "data"}
    devices = {"team": "data", "tier": "gold", "example.com/owner": "devices", "example.com/scan": "no"}
    assert own.pop("mqtt") == devices
    assert own.pop("kafka-topics") == {**of_all, "once": "yes"}
    assert len(own) > 12
    assert {json.dumps(labels, sort_keys=True) for labels in own.values()} == {json.dumps(of_all, sort_keys=True)}


def test_a_job_has_a_new_name_with_a_label_of_its_own() -> None:
    """Kubernetes refuses another pod template in a Job that is there."""
    before = {item["metadata"]["name"] for item in rendered().values() if item["kind"] == "Job"}
    after = rendered(partLabels={"kafka-topics": {"once": "yes"}})
    assert before.isdisjoint(item["metadata"]["name"] for item in after.values() if item["kind"] == "Job")


HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


@pytest.mark.parametrize(
    ("required", "waits"),
    [([], set()), (["node"], {HOST}), (["zone"], {ZONE}), (["node", "zone"], {HOST, ZONE})],
    ids=["nothing", "node", "zone", "both"],
)
def test_replicas_are_spread_as_far_as_there_is_room_or_wait(required: list[str], waits: set[str]) -> None:
    found = list(templates(rendered(scheduling={"nodeSelector": {"disk": "ssd"}, "requiredSpread": required})))
    assert {kind for kind, _, _ in found} >= {"Deployment", "StatefulSet", "Job"}
    for kind, _, template in found:
        assert template["spec"]["nodeSelector"] == {"disk": "ssd"}
        spread = template["spec"].get("topologySpreadConstraints", [])
        assert [item["topologyKey"] for item in spread] == [HOST, ZONE] * (kind in ("Deployment", "StatefulSet"))
        waiting = {item["topologyKey"] for item in spread if item["whenUnsatisfiable"] == "DoNotSchedule"}
        assert waiting == (waits if spread else set())


@holds("OpenShift, `restricted-v2`")
def test_openshift_chooses_every_user(everything: dict[str, Any]) -> None:
    for _, _, template in templates(everything):
        for context in [template["spec"]["securityContext"], *(one["securityContext"] for one in containers(template))]:
            assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(context)
            assert context["runAsNonRoot"] is True
    policies = [item for item in everything.values() if item["kind"] == "NetworkPolicy"]
    assert any({"protocol": "UDP", "port": 5353} in rule.get("ports", []) for item in policies for rule in egress(item))


def egress(policy: dict[str, Any]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = policy["spec"].get("egress", [])
    return rules


@holds("Autopilot", "a quota on CPU limits, a LimitRange")
def test_every_container_has_a_limit_of_cpu_and_memory(everything: dict[str, Any]) -> None:
    for _, _, template in templates(everything):
        for container in containers(template):
            assert container["resources"]["limits"].keys() >= {"cpu", "memory"}, container["name"]


@holds("IPv6 only, or both families")
@pytest.mark.parametrize(
    "properties",
    [{}, {"visualization": "grafana", "database": "mysql", "schemaRegistryConfig": {"flavour": "confluent"}}],
    ids=["as it is", "the other products"],
)
def test_nothing_listens_on_ipv4_alone_and_no_address_of_it_is_told_to_another(properties: dict[str, Any]) -> None:
    """Java's 0.0.0.0 is the exception: it takes both families. 127.0.0.1 is there in each pod, for that pod."""
    objects = rendered(**properties, metrics={"jmx": True})
    texts = [text for item in objects.values() for text in json.dumps(item).split('"')]
    found = {
        line.strip()
        for text in texts
        for line in text.split("\\n")
        for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", line)
        if address != "127.0.0.1"
    }
    confluent = {"listeners=http://0.0.0.0:8081"} if properties else set()
    assert found == confluent
    probes = [
        probe
        for _, _, template in templates(objects)
        for container in containers(template)
        for probe in (container.get("livenessProbe"), container.get("readinessProbe"), container.get("startupProbe"))
        if probe
    ]
    assert not any("host" in probe.get(way, {}) for probe in probes for way in ("httpGet", "tcpSocket"))


@holds("Istio, Linkerd")
def test_a_mesh_stays_out_of_jobs_alone(everything: dict[str, Any]) -> None:
    for kind, _, template in templates(everything):
        inject = template["metadata"]["labels"].get("sidecar.istio.io/inject")
        assert inject == ("false" if kind in {"Job", "CronJob"} else None), kind


_UNITS = {"m": 0.001, "": 1.0, "Mi": 1 / 1024, "Gi": 1.0}


def amount(quantity: str) -> float:
    """Return cores, or GiB."""
    match = re.fullmatch(r"([0-9.]+)(m|Mi|Gi|)", quantity)
    assert match, quantity
    return float(match[1]) * _UNITS[match[2]]


@holds("plain, Pod Security `restricted`")
def test_a_plain_cluster_gets_pods_that_are_restricted() -> None:
    for _, _, template in templates(rendered()):
        assert template["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert template["spec"]["securityContext"]["runAsNonRoot"] is True
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(template["spec"])
        for container in containers(template):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}


@holds("without internet")
def test_without_internet_every_image_is_the_mirrors_and_nothing_is_fetched() -> None:
    objects = rendered(imageRegistry="mirror.example.com/all", imagePullSecrets=["mirror"], visualization="grafana")
    for _, _, template in templates(objects):
        assert template["spec"]["imagePullSecrets"] == [{"name": "mirror"}]
        assert all(container["image"].startswith("mirror.example.com/all/") for container in containers(template))
    hosts = set(re.findall(r"https?://([a-zA-Z][\w-]*(?:\.[\w-]+)+)", json.dumps(objects)))
    assert hosts
    assert not {host for host in hosts if not host.endswith((".svc", ".svc.cluster.local"))}


@holds("two clusters")
def test_no_definition_asks_which_cluster_it_is_on() -> None:
    for path in LIBRARY.definitions.rglob("*.cue"):
        assert "context.cluster" not in path.read_text(), path.name


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_what_a_platform_asks_for(size: str) -> None:
    cpu = memory = 0.0
    objects = rendered(size=size)
    for kind, pods, template in templates(objects):
        if kind in {"Job", "CronJob"}:
            continue
        for container in template["spec"]["containers"]:
            cpu += pods * amount(container["resources"]["requests"]["cpu"])
            memory += pods * amount(container["resources"]["requests"]["memory"])
    volumes = sum(
        item["spec"].get("replicas", 1) * amount(claim["spec"]["resources"]["requests"]["storage"])
        for item in objects.values()
        for claim in item.get("spec", {}).get("volumeClaimTemplates", [])
    )
    assert f"| `{size}` | {cpu:.2f} | {memory:.1f} GiB | {volumes:.0f} GiB |" in PAGE, (cpu, memory, volumes)
