"""Nodes that are played by KWOK: pods become ready and Jobs finish without anything being run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.hermetic import processes, programs
from vela_realtime.files import write_text
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from tests.hermetic.processes import Child
    from tests.hermetic.state import Folder

PLAYED = {"kwok.x-k8s.io/node": "fake"}
"""The annotation of a node that KWOK plays. Others are left alone."""

PLAYED_LABEL = "hermetic.vela-realtime.dev/played"
"""The label of a node that KWOK plays, for pods that are to be there."""

PLAYED_PREFIX = "played-"
"""What the names of these nodes begin with."""

THEN = "hermetic.vela-realtime.dev/then"
"""The annotation that says what becomes of a pod: ``ready`` (a Job's pod then finishes), ``fail``, or ``wait``."""

HELD_PREFIX = "held-"
"""Pods in namespaces whose name begins so wait until they are annotated; all others become ready."""

_FATE = (
    f'.metadata.annotations["{THEN}"]'
    f' // (if .metadata.namespace | startswith("{HELD_PREFIX}") then "wait" else "ready" end)'
)

_READY = """\
{{ $now := Now }}
conditions:
{{ range $type := list "Initialized" "Ready" "ContainersReady" }}
- {type: {{ $type }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  restartCount: 0
  {{ if eq .restartPolicy "Always" }}
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
  {{ else }}
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
  {{ end }}
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace | Quote }}
startTime: {{ $now | Quote }}
phase: Running
"""

_ENDED = """\
{{ $now := Now }}
conditions:
- {type: Ready, status: "False", reason: "%(reason)s", lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: false
  started: false
  restartCount: 0
  state:
    terminated:
      exitCode: %(code)d
      reason: %(reason)s
      startedAt: {{ $now | Quote }}
      finishedAt: {{ $now | Quote }}
{{ end }}
phase: %(phase)s
"""


def start(folder: Folder) -> Child:
    """Start KWOK. It plays the nodes that carry ``PLAYED``, and the pods on them."""
    config = folder.data / "kwok.yaml"
    write_text(config, "---\n".join(json.dumps(stage, indent=1) + "\n" for stage in _stages()))
    return processes.start(
        folder,
        "kwok",
        [
            gobuild.path(programs.KWOK),
            f"--config={config}",
            f"--kubeconfig={folder.kubeconfig}",
            f"--manage-nodes-with-annotation-selector={'='.join(*PLAYED.items())}",
            "--cidr=10.128.0.0/16",
            "--node-ip=10.127.0.1",
        ],
    )


def objects(count: int = 3) -> list[dict[str, Any]]:
    """Return nodes, each in a zone of its own, so that pods can spread."""
    size = {"cpu": "1000", "memory": "8Ti", "pods": "1000", "ephemeral-storage": "1Ti"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": f"{PLAYED_PREFIX}{index}",
                "annotations": PLAYED,
                "labels": {
                    PLAYED_LABEL: "true",
                    "kubernetes.io/hostname": f"{PLAYED_PREFIX}{index}",
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                    "topology.kubernetes.io/region": "here",
                    "topology.kubernetes.io/zone": f"zone-{index}",
                },
            },
            "status": {"allocatable": size, "capacity": size},
        }
        for index in range(count)
    ]


def _stages() -> list[dict[str, Any]]:
    """Return what KWOK does with a pod. For nodes it has stages of its own."""
    ended = {"key": ".status.phase", "operator": "In", "values": ["Succeeded", "Failed"]}
    running = {"key": ".status.phase", "operator": "In", "values": ["Running"]}
    of_a_job = {"key": ".metadata.ownerReferences[].kind", "operator": "In", "values": ["Job"]}
    completed = _ENDED % {"code": 0, "reason": "Completed", "phase": "Succeeded"}
    failed = _ENDED % {"code": 1, "reason": "Error", "phase": "Failed"}
    return [
        _stage("ready", [_fate("ready"), {"key": ".status.podIP", "operator": "DoesNotExist"}], _READY),
        _stage("complete", [_fate("ready"), running, of_a_job], completed),
        _stage("fail", [_fate("fail"), {**ended, "operator": "NotIn"}], failed),
        {
            **_stage("delete", [], ""),
            "spec": {
                "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
                "selector": {"matchExpressions": [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}]},
                "next": {"finalizers": {"empty": True}, "delete": True},
            },
        },
    ]


def _fate(value: str) -> dict[str, Any]:
    return {"key": _FATE, "operator": "In", "values": [value]}


def _stage(name: str, expressions: list[dict[str, Any]], template: str) -> dict[str, Any]:
    alive = {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"}
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": f"pod-{name}"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": [alive, *expressions]},
            "next": {"statusTemplate": template},
        },
    }
