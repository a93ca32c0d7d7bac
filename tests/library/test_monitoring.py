"""Dashboards and alerts of whole platforms: PromQL that parses, metrics that exist, alerts that fire."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from monitoring import write_dashboards
from tests import ROOT
from tests.library.test_grafana_files import check_dashboard
from tests.support import dashboards
from tests.support.doubles.scripts import require
from vela_realtime import process

HERE = Path(__file__).parent
RULES = yaml.safe_load((ROOT / "monitoring" / "prometheus-rule.yaml").read_text())
ALERTS = {rule["alert"]: rule for group in RULES["spec"]["groups"] for rule in group["rules"]}
DESCRIBED = yaml.safe_load((ROOT / "monitoring" / "dashboards.yaml").read_text())
BOARDS = {uid: json.loads((ROOT / "monitoring" / "dashboards" / f"{uid}.json").read_text()) for uid in DESCRIBED}
EXPORTERS = yaml.safe_load((HERE / "exporter_metrics.yaml").read_text())
METRICS = {name: labels for exporter in EXPORTERS.values() for name, labels in exporter["metrics"].items()}
CASES = yaml.safe_load((HERE / "alert_cases.yaml").read_text())
RUNBOOKS = ROOT / "docs" / "runbooks"
# What Prometheus adds to the metrics of a pod.
TARGET = {"namespace", "pod", "container", "job", "instance"}
GRAFANA = {"$__rate_interval": "5m", "$namespace": "shop", "$platform": "core", "$topic": "orders", "$group": "billing"}


def without_variables(expression: str) -> str:
    """Return what Grafana would send."""
    for name, value in GRAFANA.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


EXPRESSIONS = {f"alert {name}": rule["expr"] for name, rule in ALERTS.items()} | {
    f"{uid}: {panel['title']} {target['refId']}": without_variables(target["expr"])
    for uid, board in BOARDS.items()
    for panel in board["panels"]
    for target in panel.get("targets", [])
}


def parts(node: Any) -> list[Any]:
    """Return an expression and all that it is made of."""
    found = [node]
    for name in ("expr", "lhs", "rhs", "args", "param", "vector_selector"):
        child = getattr(node, name, None)
        for item in child if isinstance(child, list) else [child] if child is not None else []:
            found += parts(item)
    return found


def labels_of(node: Any) -> set[str]:
    """Return the labels that the metrics of an expression have, with those that it adds itself."""
    labels = set(TARGET)
    for part in parts(node):
        if isinstance(part, promql_parser.VectorSelector):
            labels |= set(METRICS.get(part.name, []))
        if isinstance(part, promql_parser.Call) and part.func.name == "label_replace":
            labels.add(part.args[1].val)
    return labels


@pytest.mark.parametrize("title", EXPRESSIONS)
def test_metrics_and_labels_are_those_that_an_exporter_exposes(title: str) -> None:
    tree = promql_parser.parse(EXPRESSIONS[title])
    selectors = [part for part in parts(tree) if isinstance(part, promql_parser.VectorSelector)]
    assert selectors
    for selector in selectors:
        assert selector.name in METRICS, selector.name
        used = {matcher.name for matcher in selector.matchers.matchers}
        assert used <= set(METRICS[selector.name]) | TARGET, selector.name
    for part in parts(tree):
        if isinstance(part, promql_parser.AggregateExpr) and part.modifier is not None:
            assert set(part.modifier.labels) <= labels_of(part), part.modifier.labels
        matching = getattr(part, "modifier", None) if isinstance(part, promql_parser.BinaryExpr) else None
        if matching is not None and matching.matching is not None:
            assert set(matching.matching.labels) <= labels_of(part.lhs) & labels_of(part.rhs)


def test_no_metric_is_listed_in_vain() -> None:
    everything = " ".join(EXPRESSIONS.values())
    assert [name for name in METRICS if not re.search(rf"\b{name}\b", everything)] == []


def test_exporters_are_those_that_the_platform_runs() -> None:
    """Each is an image of a rendered pod, whose port Prometheus is told."""
    repositories: set[str] = set()
    for properties in ({"metrics": {"jmx": True}}, {"database": "mysql", "visualization": "grafana"}):
        for item in dashboards.render({"name": "core", **properties}, "realtime-platform").values():
            template = item.get("spec", {}).get("template", {})
            if "prometheus.io/port" in template.get("metadata", {}).get("annotations", {}):
                repositories |= {container["image"].split(":")[0] for container in template["spec"]["containers"]}
    images = (dashboards.LIBRARY.cue / "images.cue").read_text()
    for exporter in EXPORTERS.values():
        if "image" in exporter:
            found = re.search(rf'^#Images: "?{exporter["image"]}"?: .*repository: "([^"]*)"', images, re.MULTILINE)
            assert found, exporter["image"]
            assert any(repository.endswith(found[1]) for repository in repositories), found[1]
            line = images[found.start() : images.index("\n", found.start())]
            assert f'tag: "{exporter.get("version", "")}' in line, f"read {exporter['source']} of the new version"


def test_selectors_match_what_is_rendered() -> None:
    """A part that is renamed must not fall out of the dashboards; Jobs and other platforms' pods must stay out."""
    found: dict[str, set[str]] = {"Deployment": set(), "StatefulSet": set(), "Job": set(), "Volume": set()}
    for properties in ({}, {"database": "mysql", "visualization": "grafana"}):
        for item in dashboards.render({"name": "core", **properties}, "realtime-platform").values():
            if item["kind"] in found:
                found[item["kind"]].add(item["metadata"]["name"])
            for claim in item["spec"].get("volumeClaimTemplates", []) if item["kind"] == "StatefulSet" else []:
                found["Volume"].add(f"{claim['metadata']['name']}-{item['metadata']['name']}-0")
    pods = {f"{name}-0" for name in found["StatefulSet"]} | {f"{name}-5d4f9-x2x4z" for name in found["Deployment"]}
    for selector, label, names in (
        ("$here", "pod", pods),
        ("$volumes", "persistentvolumeclaim", found["Volume"]),
        ("$jobs", "job_name", found["Job"]),
    ):
        pattern = re.search(rf'{label}=~"(.*)"', write_dashboards.promql(selector).replace("$platform", "core"))
        assert pattern
        assert names
        assert [name for name in names if not re.fullmatch(pattern[1], name)] == []
        assert not re.fullmatch(pattern[1], "core-test-kafka-0")
        assert selector != "$here" or not [job for job in found["Job"] if re.fullmatch(pattern[1], f"{job}-abcde")]
        # Alerts know no platform, and so match those of any name.
        for name in names:
            if selector != "$here":
                rule = "RealtimeVolumeFilling" if selector == "$volumes" else "RealtimeJobFailed"
                of_any = re.search(rf'{label}=~"([^"]*)"', ALERTS[rule]["expr"])
                assert of_any
                assert re.fullmatch(of_any[1], name), name


