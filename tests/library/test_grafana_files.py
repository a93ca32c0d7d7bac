"""Grafana's files in every case that renders: of the documented form, and in agreement with one another and the pod."""

from __future__ import annotations

import configparser
import itertools
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.support import dashboards
from tests.support.applications import container, environment, files, pod
from vela_realtime.library import fixtures

SCHEMAS = yaml.safe_load(Path(__file__).with_name("grafana_schema.yaml").read_text())
KINDS = {"analytics-dashboard": "dashboardType", "realtime-platform": "visualization"}
CASES = [
    case
    for name, product in KINDS.items()
    for case in fixtures.load(dashboards.LIBRARY, name)
    if case.valid and case.properties.get(product) == "grafana"
]
EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.definition}-{case.name}")
FILE = re.compile(r"\$__file\{([^}]*)\}")


def conforms(data: Any, kind: str) -> None:
    """Check a file against Grafana's documented form."""
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[kind])
    problems = jsonschema.Draft202012Validator(SCHEMAS[kind]).iter_errors(data)
    assert [f"{'.'.join(map(str, problem.absolute_path))}: {problem.message}" for problem in problems] == []


def check_dashboard(board: Any, sources: dict[str, str]) -> None:
    """Check what the form of a dashboard does not tell. ``sources`` has the data sources' types by uid."""
    conforms(board, "dashboard")
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(numbers) == len(set(numbers)), numbers
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
    for one, other in itertools.combinations(board["panels"], 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            source = target["datasource"]
            assert sources.get(source["uid"]) == source["type"], (panel["title"], source)
            assert panel["datasource"] == source, panel["title"]
            assert ("expr" in target) == (source["type"] == "prometheus"), panel["title"]
            assert panel["type"] != "timeseries" or target.get("format", "time_series") == "time_series"


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in (("x", "w"), ("y", "h"))
    )


@lru_cache
def objects_of(case_index: int) -> dict[str, Any]:
    case = CASES[case_index]
    result = fixtures.render_package(dashboards.LIBRARY, case.definition, case, "component")
    assert not result.problems
    return result.objects


class Installation:
    """What Grafana's pod finds in a case."""

    def __init__(self, case: fixtures.Case) -> None:
        self.objects = objects_of(CASES.index(case))
        (self.pod,) = (
            item
            for item in self.objects.values()
            if item["kind"] == "Deployment" and item["metadata"]["name"].endswith("grafana")
        )
        self.config = self.objects["outputs.grafana-config"]["data"]
        self.environment = environment(self.pod)
        self.mounts = files(self.pod)
        (volume,) = (item for item in pod(self.pod)["volumes"] if item["name"] == "config")
        self.paths = {f"/etc/grafana/{item['path']}": self.config[item["key"]] for item in volume["configMap"]["items"]}
        (secrets,) = (item for item in pod(self.pod)["volumes"] if item["name"] == "secrets")
        self.secrets = {
            f"/etc/grafana-secrets/{item['path']}"
            for source in secrets["projected"]["sources"]
            for item in source["secret"]["items"]
        }

    def provisioned(self, kind: str) -> list[Any]:
        """Return the provisioning files of a kind."""
        folder = f"/etc/grafana/provisioning/{kind}/"
        return [yaml.safe_load(text) for path, text in self.paths.items() if path.startswith(folder)]

    def sources(self) -> dict[str, str]:
        """Return the data sources: uid to type."""
        found = [item for file in self.provisioned("datasources") for item in file["datasources"]]
        assert len({item["uid"] for item in found}) == len({item["name"] for item in found}) == len(found)
        assert len([item for item in found if item.get("isDefault")]) <= 1
        return {item["uid"]: item["type"] for item in found}


@EVERY_CASE
def test_provisioning_files(case: fixtures.Case) -> None:
    it = Installation(case)
    for kind, schema in {
        "datasources": "datasources",
        "dashboards": "dashboard-providers",
        "alerting": "alerting",
    }.items():
        for file in it.provisioned(kind):
            conforms(file, schema)
    known = {path for path in it.paths if path.startswith("/etc/grafana/provisioning/")}
    assert all(Path(path).parent.name in {"datasources", "dashboards", "alerting"} for path in known)
    # Of these folders Grafana reads no file of another name, and says nothing of it.
    read = {path for path in known if Path(path).parent.name != "alerting"}
    assert {Path(path).suffix for path in read} <= {".yaml", ".yml"}, read
    for file in it.provisioned("dashboards"):
        for provider in file["providers"]:
            assert provider["options"]["path"] in it.mounts
    plugins = {kind for kind in it.sources().values() if "-" in kind}
    installed = it.environment.get("GF_PLUGINS_PREINSTALL_SYNC", "")
    assert plugins == {item.split("@")[0] for item in installed.split(",") if item}


@EVERY_CASE
def test_dashboards(case: fixtures.Case) -> None:
    it = Installation(case)
    boards = dashboards.grafana_dashboards(it.objects)
    assert len({board["uid"] for board in boards}) == len({board["title"] for board in boards}) == len(boards)
    for board in boards:
        check_dashboard(board, it.sources())


