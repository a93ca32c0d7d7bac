"""Health and status line, evaluated by the CUE of both KubeVela lines on objects as a cluster has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.versions import CUE_VERSIONS, DEFAULT_CUE
from vela_realtime import cue
from vela_realtime.library.health import KINDS, Part, custom_status, health_policy

if TYPE_CHECKING:
    from pathlib import Path

PARTS = [
    Part("kafka", "StatefulSet", ""),
    Part("connect", "Deployment", "connect"),
    Part("agent", "DaemonSet", "log-agent"),
    Part("topics", "Job", "kafka-topics"),
]


def workload(
    ready: int, wanted: int, *, updated: int | None = None, old: int = 0, generation: int = 1, observed: int = 1
) -> Any:
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": wanted},
        "status": {
            "replicas": wanted + old,
            "readyReplicas": ready,
            "updatedReplicas": ready if updated is None else updated,
            "observedGeneration": observed,
        },
    }


def daemons(ready: int, wanted: int, updated: int) -> Any:
    counts = {"numberReady": ready, "desiredNumberScheduled": wanted, "currentNumberScheduled": wanted}
    counts["updatedNumberScheduled"] = updated
    return {"metadata": {"generation": 1}, "status": {**counts, "observedGeneration": 1}}


def job(*conditions: str, active: int = 0) -> Any:
    status: dict[str, Any] = {"conditions": [{"type": kind, "status": "True"} for kind in conditions]}
    return {"status": {**status, "active": active} if active else status}


UP = workload(3, 3)


def evaluate(context: Any, folder: Path, version: str, parts: list[Part] = PARTS) -> tuple[bool, str]:
    values = []
    if "output" in context:
        context["output"] = {"kind": parts[0].kind, **context["output"]}
    for text, name in ((health_policy(parts), "isHealth"), (custom_status(parts), "message")):
        stdin = f"{text}\ncontext: {json.dumps(context)}\nparameter: {{}}\n"
        done = cue.run(["export", "-", "-e", name], folder=folder, stdin=stdin, version=version)
        assert done.ok, done.stderr
        values.append(json.loads(done.stdout))
    return values[0], values[1]


@pytest.mark.parametrize("version", CUE_VERSIONS)
@pytest.mark.parametrize(
    ("context", "healthy", "message"),
    [
        pytest.param({"output": UP}, True, "kafka 3/3", id="no outputs at all"),
        pytest.param({"output": UP, "outputs": {}}, True, "kafka 3/3", id="empty outputs"),
        pytest.param({"output": UP, "outputs": {"secret": {"kind": "Secret"}}}, True, "kafka 3/3", id="others ignored"),
        pytest.param({"output": workload(2, 3)}, False, "kafka 2/3", id="one not ready"),
        pytest.param({"output": workload(3, 3, updated=1)}, False, "kafka 3/3", id="still rolling"),
        pytest.param(
            {"output": workload(1, 1, old=1)}, False, "kafka 1/1", id="an old pod is ready, the new one is not"
        ),
        pytest.param(
            {"output": workload(3, 3, generation=2)}, False, "kafka 3/3", id="change not seen by the controller"
        ),
        pytest.param({"output": {"spec": {"replicas": 3}}}, False, "kafka 0/3", id="no status yet"),
        pytest.param({"output": {"metadata": {"generation": 1}}}, False, "kafka 0/1", id="nothing but a generation"),
        pytest.param({"output": workload(0, 0)}, True, "kafka 0/0", id="scaled to nothing"),
        pytest.param(
            {"output": {"metadata": {"generation": 1}, "spec": {"replicas": 0}, "status": {"observedGeneration": 1}}},
            True,
            "kafka 0/0",
            id="scaled to nothing, counts left out",
        ),
        pytest.param(
            {"output": workload(2, 3), "outputs": {"connect": workload(1, 1), "kafka-topics": job()}},
            False,
            "kafka 2/3, connect 1/1, topics pending",
            id="several",
        ),
        pytest.param({"outputs": {"connect": workload(1, 1)}}, True, "connect 1/1", id="no main object"),
        pytest.param({"output": UP, "outputs": {"kafka-topics": job(active=1)}}, False, "kafka 3/3, topics running"),
        pytest.param({"output": UP, "outputs": {"kafka-topics": job("Failed")}}, False, "kafka 3/3, topics failed"),
        pytest.param(
            {"output": UP, "outputs": {"kafka-topics": job("SuccessCriteriaMet", "Complete")}},
            True,
            "kafka 3/3, topics done",
        ),
        pytest.param({"output": UP, "outputs": {"kafka-topics": {}}}, False, "kafka 3/3, topics pending"),
        pytest.param({"output": UP, "outputs": {"log-agent": daemons(4, 4, 4)}}, True, "kafka 3/3, agent 4/4"),
        pytest.param({"output": UP, "outputs": {"log-agent": daemons(4, 4, 2)}}, False, "kafka 3/3, agent 4/4"),
        pytest.param({"output": UP, "outputs": {"log-agent": {}}}, False, "kafka 3/3, agent 0/0"),
        # With somebody else's Kafka the main object is the Secret that says where it is.
        pytest.param({"output": {"kind": "Secret"}, "outputs": {"connect": workload(1, 1)}}, True, "connect 1/1"),
        pytest.param(
            {"output": {"metadata": {"generation": 1, "annotations": {"app.oam.dev/disable-health-check": "true"}}}},
            True,
            "kafka 0/1",
            id="not to be checked",
        ),
        pytest.param(
            {"output": {"metadata": {"generation": 1, "annotations": {"other": "true"}}}},
            False,
            "kafka 0/1",
            id="another annotation",
        ),
    ],
)
def test_verdict(context: Any, healthy: bool, message: str, version: str, tmp_path: Path) -> None:
    assert evaluate(context, tmp_path, version) == (healthy, message)


@pytest.mark.parametrize("version", CUE_VERSIONS)
@pytest.mark.parametrize("present", range(16))
def test_every_subset_of_parts(present: int, version: str, tmp_path: Path) -> None:
    up = [UP, workload(1, 1), daemons(2, 2, 2), job("Complete")]
    texts = ["kafka 3/3", "connect 1/1", "agent 2/2", "topics done"]
    chosen = [index for index in range(4) if present & 1 << index]
    context: dict[str, Any] = {"outputs": {PARTS[index].output: up[index] for index in chosen if index}}
    if 0 in chosen:
        context["output"] = up[0]
    assert evaluate(context, tmp_path, version) == (True, ", ".join(texts[index] for index in chosen))


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_of_one_kind_only(kind: str, tmp_path: Path) -> None:
    healthy, message = evaluate({"output": {}}, tmp_path, DEFAULT_CUE, [Part("x", kind, "")])
    assert (healthy, message.split()[0]) == (False, "x")


def test_without_parts_it_is_healthy_as_soon_as_applied(tmp_path: Path) -> None:
    assert evaluate({}, tmp_path, DEFAULT_CUE, []) == (True, "")


def test_nothing_is_imported() -> None:
    assert not health_policy(PARTS).startswith("import")
    assert not custom_status(PARTS).startswith("import")
