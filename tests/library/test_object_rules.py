"""Every object of every valid case passes the rules that ``check`` has, and what only our own objects promise.

The rules are those of ``vela_realtime.check.objects``: Pod Security "restricted", requests and limits, probes, image
tags, selectors and ports that match, references that lead somewhere, no password in clear.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fixed import IMAGES, fixed
from vela_realtime import library
from vela_realtime.check.objects import Objects, check
from vela_realtime.check.objects.run import strings
from vela_realtime.library import definition, fixtures
from vela_realtime.library.health import KINDS, Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LIBRARY = library.find()
DEFINITIONS = {item.name: item for item in definition.load(LIBRARY)}
CASES = [
    case
    for item in DEFINITIONS.values()
    if item.type == "component" and item.name != "webservice"  # webservice renders what the user asks for
    for case in fixtures.load(LIBRARY, item.name)
    if case.valid
]
DOCUMENTED = "snowflake-creds"
"""The Secret that ``snowflakeConfig`` reads unless it names another: the user's."""

WORKLOADS = {"Deployment", "StatefulSet", "Job", "CronJob"}


def rendered(case: fixtures.Case) -> dict[str, dict[str, Any]]:
    """Return a case's objects by their key in ``outputs``; the main one has none."""
    result = fixtures.render_package(LIBRARY, case.definition, case, "component")
    assert [problem.text for problem in result.problems] == []
    return {key.partition(".")[2]: item for key, item in result.objects.items() if "kind" in item}


def elsewhere(name: str, case: fixtures.Case) -> bool:
    """Tell whether a Secret is one that the parameters name, or one of a platform that the component is linked to."""
    own = [word for word in strings(case.properties) if word != case.properties["name"]]
    others = [word for sibling in case.siblings for word in strings(sibling.get("properties", {}))]
    return name in {*own, *others, DOCUMENTED} or any(name.startswith(f"{word}-") for word in (*own, *others) if word)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.definition}-{case.name}")
