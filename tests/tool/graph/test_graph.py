"""``graph``: what runs, who may talk to whom, and what is reached from outside."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.doubles.scripts import require
from vela_realtime.cli import cli
from vela_realtime.errors import ToolError
from vela_realtime.graph import dot, mermaid, page, tables
from vela_realtime.graph.model import Graph, graph
from vela_realtime.kubevela.vela import Rendered

EXAMPLES = Path(__file__).parents[3] / "examples"


def deployment(name: str, *, namespace: str = "default", port: int = 8080, **spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "main", "ports": [{"name": "http", "containerPort": port}]}], **spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": {"metadata": {"labels": {"app": name}}, "spec": pod}},
    }


def policy(name: str, *, namespace: str = "default", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"podSelector": {"matchLabels": {"app": name}}, **spec},
    }


def pods(name: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {"app": name}}}


def tcp(*numbers: int) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": number} for number in numbers]


def drawn(*objects: dict[str, Any]) -> Graph:
    return graph("shop", [Rendered("web", "workload", "", item) for item in objects])


def arrows(picture: Graph) -> list[str]:
    names = {node.key: node.name for node in picture.nodes}
    return [f"{names[edge.source]} > {names[edge.target]}: {edge.label}" for edge in picture.edges]


def test_tables_tell_that_others_may_have_the_labels_of_ours() -> None:
    text = tables.tables(drawn(deployment("web"), deployment("db"), policy("db", **OPEN_DB)))
    rows = [line for line in text.splitlines() if "| db | 5432" in line]
    assert rows == ["| pods with app=web | db | 5432 |", "| web | db | 5432 |"]
    assert arrows(drawn(deployment("web"), deployment("db"), policy("db", **OPEN_DB))) == ["web > db: 5432"]


OPEN_DB: dict[str, Any] = {"ingress": [{"from": [pods("web")], "ports": tcp(5432)}], "policyTypes": ["Ingress"]}
MONITORING = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
PORT_RANGE = {"port": 8000, "endPort": 8010, "protocol": "UDP"}
ANY_NAMESPACE: dict[str, Any] = {"namespaceSelector": {}}


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param([deployment("web"), deployment("db")], [], id="no policy speaks of anybody"),
        pytest.param([deployment("web"), deployment("db"), policy("db", **OPEN_DB)], ["web > db: 5432"], id="ingress"),
        pytest.param(
            [deployment("web"), deployment("db"), policy("db", **OPEN_DB), policy("web", policyTypes=["Egress"])],
            [],
            id="ingress that the other end's egress does not allow",
        ),
        pytest.param(
            [
                deployment("web"),
                deployment("db"),
                policy("db", **OPEN_DB | {"ingress": [{"from": [pods("web")], "ports": tcp(5432, 9187)}]}),
                policy("web", policyTypes=["Egress"], egress=[{"to": [pods("db")], "ports": tcp(5432, 3306)}]),
            ],
            ["web > db: 5432"],
            id="only the ports that both ends allow",
        ),
        pytest.param(
            [deployment("web"), deployment("db"), policy("web", egress=[{"to": [pods("db")], "ports": tcp(5432)}])],
            ["web > db: 5432"],
            id="egress to somebody without a policy",
        ),
        pytest.param(
            [deployment("web"), policy("web", ingress=[{"ports": tcp(8080)}])], ["anyone > web: 8080"], id="anyone"
        ),
        pytest.param(
            [deployment("web"), policy("web", ingress=[{}])], ["anyone > web: all ports"], id="anyone, every port"
        ),
        pytest.param(
            [deployment("web"), policy("web", policyTypes=["Egress"], egress=[{"ports": tcp(53)}])], [], id="DNS alone"
        ),
        pytest.param(
            [deployment("web"), policy("web", policyTypes=["Egress"], egress=[{"ports": tcp(53, 443)}])],
            ["web > any address: 443"],
            id="any address",
        ),
        pytest.param(
            [
                deployment("web"),
                policy("web", policyTypes=["Egress"], egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]),
            ],
            ["web > 10.0.0.0/8: all ports"],
            id="a range of addresses",
        ),
        pytest.param(
            [deployment("web"), policy("web", ingress=[{"from": [pods("phone")], "ports": tcp(8080)}])],
            ["pods with app=phone > web: 8080"],
            id="pods of another Application",
        ),
        pytest.param(
            [
                deployment("web"),
                policy(
                    "web",
                    ingress=[
                        {
                            "from": [
                                {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
                            ]
                        }
                    ],
                ),
            ],
            ["all pods of namespace monitoring > web: all ports"],
            id="another namespace",
        ),
        pytest.param(
            [deployment("web"), deployment("db", namespace="data"), policy("db", namespace="data", **OPEN_DB)],
            ["pods with app=web > db: 5432"],
            id="a pod selector means the policy's own namespace",
        ),
        pytest.param(
            [
                deployment("web"),
                deployment("db", namespace="data"),
                policy("db", namespace="data", ingress=[{"from": [ANY_NAMESPACE | pods("web")], "ports": tcp(5432)}]),
            ],
            ["web > db: 5432", "pods with app=web of any namespace > db: 5432"],
            id="a namespace selector means others too",
        ),
        pytest.param(
            [deployment("web"), policy("web", ingress=[{"from": [pods("web")], "ports": tcp(7946)}])],
            [],
            id="among its own pods",
        ),
        pytest.param(
            [
                deployment("web"),
                policy(
                    "web",
                    policyTypes=["Egress"],
                    egress=[{"ports": [PORT_RANGE]}],
                ),
            ],
            ["web > any address: 8000-8010/UDP"],
            id="a range of ports",
        ),
    ],
)
def test_an_arrow_is_what_the_policies_of_both_ends_allow(objects: list[dict[str, Any]], expected: list[str]) -> None:
    assert arrows(drawn(*objects)) == expected


def test_a_pod_says_what_it_is() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "5Gi"}}}}
    broker = {**deployment("broker", port=1883), "kind": "StatefulSet"}
    broker["spec"] |= {"replicas": 3, "volumeClaimTemplates": [claim]}
    job = {**deployment("topics"), "kind": "Job"}
    picture = drawn(broker, job, policy("broker", ingress=[{"from": [pods("broker")], "ports": tcp(1883)}]))
    assert [(node.name, node.kind, node.once, node.details) for node in picture.nodes] == [
        ("broker", "StatefulSet", False, ("3 pods", "http 1883", "volume 5Gi", "among its pods: 1883")),
        ("topics", "Job", True, ("http 8080", "no policy: open to all")),
    ]


def test_what_belongs_to_a_pod_is_shown_with_it() -> None:
    config = {"kind": "ConfigMap", "metadata": {"name": "web-config", "namespace": "default"}}
    other = {"kind": "ConfigMap", "metadata": {"name": "other", "namespace": "default"}}
    same_name = {"kind": "ConfigMap", "metadata": {"name": "web-config", "namespace": "elsewhere"}}
    web = deployment("web", volumes=[{"name": "config", "configMap": {"name": "web-config"}}])
    picture = drawn(web, service(), config, other, same_name, policy("web"))
    (node,) = (node for node in picture.nodes if not node.outside)
    assert [picture.objects[index]["kind"] for index in node.objects] == [
        "Deployment",
        "Service",
        "ConfigMap",
        "NetworkPolicy",
    ]


def service(kind: str = "ClusterIP") -> dict[str, Any]:
    spec = {"type": kind, "selector": {"app": "web"}, "ports": [{"port": 80}]}
    return {"kind": "Service", "metadata": {"name": "web", "namespace": "default"}, "spec": spec}


INGRESS = {
    "rules": [{"host": "shop.example.com", "http": {"paths": [{"backend": {"service": {"name": "web"}}}]}}],
}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (service(), []),
        (service("LoadBalancer"), ["outside of the cluster > web: LoadBalancer 80"]),
        (service("NodePort"), ["outside of the cluster > web: NodePort 80"]),
        ({"kind": "Ingress", "spec": INGRESS}, ["outside of the cluster > web: Ingress shop.example.com"]),
        (
            {"kind": "HTTPRoute", "spec": {"hostnames": ["a.example"], "rules": [{"backendRefs": [{"name": "web"}]}]}},
            ["outside of the cluster > web: HTTPRoute a.example"],
        ),
        (
            {"kind": "HTTPRoute", "spec": {"rules": [{"backendRefs": [{"name": "elsewhere"}]}]}},
            ["outside of the cluster > Service elsewhere: HTTPRoute"],
        ),
        (
            {
                "kind": "VirtualService",
                "spec": {"hosts": ["a.example"], "http": [{"route": [{"destination": {"host": "web.default.svc"}}]}]},
            },
            ["outside of the cluster > web: VirtualService a.example"],
        ),
    ],
    ids=lambda value: f"{value['kind']}-{value['spec'].get('type', '')}" if isinstance(value, dict) else "",
)
def test_ways_in_from_outside_are_marked(item: dict[str, Any], expected: list[str]) -> None:
    named = {"metadata": {"name": "way", "namespace": "default"}, **item}
    picture = drawn(deployment("web"), *([service()] if item["kind"] != "Service" else []), named)
    assert arrows(picture) == expected
    assert all(edge.entrance for edge in picture.edges)


HOSTILE = 'a"]; b -> c <script>alert(1)</script> \\ #1'


def test_names_are_text_in_every_form() -> None:
    require("dot")
    picture = graph(HOSTILE, [Rendered(HOSTILE, "workload", "", deployment(HOSTILE))])
    assert "<script>alert" not in dot.svg(picture)
    assert "<script>alert" not in page.page(picture).replace("\\u003cscript>", "")
    assert HOSTILE not in mermaid.mermaid(picture).split("---", 2)[2]
    assert mermaid.mermaid(picture).count("subgraph") == 1


def test_mermaid() -> None:
    picture = drawn(deployment("web"), deployment("db"), policy("db", **OPEN_DB), service("NodePort"))
    assert mermaid.mermaid(picture).splitlines() == [
        "---",
        "title: 'shop'",
        "---",
        "flowchart LR",
        '  subgraph g0 ["web"]',
        '    n0["web<br/>Deployment<br/>http 8080<br/>no policy: open to all"]',
        '    n1["db<br/>Deployment<br/>http 8080"]',
        "  end",
        '  n2(["outside of the cluster"])',
        '  n0 -->|"5432"| n1',
        '  n2 ==>|"NodePort 80"| n0',
        "  class n2 light",
        "  classDef light stroke-dasharray: 4 3",
    ]


def test_a_page_shows_the_objects_of_a_click_and_nothing_secret() -> None:
    require("dot")
    secret = {
        "kind": "Secret",
        "metadata": {"name": "users", "namespace": "default"},
        "stringData": {"device-1": "hunter2"},
    }
    text = page.page(drawn(deployment("web", volumes=[{"secret": {"secretName": "users"}}]), secret))
    found = re.search(r'<script type="application/json" id="details">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    shown = json.loads(found[1])["n0"]
    assert [item["name"] for item in shown["objects"]] == ["Deployment web", "Secret users"]
    assert "device-1: (hidden)" in shown["objects"][1]["yaml"].replace('"', "")
    assert "hunter2" not in text
    assert 'id="n0"' in text
    assert not re.search(r'(?:src|href)="https?:', text), "a page must load nothing"


def test_without_graphviz_a_picture_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"dot of Graphviz is not on PATH") as caught:
        dot.svg(drawn(deployment("web")))
    assert "apt-get install graphviz" in caught.value.hint


@pytest.mark.parametrize(
    "example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem if isinstance(path, Path) else ""
)
def test_every_example_can_be_drawn(example: Path, tmp_path: Path) -> None:
    require("dot")
    output = tmp_path / "picture.svg"
    done = CliRunner().invoke(cli, ["graph", str(example), "--output", str(output)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert re.fullmatch(rf"wrote {output}: \d+ things, \d+ connections\n", done.output)
    assert output.read_text().startswith("<svg")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["graph", str(EXAMPLES / "simple-setup.yaml"), "-o", str(tmp_path / "x.gif")])
    assert done.exit_code == 2
    assert "x.gif ends with none of .svg, .html, .md, .mmd, .dot" in done.output


def test_what_cannot_be_rendered_is_not_drawn(tmp_path: Path) -> None:
    app = tmp_path / "app.yaml"
    app.write_text(
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: a}\n"
        "spec: {components: [{name: p, type: realtime-platform, properties: {nam: x}}]}\n"
    )
    output = tmp_path / "picture.svg"
    done = CliRunner().invoke(cli, ["graph", str(app), "-o", str(output)])
    assert done.exit_code == 1
    assert "there is no such property" in done.output
    assert not output.exists()


CHART = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
  annotations: {vela-realtime.dev/external: component/till}
spec:
  components:
    - name: podinfo
      type: helmchart
      properties: {chart: {source: podinfo, repoURL: "https://charts.example.com/podinfo", version: "6.11.1"}}
    - {name: desk, type: till}
    - {name: web, type: webservice, properties: {image: "nginx:1.27"}}
"""


def test_a_picture_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(CHART)
    done = CliRunner().invoke(cli, ["graph", str(tmp_path / "shop.yaml")])
    assert done.exit_code == 0, done.output
    lines = [line.strip() for line in done.output.splitlines()]
    assert any("web<br/>Deployment" in line for line in lines)
    assert 'm0(["not rendered: helmchart: it asks a cluster or a repository"])' in lines
    assert 'm1(["not rendered: till: its definition is not here"])' in lines


def test_what_is_missing_stands_below_the_title() -> None:
    picture = graph("shop", [Rendered("web", "workload", "", deployment("web"))], ["not rendered: till"])
    assert 'label="shop\\nnot rendered: till"' in dot.dot(picture)
    assert "class m0 light" in mermaid.mermaid(picture)
