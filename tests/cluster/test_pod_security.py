"""Our rules of the Pod Security Standards say of every pod what ``k8s.io/pod-security-admission`` says of it."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.hermetic import programs
from vela_realtime import process
from vela_realtime.check.objects import Objects
from vela_realtime.check.objects.pod_security import baseline, restricted
from vela_realtime.toolchain import gobuild

PODS = 1500

STRICT = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "capabilities": {"drop": ["ALL"]},
}

# What a pod, a context of security, or a container may have, right and wrong.
CONTEXTS: list[dict[str, Any]] = [
    {"runAsNonRoot": True},
    {"runAsNonRoot": False},
    {"runAsUser": 0},
    {"runAsUser": 1000},
    *({"seccompProfile": {"type": kind}} for kind in ("RuntimeDefault", "Unconfined", "Localhost", "Other")),
    *({"appArmorProfile": {"type": kind}} for kind in ("RuntimeDefault", "Unconfined", "Localhost", "")),
    {"seLinuxOptions": {"type": "container_t"}},
    {"seLinuxOptions": {"type": "spc_t"}},
    {"seLinuxOptions": {"user": "system_u"}},
    {"seLinuxOptions": {"level": "s0"}},
    {"windowsOptions": {"hostProcess": True}},
    {"windowsOptions": {"runAsUserName": "x"}},
]
OF_CONTAINERS: list[dict[str, Any]] = [
    {"privileged": True},
    {"privileged": False},
    {"allowPrivilegeEscalation": True},
    {"procMount": "Unmasked"},
    {"procMount": "Default"},
    *({"capabilities": {"add": names}} for names in (["CHOWN"], ["NET_ADMIN"], ["NET_BIND_SERVICE"], ["ALL"])),
    {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}},
    {"capabilities": {"drop": ["ALL"], "add": ["SETUID"]}},
    {"capabilities": {"drop": ["CHOWN"]}},
]
OF_PODS: list[dict[str, Any]] = [
    {"sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}]},
    {"sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "1"}]},
    {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]},
]
VOLUMES: list[dict[str, Any]] = [
    {"emptyDir": {}},
    {"configMap": {"name": "a"}},
    {"hostPath": {"path": "/"}},
    {"nfs": {"server": "a", "path": "/"}},
    {"csi": {"driver": "a"}},
    {"image": {"reference": "a:1"}},
    {"persistentVolumeClaim": {"claimName": "a"}},
]
PARTS: list[dict[str, Any]] = [
    {"ports": [{"containerPort": 80, "hostPort": 80}]},
    {"ports": [{"containerPort": 80}]},
    {"livenessProbe": {"httpGet": {"port": 80, "host": "127.0.0.1"}}},
    {"readinessProbe": {"tcpSocket": {"port": 80, "host": "example.com"}}},
    {"startupProbe": {"httpGet": {"port": 80}}},
    {"lifecycle": {"preStop": {"httpGet": {"port": 80, "host": "example.com"}}}},
    {"lifecycle": {"postStart": {"tcpSocket": {"port": 80, "host": ""}}}},
]
SPECS: list[dict[str, Any]] = [{"hostNetwork": True}, {"hostPID": True}, {"hostIPC": True}, {"hostPID": False}]
ANNOTATIONS = ["", "runtime/default", "localhost/a", "unconfined"]


def drawn(random: Random) -> dict[str, Any]:
    """Return a pod that keeps the strictest standard but for what chance puts there."""

    def some(choices: list[dict[str, Any]], chance: float = 0.15) -> dict[str, Any]:
        return random.choice(choices) if random.random() < chance else {}

    def container(name: str) -> dict[str, Any]:
        context = {**STRICT, **some(CONTEXTS), **some(OF_CONTAINERS)}
        for key in list(context):
            if random.random() < 0.05:
                del context[key]
        return {"name": name, "image": "a:1", "securityContext": context, **some(PARTS)}

    spec: dict[str, Any] = {"containers": [container("one")], **some(SPECS, 0.1)}
    if random.random() < 0.3:
        spec["initContainers"] = [container("first")]
    if context := {**some(CONTEXTS, 0.3), **some(OF_PODS)}:
        spec["securityContext"] = context
    if random.random() < 0.3:
        spec["volumes"] = [{"name": "a", **random.choice(VOLUMES)}]
    metadata: dict[str, Any] = {"name": "a"}
    if random.random() < 0.1:
        key = "container.apparmor.security.beta.kubernetes.io/one"
        metadata["annotations"] = {key: random.choice(ANNOTATIONS)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def ours(pod: dict[str, Any]) -> tuple[bool, bool]:
    """Tell whether a pod breaks the baseline, and whether it breaks the restricted standard, which includes it."""
    objects = Objects([pod])
    below = any(baseline.check(objects))
    return below, below or any(restricted.check(objects))


def test_every_pod_is_judged_as_an_api_server_judges_it() -> None:
    random = Random(34)  # noqa: S311 - repeatable, not secret
    pods = [drawn(random) for _ in range(PODS)]
    program = gobuild.build(programs.POD_SECURITY)
    answers = json.loads(process.run([program], stdin=json.dumps(pods)).stdout)
    differ = [
        (pod, reasons)
        for pod, reasons in zip(pods, answers, strict=True)
        if ours(pod) != (bool(reasons["baseline"]), bool(reasons["restricted"]))
    ]
    assert differ == []
    # Chance has to have drawn pods of every sort.
    sorts = {(bool(item["baseline"]), bool(item["restricted"])) for item in answers}
    assert sorts == {(False, False), (False, True), (True, True)}
    assert len({reason for item in answers for reason in item["restricted"]}) >= 14
