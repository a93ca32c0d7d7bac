"""What objects ask a cluster for, counted as the scheduler does."""

from __future__ import annotations

from typing import Any

import pytest

from vela_realtime.kubernetes import requests
from vela_realtime.kubernetes.requests import Requests

MI, GI = 1024.0**2, 1024.0**3


def container(cpu: str, memory: str, **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


def workload(kind: str, *containers: dict[str, Any], name: str = "a", **more: Any) -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": list(containers)}}, **more}
    return {"kind": kind, "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(
    ("text", "number"),
    [("500m", 0.5), (2, 2.0), ("2", 2.0), ("1.5Gi", 1.5 * GI), ("10G", 1e10), ("lots", 0.0), (None, 0.0), ("5Xi", 0.0)],
)
def test_quantity(text: object, number: float) -> None:
    assert requests.quantity(text) == number


def test_every_replica_counts_with_its_volume() -> None:
    claim = {"spec": {"resources": {"requests": {"storage": "10Gi"}}}}
    item = workload("StatefulSet", container("500m", "1Gi"), replicas=3, volumeClaimTemplates=[claim])
    assert requests.total([item]) == Requests(1.5, 3 * GI, 30 * GI)


def test_a_claim_of_its_own() -> None:
    claim = {"kind": "PersistentVolumeClaim", "spec": {"resources": {"requests": {"storage": "5Gi"}}}}
    assert requests.total([claim]) == Requests(disk=5 * GI)


def test_an_autoscaler_says_how_many_there_are_at_least() -> None:
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "a"}, "minReplicas": 2}
    scaler = {"kind": "HorizontalPodAutoscaler", "spec": target}
    assert requests.total([workload("Deployment", container("1", "1Gi")), scaler]) == Requests(2.0, 2 * GI)


def test_what_only_prepares_counts_where_it_needs_more() -> None:
    item = workload("Deployment", container("100m", "64Mi"))
    first = [container("1", "32Mi"), container("100m", "16Mi", restartPolicy="Always")]
    item["spec"]["template"]["spec"]["initContainers"] = first
    assert requests.total([item]) == Requests(1.0, 80 * MI)


def test_a_limit_without_a_request_is_one() -> None:
    assert requests.total([workload("Deployment", {"resources": {"limits": {"cpu": "2"}}})]) == Requests(2.0)


def test_jobs_come_and_go() -> None:
    assert requests.total([workload("Job", container("1", "1Gi"))]) == Requests()


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (Requests(2.5, 6 * GI, 1536 * MI), "2.5 CPU, 6Gi memory, 1.5Gi disk"),
        (Requests(0.1), "0.1 CPU"),
        (Requests(), ""),
    ],
)
def test_how_it_is_written(asked: Requests, text: str) -> None:
    assert str(asked) == text