def test_alerts_know_the_exporter_by_its_container() -> None:
    """They miss it by its pod's name and its limit of memory, which Kubernetes tells also while Kafka is gone."""
    exporter = dashboards.render({"name": "core"}, "realtime-platform")["outputs.kafka-exporter"]
    (container,) = exporter["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["memory"]
    selectors = [
        part
        for rule in ALERTS.values()
        for part in parts(promql_parser.parse(rule["expr"]))
        if isinstance(part, promql_parser.VectorSelector) and "kminion" in str(part.matchers)
    ]
    assert selectors
    for matcher in (matcher for selector in selectors for matcher in selector.matchers.matchers):
        if matcher.name == "container":
            assert matcher.value == container["name"]
        if matcher.name == "pod":
            # Kubernetes cuts what it makes a pod's name of; a Deployment's has 63 characters at most.
            longest = exporter["metadata"]["name"].rjust(63, "x") + "-5d4f9-"
            assert re.fullmatch(matcher.value, f"{longest[:58]}x2x4z")


# Dashboards


def test_dashboards_are_built_from_their_description() -> None:
    written = {path.name: path.read_text() for path in (ROOT / "monitoring" / "dashboards").iterdir()}
    assert written == write_dashboards.dashboards(DESCRIBED), "run monitoring/write_dashboards.py"


@pytest.mark.parametrize("uid", BOARDS)
def test_dashboards_have_grafanas_form(uid: str) -> None:
    check_dashboard(BOARDS[uid], {"${datasource}": "prometheus"})
    known = {variable["name"] for variable in BOARDS[uid]["templating"]["list"]}
    assert set(re.findall(r"\$\{?([a-z]+)", json.dumps(BOARDS[uid]["panels"]))) <= known
    legends = re.findall(r"\{\{(\w+)\}\}", json.dumps(BOARDS[uid]["panels"]))
    assert set(legends) <= TARGET | {label for labels in METRICS.values() for label in labels}


def test_titles_are_unique_within_a_row() -> None:
    for board in DESCRIBED.values():
        for row in board["rows"]:
            titles = [panel["title"] for panel in row["panels"]]
            assert len(titles) == len(set(titles))


# Alerts


def promtool(folder: Path, *arguments: str) -> process.Completed:
    return process.run([require("promtool"), *arguments], cwd=folder)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the rules as Prometheus reads them."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "rules.yml").write_text(yaml.safe_dump(RULES["spec"]))
    return folder


def test_prometheus_accepts_every_expression(rules: Path) -> None:
    done = promtool(rules, "check", "rules", "rules.yml")
    assert f"SUCCESS: {len(ALERTS)} rules found" in done.stdout, done.stdout + done.stderr
    recorded = [
        {"record": f"panel:{number}:all", "expr": expression} for number, expression in enumerate(EXPRESSIONS.values())
    ]
    (rules / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    done = promtool(rules, "check", "rules", "panels.yml")
    assert f"SUCCESS: {len(recorded)} rules found" in done.stdout, done.stdout + done.stderr


def test_every_alert_has_cases() -> None:
    assert set(CASES) == set(ALERTS)
    assert all(case["fires"] and case["silent"] for case in CASES.values())


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_fires_when_it_must_and_only_then(rules: Path, name: str) -> None:
    tests = [unit_test(name, case, fires=fires == "fires") for fires, cases in CASES[name].items() for case in cases]
    file = f"{name}.yml"
    (rules / file).write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": tests}))
    done = promtool(rules, "test", "rules", file)
    assert done.ok, done.stdout + done.stderr


def unit_test(name: str, case: dict[str, Any], *, fires: bool) -> dict[str, Any]:
    expected = []
    # Without quotes, YAML reads 0x20 as a number.
    assert all(isinstance(values, str) for values in case["series"].values()), name
    if fires:
        annotations = {"summary": case["summary"], "runbook_url": f"docs/runbooks/{name}.md"}
        expected = [{"exp_labels": {**ALERTS[name]["labels"], **case["labels"]}, "exp_annotations": annotations}]
    return {
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case["series"].items()],
        "alert_rule_test": [{"eval_time": case["at"], "alertname": name, "exp_alerts": expected}],
    }


def test_the_rules_are_an_object_for_the_operator() -> None:
    assert (RULES["apiVersion"], RULES["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"


def test_there_is_a_runbook_for_each_alert_and_no_other() -> None:
    pages = {path.stem: path.read_text() for path in RUNBOOKS.glob("*.md") if path.name != "README.md"}
    assert set(pages) == set(ALERTS)
    for name, text in pages.items():
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        assert headings[0] == name
        assert headings[1:] == ["What it means", "Look", "Mend"], name
    index = (RUNBOOKS / "README.md").read_text()
    assert re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \|", index, re.MULTILINE) == [
        (name, name, rule["labels"]["severity"]) for name, rule in ALERTS.items()
    ]
