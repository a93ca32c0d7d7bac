"""The kubelet, kube-proxy and CoreDNS of the real node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.hermetic import processes, programs
from tests.hermetic.node import containerd, isolation, packages
from tests.hermetic.state import ClusterError
from vela_realtime.files import write_text
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from tests.hermetic.control_plane import ControlPlane
    from tests.hermetic.processes import Child
    from tests.hermetic.state import Folder

NODE = "real"
DOMAIN = "cluster.local"


def kubelet(folder: Folder, plane: ControlPlane, address: str, cgroup: str) -> Child:
    """Start the kubelet. Pods find CoreDNS at ``address``, which is the node's."""
    resolver = folder.data / "resolv.conf"
    write_text(resolver, "# Names outside of the cluster do not exist.\n")
    config: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(plane.keys.certificate)},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "tlsCertFile": str(plane.keys.certificate),
        "tlsPrivateKeyFile": str(plane.keys.key),
        "address": address,
        "port": 10250,
        "readOnlyPort": 0,
        "healthzPort": 10248,
        "containerRuntimeEndpoint": f"unix://{containerd.socket(folder)}",
        "clusterDNS": [address],
        "clusterDomain": DOMAIN,
        "resolvConf": str(resolver),
        "podLogsDir": str(folder.data / "pods-logs"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        # Somebody else's full disk is no reason to throw our pods out.
        "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "imageMinimumGCAge": "24h",
        "maxPods": 200,
        "syncFrequency": "10s",
        # Twice the default: a start of everything at once is what tests do.
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
    }
    path = folder.data / "kubelet.json"
    write_text(path, json.dumps(config, indent=1))
    child = processes.start(
        folder,
        "kubelet",
        [
            gobuild.path(programs.KUBELET),
            f"--config={path}",
            f"--kubeconfig={folder.kubeconfig}",
            f"--root-dir={isolation.KUBELET}",
            f"--hostname-override={NODE}",
            f"--node-ip={address}",
            f"--node-labels=topology.kubernetes.io/region=here,topology.kubernetes.io/zone={NODE}",
        ],
        packages.environment(packages.path()),
    )
    child.wait_until(lambda: processes.answers("http://127.0.0.1:10248/healthz"))
    return child


def proxy(folder: Folder) -> Child:
    """Start kube-proxy, which makes the addresses of Services work."""
    health, metrics = processes.free_ports(2)
    child = processes.start(
        folder,
        "kube-proxy",
        [
            gobuild.path(programs.KUBE_PROXY),
            f"--kubeconfig={folder.kubeconfig}",
            f"--hostname-override={NODE}",
            f"--cluster-cidr={containerd.POD_NETWORK}",
            "--proxy-mode=nftables",
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0s",
            "--conntrack-tcp-timeout-close-wait=0s",
            f"--healthz-bind-address=127.0.0.1:{health}",
            f"--metrics-bind-address=127.0.0.1:{metrics}",
        ],
        packages.environment(packages.path()),
    )
    child.wait_until(lambda: processes.answers(f"http://127.0.0.1:{health}/healthz"))
    return child


def dns(folder: Folder, address: str) -> Child:
    """Start CoreDNS on the node's address."""
    (health,) = processes.free_ports(1)
    corefile = folder.data / "Corefile"
    write_text(
        corefile,
        f""".:53 {{
    bind {address}
    errors
    ready 127.0.0.1:{health}
    kubernetes {DOMAIN} in-addr.arpa {{
        kubeconfig {folder.kubeconfig}
        pods insecure
        ttl 5
    }}
}}
""",
    )
    child = processes.start(folder, "coredns", [gobuild.path(programs.COREDNS), f"-conf={corefile}"])
    child.wait_until(lambda: processes.answers(f"http://127.0.0.1:{health}/ready"))
    return child


def let_bridges_be_seen() -> None:
    """Let what pods send to one another over the bridge pass by the rules of kube-proxy.

    Raises:
        ClusterError: the kernel cannot.
    """
    try:
        Path("/proc/sys/net/bridge/bridge-nf-call-iptables").write_text("1")
    except OSError as error:
        raise ClusterError("the kernel does not filter bridges", "load its module: modprobe br_netfilter") from error