def test_rules(case: fixtures.Case) -> None:
    by_key = rendered(case)
    items = list(by_key.values())
    objects = Objects(items)
    found = [
        f"{rule.id}: {objects.named(violation.object)}: {violation.message}"
        for rule, violation in check(objects)
        if not (rule.id == "dangling-reference" and elsewhere(violation.value, case))
    ]
    assert found == []
    assert overlaps(items) == []
    assert unadmitted(items) == []
    assert forgotten(by_key, DEFINITIONS[case.definition].parts) == []
    assert fixed(items, case) == []
    for item in items:
        labels = item["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "kubevela"
        assert labels["app.kubernetes.io/instance"] == case.properties["name"]
        if labels["app.kubernetes.io/name"] == "connect" and item["kind"] == "Deployment":
            # A worker may read Secrets there, and does not start where there is no such directory.
            mounts = item["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
            assert "/etc/connect/secrets" in {mount["mountPath"] for mount in mounts}
        if item["kind"] == "Job":
            # Or its pods would stay when KubeVela deletes it: tests/pods sees them go.
            assert item["metadata"]["finalizers"] == ["foregroundDeletion"]


def selected(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def templates(items: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each workload's name and pod template."""
    for item in items:
        if item["kind"] in WORKLOADS:
            spec = item["spec"]["jobTemplate"]["spec"] if item["kind"] == "CronJob" else item["spec"]
            yield f"{item['kind']}/{item['metadata']['name']}", spec["template"]


def forgotten(by_key: dict[str, dict[str, Any]], parts: Sequence[Part]) -> list[str]:
    """Return the workloads that neither health nor the status line knows."""
    known = {(part.output, part.kind) for part in parts}
    return [key for key, item in by_key.items() if item["kind"] in KINDS and (key, item["kind"]) not in known]


def overlaps(items: list[dict[str, Any]]) -> list[str]:
    """Return the workloads whose selector takes in another one's pods."""
    pods = list(templates(items))
    return [
        f"{item['kind']}/{item['metadata']['name']} selects the pods of {name}"
        for item in items
        if item["kind"] in {"Deployment", "StatefulSet"}
        for name, pod in pods
        if name != f"{item['kind']}/{item['metadata']['name']}"
        and selected(item["spec"]["selector"]["matchLabels"], pod["metadata"]["labels"])
    ]


def unadmitted(items: list[dict[str, Any]]) -> list[str]:
    """Return the Services' ports that no NetworkPolicy admits anyone to, though their pods are shut off."""
    policies = [item["spec"] for item in items if item["kind"] == "NetworkPolicy"]
    lacks = []
    for service in (item for item in items if item["kind"] == "Service"):
        if service["spec"].get("clusterIP") == "None":  # gives pods their host names, whoever may reach them
            continue
        for name, pod in templates(items):
            labels = pod["metadata"]["labels"]
            if not selected(service["spec"]["selector"], labels):
                continue
            over = [one for one in policies if selected(one["podSelector"].get("matchLabels", {}), labels)]
            rules = [rule for one in over for rule in one.get("ingress", [])]
            admitted = {port["port"] for rule in rules for port in rule.get("ports", [])}
            numbers = {
                port.get("name"): port["containerPort"]
                for container in pod["spec"]["containers"]
                for port in container.get("ports", [])
            }
            for port in service["spec"]["ports"]:
                number = numbers.get(port["targetPort"])
                if over and number is not None and not {number, port["targetPort"]} & admitted:
                    lacks.append(f"{service['metadata']['name']}:{port['port']} of {name}")
    return lacks


POD = {"metadata": {"labels": {"a": "1"}}, "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 80}]}]}}
DEPLOYMENT = {
    "kind": "Deployment",
    "metadata": {"name": "d"},
    "spec": {"selector": {"matchLabels": {"a": "1"}}, "template": POD},
}
SERVICE = {
    "kind": "Service",
    "metadata": {"name": "s"},
    "spec": {"selector": {"a": "1"}, "ports": [{"port": 8080, "targetPort": "http"}]},
}


def policy_for(port: int) -> dict[str, Any]:
    return {
        "kind": "NetworkPolicy",
        "metadata": {"name": "n"},
        "spec": {"podSelector": {"matchLabels": {"a": "1"}}, "ingress": [{"ports": [{"port": port}]}]},
    }


def test_what_forgotten_sees() -> None:
    by_key = {"": {"kind": "StatefulSet"}, "setup": {"kind": "Job"}, "files": {"kind": "ConfigMap"}}
    kafka, setup = Part("kafka", "StatefulSet", ""), Part("setup", "Job", "setup")
    assert forgotten(by_key, [kafka, setup]) == []
    assert forgotten(by_key, [kafka]) == ["setup"]
    assert forgotten(by_key, [Part("kafka", "Deployment", ""), setup]) == [""]


def test_what_overlaps_sees() -> None:
    other = json.loads(json.dumps(DEPLOYMENT)) | {"metadata": {"name": "e"}}
    assert overlaps([DEPLOYMENT]) == []
    assert overlaps([DEPLOYMENT, other])[0] == "Deployment/d selects the pods of Deployment/e"


def test_what_fixed_sees() -> None:
    case = fixtures.Case("realtime-platform", "one", LIBRARY.root, 1, {"name": "p", "imageRegistry": "r.example.com/m"})

    def pod(image: str, **more: Any) -> dict[str, Any]:
        spec = {"containers": [{"image": image, **more}]}
        return {"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": {"spec": spec}}}

    def files(text: str) -> dict[str, Any]:
        return {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"file": text}}

    def way_out(port: int) -> dict[str, Any]:
        return {"kind": "NetworkPolicy", "metadata": {"name": "n"}, "spec": {"egress": [{"ports": [{"port": port}]}]}}

    kafka = next(image for image in IMAGES if image.startswith("apache/kafka:"))
    fine = [
        pod(kafka),
        pod(f"r.example.com/m/{kafka}"),
        files("https://p.default.svc:8081/x http://$HOST/"),
        way_out(443),
    ]
    assert fixed(fine, case) == []
    assert fixed([pod("busybox:1")], case) == ["Deployment/d: image busybox:1"]
    assert fixed([pod(f"other.example.com/{kafka}")], case) == [f"Deployment/d: image other.example.com/{kafka}"]
    assert fixed([pod(kafka, ports=[{"hostPort": 1}])], case) == ["Deployment/d: a port of the node"]
    assert fixed([files("url: https://me:pw@stats.grafana.org/x")], case) == ["ConfigMap/c: host stats.grafana.org"]
    assert fixed([files("broker = mqtt.eclipse.org:1883")], case) == ["ConfigMap/c: host mqtt.eclipse.org"]
    secret = {
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"k": base64.b64encode(b"ftp://x.example.com").decode()},
    }
    assert fixed([secret], case) == ["Secret/s: host x.example.com"]
    assert fixed([way_out(4444)], case) == ["NetworkPolicy/n: port 4444"]


def test_what_unadmitted_sees() -> None:
    assert unadmitted([DEPLOYMENT, SERVICE]) == []
    assert unadmitted([DEPLOYMENT, SERVICE, policy_for(80)]) == []
    assert unadmitted([DEPLOYMENT, SERVICE, policy_for(81)]) == ["s:8080 of Deployment/d"]
