"""A real Prometheus and Alertmanager watch a platform, by what docs/monitoring.md says that they need to know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.pods import running
from tests.pods.images import monitoring, names, store
from vela_realtime.documents import dump

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.pods.running import Running

PLAYED = ("kafka", "kafka-topics", "connect", "connectors")
"""All but the database, whose exporter can be had."""

MONITORING = "monitoring"
"""The namespace of Prometheus, as shipped: the policies admit no other."""

RULES = yaml.safe_load((names.ROOT / "monitoring/prometheus-rule.yaml").read_text())["spec"]["groups"]

# As the job kubernetes-pods of Prometheus' Helm chart.
SETTINGS = {
    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
    "rule_files": ["/etc/watch/rules.yaml"],
    "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:9093"]}]}]},
    "scrape_configs": [
        {
            "job_name": "kubernetes-pods",
            "kubernetes_sd_configs": [{"role": "pod"}],
            "relabel_configs": [
                {
                    "source_labels": ["__meta_kubernetes_pod_annotation_prometheus_io_scrape"],
                    "action": "keep",
                    "regex": "true",
                },
                {
                    "source_labels": ["__meta_kubernetes_pod_annotation_prometheus_io_path"],
                    "target_label": "__metrics_path__",
                    "regex": "(.+)",
                },
                {
                    "source_labels": [
                        "__meta_kubernetes_pod_ip",
                        "__meta_kubernetes_pod_annotation_prometheus_io_port",
                    ],
                    "separator": ":",
                    "target_label": "__address__",
                },
                {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
                {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
            ],
        }
    ],
}

ALERTMANAGER = {"route": {"receiver": "nobody", "group_wait": "1s"}, "receivers": [{"name": "nobody"}]}


def _objects() -> list[dict[str, Any]]:
    """Return Prometheus and Alertmanager in one pod, and the right to look for pods."""
    # Nobody waits a quarter of an hour for a test: what an alert asks for is as it was, how long it lasts is not.
    groups = [{**group, "rules": [{**rule, "for": "1s"} for rule in group["rules"]]} for group in RULES]
    files = {"prometheus.yaml": SETTINGS, "rules.yaml": {"groups": groups}, "alertmanager.yaml": ALERTMANAGER}
    restricted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = [{"name": "settings", "mountPath": "/etc/watch"}, {"name": "tmp", "mountPath": "/tmp"}]
    commands = {
        "prometheus": ["--config.file=/etc/watch/prometheus.yaml", "--storage.tsdb.path=/tmp/prometheus"],
        "prometheus-alertmanager": [
            "--config.file=/etc/watch/alertmanager.yaml",
            "--storage.path=/tmp/alertmanager",
            "--cluster.listen-address=",
        ],
    }
    containers = [
        {
            "name": program,
            "image": monitoring.PROMETHEUS,
            "command": [program, *options],
            "securityContext": restricted,
            "volumeMounts": mounts,
        }
        for program, options in commands.items()
    ]
    profile = {"seccompProfile": {"type": "RuntimeDefault"}}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "watch"}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "watch"},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "watch"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "watch"},
            "subjects": [{"kind": "ServiceAccount", "name": "watch", "namespace": MONITORING}],
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "watch"},
            "data": {name: dump.dump(content) for name, content in files.items()},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "watch", "labels": {"app.kubernetes.io/name": "watch"}},
            "spec": {
                "serviceAccountName": "watch",
                "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "runAsGroup": 65534, **profile},
                "terminationGracePeriodSeconds": 0,
                "containers": containers,
                "volumes": [
                    {"name": "settings", "configMap": {"name": "watch"}},
                    {"name": "tmp", "emptyDir": {}},
                ],
            },
        },
    ]


class Watch:
    """A platform whose database runs, and who watches it."""

    def __init__(self, here: Running, prometheus: Running) -> None:
        self.here = here
        self.prometheus = prometheus

    def ask(self, port: int, path: str) -> Any:
        command = ["exec", "watch", "--container=prometheus", self.prometheus.inside, "--"]
        command += ["wget", "-q", "-O", "-", f"http://127.0.0.1:{port}{path}"]
        return json.loads(self.prometheus.cluster.kubectl(*command).stdout)

    def alerts(self) -> dict[str, dict[str, str]]:
        """Return what Alertmanager has of the platform: an alert's labels by its name."""
        active = self.ask(9093, "/api/v2/alerts?active=true")
        labels = [alert["labels"] | alert["annotations"] for alert in active]
        return {item["alertname"]: item for item in labels if item.get("namespace") == self.here.namespace}

    def sql(self, statement: str) -> None:
        self.here.execute("shop-postgres-0", "psql", "-XqU", "postgres", "-c", statement)


@pytest.fixture(scope="module")
def watch(platform_cluster: Cluster) -> Iterator[Watch]:
    store.give(platform_cluster, "prometheus")
    prometheus = running.Running(platform_cluster, MONITORING)
    with running.namespace(platform_cluster, PLAYED) as here, platform_cluster.only_here(MONITORING):
        here.apply(running.platform("shop", iot=False))
        here.running("shop")
        try:
            platform_cluster.apply(*_objects(), namespace=MONITORING)
            prometheus.ready("watch")
            yield Watch(here, prometheus)
        finally:
            platform_cluster.kubectl("delete", "clusterrolebinding,clusterrole", "watch", check=False)


def _targets(watch: Watch) -> dict[str, str]:
    found = watch.ask(9090, "/api/v1/targets")["data"]["activeTargets"]
    return {
        target["labels"]["pod"]: target["health"]
        for target in found
        if target["labels"].get("namespace") == watch.here.namespace
    }


def test_prometheus_finds_and_reads_the_pods(watch: Watch) -> None:
    def read() -> bool:
        return _targets(watch).get("shop-postgres-0") == "up"

    watch.here.cluster.until(read, running.PATIENCE, lambda: str(_targets(watch)))
    # What is played is found too, and has nothing to tell.
    assert any(name.startswith("shop-kafka-exporter-") for name in _targets(watch))


def test_every_rule_is_evaluated(watch: Watch) -> None:
    wanted = sum(len(group["rules"]) for group in RULES)

    def rules() -> list[dict[str, Any]]:
        groups = watch.ask(9090, "/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"] if rule["health"] != "unknown"]

    watch.here.cluster.until(lambda: len(rules()) == wanted, running.PATIENCE, lambda: str(rules()))
    assert {rule["name"]: rule.get("lastError") for rule in rules() if rule["health"] != "ok"} == {}


def test_an_alert_reaches_alertmanager_and_goes_again(watch: Watch) -> None:
    until = watch.here.cluster.until
    until(lambda: _targets(watch).get("shop-postgres-0") == "up", running.PATIENCE)
    assert "RealtimeDatabaseDown" not in watch.alerts()
    watch.sql("ALTER ROLE monitor NOLOGIN")
    watch.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'monitor'")
    until(lambda: "RealtimeDatabaseDown" in watch.alerts(), running.PATIENCE, lambda: str(watch.alerts()))
    alert = watch.alerts()["RealtimeDatabaseDown"]
    assert alert["severity"] == "critical"
    assert alert["pod"] == "shop-postgres-0"
    assert alert["summary"] == f"The database shop-postgres-0 in {watch.here.namespace} does not answer"
    watch.sql("ALTER ROLE monitor LOGIN")
    until(lambda: "RealtimeDatabaseDown" not in watch.alerts(), running.PATIENCE, lambda: str(watch.alerts()))
