"""Kubernetes' Pod Security Standards, versions "baseline" and "restricted".

Each check is one control of the page "Pod Security Standards" of Kubernetes' documentation, as its newest version has
it; ``k8s.io/pod-security-admission`` decides the same in an API server, and a test holds the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vela_realtime.check.objects.model import RESTRICTED, Objects, Pod, Violation, rule
from vela_realtime.findings.suggest import shown
from vela_realtime.kubernetes.objects import dicts, table, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

_BASELINE_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
_SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
}  # fmt: skip
_CONFINED = ("RuntimeDefault", "Localhost")
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip


@rule("pod-security-baseline")
def baseline(objects: Objects) -> Iterator[Violation]:
    """Yield pods that could take over their node."""
    for pod in objects.pods:
        for message in (*_pod_baseline(pod), *_container_baseline(pod)):
            yield Violation(pod.object, message)


def _pod_baseline(pod: Pod) -> Iterator[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(key):
            yield f"{pod.path}.{key} must not be true"
    for volume in dicts(pod.spec.get("volumes")):
        if "hostPath" in volume:
            yield f"{pod.path}.volumes[{volume.get('name', '')}] must not be a directory of the node"
    context = table(pod.spec, "securityContext")
    for item in dicts(context.get("sysctls")):
        if str(item.get("name")) not in _SAFE_SYSCTLS:
            yield f"{pod.path}.securityContext.sysctls must not set {item.get('name')}"
    yield from _profiles(f"{pod.path}.securityContext", context)
    for key, value in table(pod.metadata, "annotations").items():
        confined = value in ("", "runtime/default") or str(value).startswith("localhost/")
        if str(key).startswith(_APP_ARMOR) and not confined:
            yield f"{pod.path.removesuffix('spec')}metadata.annotations: {key} must not be {value}"


def _container_baseline(pod: Pod) -> Iterator[str]:
    for path, container in pod.containers():
        context = table(container, "securityContext")
        if context.get("privileged"):
            yield f"{path}.securityContext.privileged must not be true"
        added = set(texts(table(context, "capabilities").get("add")))
        if extra := sorted(added - _BASELINE_CAPABILITIES):
            yield f"{path}.securityContext.capabilities.add must not have {', '.join(extra)}"
        for port in dicts(container.get("ports")):
            if port.get("hostPort"):
                yield f"{path}.ports must not take port {port['hostPort']} of the node"
        if context.get("procMount") not in (None, "Default"):
            yield f"{path}.securityContext.procMount must be Default"
        yield from _hosts(path, container)
        yield from _profiles(f"{path}.securityContext", context)


def _hosts(path: str, container: dict[str, Any]) -> Iterator[str]:
    """Report what makes the node ask another host than the pod itself, which reaches what the pod may not."""
    lifecycle = table(container, "lifecycle")
    asked = [(key, table(container, key)) for key in ("livenessProbe", "readinessProbe", "startupProbe")]
    asked += [(f"lifecycle.{key}", table(lifecycle, key)) for key in ("postStart", "preStop")]
    for key, handler in asked:
        for how in ("httpGet", "tcpSocket"):
            if table(handler, how).get("host"):
                yield f"{path}.{key}.{how}.host must not be given: it asks the pod itself"


def _profiles(path: str, context: dict[str, Any]) -> Iterator[str]:
    for key in ("seccompProfile", "appArmorProfile"):
        if isinstance(context.get(key), dict) and (kind := context[key].get("type", "")) not in _CONFINED:
            yield f"{path}.{key}.type must be {' or '.join(_CONFINED)}, not {shown(kind)}"
    options = table(context, "seLinuxOptions")
    if str(options.get("type", "")) not in _SELINUX_TYPES or options.get("user") or options.get("role"):
        yield f"{path}.seLinuxOptions must have no user, no role and a container type"
    if table(context, "windowsOptions").get("hostProcess"):
        yield f"{path}.windowsOptions.hostProcess must not be true"


@rule("pod-security-restricted", profile=RESTRICTED)
def restricted(objects: Objects) -> Iterator[Violation]:
    """Yield pods that may do more than they have to."""
    for pod in objects.pods:
        for message in (*_pod_restricted(pod), *_container_restricted(pod)):
            yield Violation(pod.object, message)


def _pod_restricted(pod: Pod) -> Iterator[str]:
    for volume in dicts(pod.spec.get("volumes")):
        for kind in volume.keys() - _VOLUMES - {"name", "hostPath"}:
            yield f"{pod.path}.volumes[{volume.get('name', '')}] must not be of type {kind}"
    context = table(pod.spec, "securityContext")
    if context.get("runAsUser") == 0:
        yield f"{pod.path}.securityContext.runAsUser must not be 0"
    if context.get("runAsNonRoot") is False:  # whatever its containers say
        yield f"{pod.path}.securityContext.runAsNonRoot must not be false"


def _container_restricted(pod: Pod) -> Iterator[str]:
    shared = table(pod.spec, "securityContext")
    for path, container in pod.containers():
        missing = list(_missing(shared, table(container, "securityContext")))
        if missing:
            yield f"{path}.securityContext must have {', '.join(missing)}"
        context = table(container, "securityContext")
        if context.get("runAsUser") == 0:
            yield f"{path}.securityContext.runAsUser must not be 0"
        capabilities = table(context, "capabilities")
        if set(texts(capabilities.get("add"))) - {"NET_BIND_SERVICE"}:
            yield f"{path}.securityContext.capabilities.add must have nothing but NET_BIND_SERVICE"


def _missing(shared: dict[str, Any], context: dict[str, Any]) -> Iterator[str]:
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation: false"
    if context.get("runAsNonRoot", shared.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot: true"
    seccomp = table(context, "seccompProfile") or table(shared, "seccompProfile")
    if seccomp.get("type") not in ("RuntimeDefault", "Localhost", "Unconfined"):
        yield "seccompProfile.type: RuntimeDefault"
    if "ALL" not in texts(table(context, "capabilities").get("drop")):
        yield "capabilities.drop: [ALL]"


RULES = (baseline, restricted)
