"""What docs/operations.md and docs/volumes.md have kubectl do names things that a platform renders.

That the commands do what they say is seen in ``tests/cluster/test_operations.py``.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests import ROOT
from tests.support import dashboards, pages
from tests.support.doubles.scripts import require
from vela_realtime import process

PAGE = (ROOT / "docs" / "operations.md").read_text()
NAME = "demo"
PROPERTIES = {"name": NAME, "size": "small"}
VERBS = {"get", "logs", "label", "annotate", "scale", "delete", "patch", "apply", "exec", "rollout"}
KINDS = {"application", "jobs", "pvc", "secret", "statefulset", "deployment"}


def commands() -> list[list[str]]:
    return pages.kubectl(PAGE, NAME=NAME, NS="default", APP="app")


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return [item for item in dashboards.render(PROPERTIES, "realtime-platform").values() if "kind" in item]


def test_every_command_is_one_of_kubectls_and_says_where() -> None:
    assert len(commands()) > 20
    for words in commands():
        assert words[:2] == ["-n", "default"], words
        assert words[2] in VERBS, words
        if words[2] in {"get", "scale", "delete", "label", "annotate"}:
            assert words[3].partition("/")[0] in KINDS, words


def test_what_is_named_is_there(objects: list[dict[str, Any]]) -> None:
    there = {f"{item['kind'].lower()}/{item['metadata']['name']}" for item in objects}
    pods = {f"{item['metadata']['name']}-0": item for item in objects if item["kind"] == "StatefulSet"}
    named, containers = 0, 0
    for words in commands():
        flat = " ".join(words).replace("statefulset ", "statefulset/")
        for reference in re.findall(r"\b(?:statefulset|deployment)/[\w-]+", flat):
            named += 1
            assert reference in there, words
        for pod in re.findall(rf"\b{NAME}-\w+-0\b", flat):
            containers += 1
            names = [item["name"] for item in pods[pod]["spec"]["template"]["spec"]["containers"]]
            assert words[words.index("-c") + 1] in names, words
    assert named >= 4
    assert containers >= 2


def test_every_label_selects_something(objects: list[dict[str, Any]]) -> None:
    selectors = {words[words.index("-l") + 1] for words in commands() if "-l" in words}
    assert len(selectors) >= 4
    for selector in selectors:
        wanted = dict(item.split("=") for item in selector.split(","))
        # A claim has the labels that its StatefulSet selects by.
        carried = [
            item["spec"].get("selector", {}).get("matchLabels", {}) | item["metadata"]["labels"]
            if item["kind"] == "StatefulSet"
            else item["metadata"]["labels"]
            for item in objects
        ]
        assert any(wanted.items() <= labels.items() for labels in carried), selector


def test_the_plan_for_three_copies_has_three_with_leaders_shared_out() -> None:
    (block,) = [block for block in pages.blocks(PAGE) if block.startswith("jq ")]
    (program,) = re.findall(r"jq -c '(.*?)' plan\.json", block, re.DOTALL)
    plan = {
        "version": 1,
        "partitions": [{"topic": "a", "partition": n, "replicas": [0], "log_dirs": ["any"]} for n in range(4)],
    }
    done = process.run([require("jq"), "-c", program], stdin=json.dumps(plan))
    assert done.ok, done.stderr
    assert [item["replicas"] for item in json.loads(done.stdout)["partitions"]] == [
        [0, 1, 2],
        [1, 2, 0],
        [2, 0, 1],
        [0, 1, 2],
    ]
    assert "log_dirs" not in done.stdout
