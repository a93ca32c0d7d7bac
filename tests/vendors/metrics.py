"""The metrics that alerts ask for, and those that a platform's pods answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from tests.pods.images import names
from tests.vendors.report import is_played

if TYPE_CHECKING:
    from tests.pods.running import Running
    from tests.vendors.using import Using

_RULES = names.ROOT / "monitoring" / "prometheus-rule.yaml"
_EXPORTERS = names.ROOT / "tests" / "library" / "exporter_metrics.yaml"


def asked_for() -> dict[str, set[str]]:
    """Return, by the key of its image, the metrics of an exporter that alerts ask for."""
    groups = yaml.safe_load(_RULES.read_text())["spec"]["groups"]
    asked = " ".join(rule["expr"] for group in groups for rule in group["rules"])
    return {
        exporter["image"]: {name for name in exporter["metrics"] if re.search(rf"\b{name}\b", asked)}
        for exporter in yaml.safe_load(_EXPORTERS.read_text()).values()
        if "image" in exporter
    }


def missing(collector: Using, here: Running) -> dict[str, set[str]]:
    """Return, by the key of the image, what exporters of a namespace do not answer though alerts ask for it."""
    scraped = [pod for pod in here.pods() if _port(pod) and not is_played(pod) and pod["status"]["phase"] == "Running"]
    answered = {name for pod in scraped for name in _metrics(collector, pod)}
    images = {container["image"] for pod in scraped for container in pod["spec"]["containers"]}
    wanted = {key: asked for key, asked in asked_for().items() if names.reference(key) in images}
    assert wanted, f"no exporter that is known runs in {here.namespace}: {images}"
    return {key: asked - answered for key, asked in wanted.items() if asked - answered}


def _port(pod: dict[str, Any]) -> str:
    return str(pod["metadata"].get("annotations", {}).get("prometheus.io/port", ""))


def _metrics(collector: Using, pod: dict[str, Any]) -> set[str]:
    path = pod["metadata"]["annotations"].get("prometheus.io/path", "/metrics")
    answer = collector.http(f"http://{pod['status']['podIP']}:{_port(pod)}{path}")
    assert answer.status == 200, f"{pod['metadata']['name']}: {answer}"
    return {re.split(r"[{ ]", line)[0] for line in answer.text.splitlines() if line and not line.startswith("#")}