@EVERY_CASE
def test_alert_rules(case: fixtures.Case) -> None:
    it = Installation(case)
    for file in it.provisioned("alerting"):
        points = {point["name"] for point in file["contactPoints"]}
        assert {policy["receiver"] for policy in file["policies"]} <= points
        rules = [rule for group in file["groups"] for rule in group["rules"]]
        on = case.properties["alerts"].get("enabled", True)
        assert bool(points) == bool(file["policies"]) == on
        assert all(rule["isPaused"] != on for rule in rules)
        assert len({rule["uid"] for rule in rules}) == len({rule["title"] for rule in rules}) == len(rules)
        for rule in rules:
            steps = {step["refId"]: step for step in rule["data"]}
            assert rule["condition"] in steps
            for key, step in steps.items():
                assert step["model"]["refId"] == key
                if step["datasourceUid"] == "__expr__":
                    assert step["model"]["expression"] in set(steps) - {key}
                else:
                    assert step["datasourceUid"] in it.sources()


@EVERY_CASE
def test_settings(case: fixtures.Case) -> None:
    """Every key of grafana.ini is one that Grafana has, and says what it may say."""
    parser = configparser.RawConfigParser(comment_prefixes=("#", ";"), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(Installation(case).paths["/etc/grafana/grafana.ini"])
    for section in parser.sections():
        for key, value in parser[section].items():
            assert key in SCHEMAS["ini"].get(section, {}), f"{section}.{key}"
            assert re.fullmatch(SCHEMAS["ini"][section][key] or ".+", value), f"{section}.{key} = {value}"
            # What stands after one of these would be a comment.
            assert not re.search(r"\s[;#]", value), f"{section}.{key} = {value}"


@EVERY_CASE
def test_what_the_files_name_is_there(case: fixtures.Case) -> None:
    """Secrets are mounted where a setting reads them, and variables are in the pod's environment."""
    it = Installation(case)
    text = "\n".join(it.paths.values())
    named = set(FILE.findall(text))
    # What a pod only waits for, nothing reads.
    assert named == {path for path in it.secrets if "/.rotation/" not in path}
    assert set(it.mounts) >= {"/etc/grafana", "/etc/grafana-secrets", "/var/lib/grafana", "/tmp"}
    assert set(re.findall(r"config_file = (\S+)", text)) <= set(it.paths)
    provisioning = "\n".join(str(file) for kind in ("datasources", "alerting") for file in it.provisioned(kind))
    variables = set(re.findall(r"\$\{?([A-Z][A-Z0-9_]+)", provisioning + it.config.get("ldap.toml", "")))
    given = {name for name in it.environment if not name.endswith("_ROTATION")} - {"GF_PLUGINS_PREINSTALL_SYNC"}
    assert variables == given
    assert container(it.pod)["ports"] == [{"name": "http", "containerPort": 3000}]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"kafka", "database"}),
        ({"authentication": {"enabled": False}}, {"kafka"}),
        (
            {
                "authentication": {"enabled": False},
                "dataSources": [{"name": "app", "type": "postgres", "secretRef": "reader"}],
            },
            {"app"},
        ),
    ],
    ids=["with-sign-in", "open-to-anyone", "open-to-anyone-as-its-author-says"],
)
def test_without_sign_in_the_platforms_database_is_no_data_source(more: dict[str, Any], expected: set[str]) -> None:
    """Who reaches a data source may send it any SQL, here as the owner of the database."""
    siblings = [{"name": "streaming", "type": "realtime-platform", "properties": {"name": "core"}}]
    objects = dashboards.render({"name": "board", "dashboardType": "grafana", **more}, siblings=siblings)
    sources = dashboards.grafana_file(objects, "datasources.sources.yaml")["datasources"]
    assert {source["name"] for source in sources} == expected


def break_board(board: Any, how: str) -> None:
    """Make a mistake in a dashboard."""
    one, two = board["panels"][:2]
    match how:
        case "two panels of one number":
            two["id"] = one["id"]
        case "panels one above the other":
            two["gridPos"] = {**one["gridPos"], "x": one["gridPos"]["x"] + 1}
        case "over the edge":
            two["gridPos"]["x"] = 20
        case "a data source that is not there":
            one["targets"][0]["datasource"]["uid"] = "other"
        case "a data source of another kind":
            one["datasource"]["type"] = one["targets"][0]["datasource"]["type"] = "mysql"
        case "PromQL for a database":
            one["targets"] = [{"refId": "A", "datasource": one["datasource"], "expr": "up"}]
        case "a unit that Grafana does not have":
            one["fieldConfig"]["defaults"]["unit"] = "seconds"
        case "a field that Grafana does not have":
            board["datasources"] = []
        case _:
            raise AssertionError(how)


@pytest.mark.parametrize(
    "how",
    [
        "two panels of one number",
        "panels one above the other",
        "over the edge",
        "a data source that is not there",
        "a data source of another kind",
        "PromQL for a database",
        "a unit that Grafana does not have",
        "a field that Grafana does not have",
    ],
)
def test_a_mistake_in_a_dashboard_is_found(how: str) -> None:
    case = next(case for case in CASES if case.name == "every-template-in-grafana")
    it = Installation(case)
    board = dashboards.grafana_dashboards(it.objects)[1]
    check_dashboard(board, it.sources())
    break_board(board, how)
    with pytest.raises(AssertionError):
        check_dashboard(board, it.sources())
