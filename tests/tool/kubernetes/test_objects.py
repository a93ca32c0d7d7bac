"""Which pods a selector takes."""

from __future__ import annotations

from typing import Any

import pytest

from vela_realtime.kubernetes.objects import matches

LABELS = {"app": "kafka", "tier": "data"}


@pytest.mark.parametrize(
    ("selector", "takes"),
    [
        ({}, True),
        ({"matchLabels": {"app": "kafka"}}, True),
        ({"matchLabels": {"app": "mqtt"}}, False),
        # One pod of a StatefulSet, by the label that Kubernetes gives it: no manifest has that.
        ({"matchLabels": {"app": "kafka", "statefulset.kubernetes.io/pod-name": "p-kafka-0"}}, True),
        ({"matchLabels": {"app": "mqtt", "statefulset.kubernetes.io/pod-name": "p-kafka-0"}}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["data"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_a_selector_takes_labels(selector: dict[str, Any], takes: bool) -> None:
    assert matches(selector, LABELS) == takes
