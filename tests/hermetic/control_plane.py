"""etcd, the API server, the controllers and the scheduler, as in any cluster, on this machine's loopback."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.hermetic import certificates, processes, programs
from vela_realtime.files import write_text
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.hermetic.certificates import KeyPair
    from tests.hermetic.processes import Child
    from tests.hermetic.state import Folder

SERVICE_RANGE = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"
"""The address of the Service ``kubernetes``: the first of the range."""

NOWHERE = "192.0.2.1"
"""Reserved for documentation. The API server wants an address for pods to reach it at, even where none runs."""

# The nodes are played, and nothing reports for them: this controller would take them for lost.
_CONTROLLERS = (
    "*,-node-lifecycle-controller,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller"
)


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane."""

    url: str
    keys: KeyPair
    token: str
    children: tuple[Child, ...]


def start(folder: Folder, address: str = "", served: Sequence[str] = ()) -> ControlPlane:
    """Start a control plane and wait until its API answers.

    It listens on ``address``, an address of this machine that real pods can reach; on loopback without one. Its
    certificate is that of the hosts ``served`` too, which serve more APIs.

    Raises:
        ClusterError: a program ends or does not become ready; its last words are in the message.
    """
    etcd_port, peer_port, api_port = processes.free_ports(3)
    if address:  # where nobody else is: the port that every cluster has, which policies name
        api_port = 6443
    url = f"https://{address or '127.0.0.1'}:{api_port}"
    hosts = ["localhost", "kubernetes.default.svc", *served]
    addresses = ["127.0.0.1", SERVICE_ADDRESS, *([address] if address else [])]
    names = [*(f"IP:{item}" for item in addresses), *(f"DNS:{host}" for host in hosts)]
    keys = certificates.make(folder.data / "keys", names)
    token = secrets.token_urlsafe(24)
    write_text(folder.kubeconfig, kubeconfig(url, keys, token))
    folder.kubeconfig.chmod(0o600)
    etcd = _etcd(folder, etcd_port, peer_port)
    server = _api_server(folder, keys, token, f"http://127.0.0.1:{etcd_port}", api_port, address)
    trusted = keys.trusted()
    server.wait_until(lambda: processes.answers(f"{url}/readyz", trusted))
    manager = processes.start(
        folder,
        "kube-controller-manager",
        [
            gobuild.path(programs.CONTROLLER_MANAGER),
            f"--kubeconfig={folder.kubeconfig}",
            f"--root-ca-file={keys.certificate}",
            f"--service-account-private-key-file={keys.key}",
            f"--controllers={_CONTROLLERS}",
            "--leader-elect=false",
            "--secure-port=0",
        ],
    )
    scheduler = processes.start(
        folder,
        "kube-scheduler",
        [
            gobuild.path(programs.SCHEDULER),
            f"--kubeconfig={folder.kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
        ],
    )
    return ControlPlane(url, keys, token, (etcd, server, manager, scheduler))


def _etcd(folder: Folder, port: int, peer_port: int) -> Child:
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    child = processes.start(
        folder,
        "etcd",
        [
            gobuild.path(programs.ETCD),
            f"--data-dir={folder.data / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",  # nothing here outlives the machine
        ],
    )
    child.wait_until(lambda: processes.answers(f"{client}/health"))
    return child


def _api_server(folder: Folder, keys: KeyPair, token: str, etcd: str, port: int, address: str) -> Child:
    tokens = folder.data / "tokens.csv"
    write_text(tokens, f'{token},admin,admin,"system:masters"\n')
    tokens.chmod(0o600)
    return processes.start(
        folder,
        "kube-apiserver",
        [
            gobuild.path(programs.API_SERVER),
            f"--etcd-servers={etcd}",
            f"--bind-address={address or '127.0.0.1'}",
            f"--advertise-address={address or NOWHERE}",
            f"--secure-port={port}",
            f"--tls-cert-file={keys.certificate}",
            f"--tls-private-key-file={keys.key}",
            f"--service-account-key-file={keys.certificate}",
            f"--service-account-signing-key-file={keys.key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=Node,RBAC",
            # To servers of more APIs, who take its word for who asks.
            f"--proxy-client-cert-file={keys.certificate}",
            f"--proxy-client-key-file={keys.key}",
            f"--requestheader-client-ca-file={keys.certificate}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--feature-gates=PodTopologyLabelsAdmission=true",  # as from 1.35 on by itself
            "--disable-admission-plugins=TaintNodesByCondition",  # only the node controller takes that taint away
            "--allow-privileged=true",
            # To the kubelet of a real node, for logs and commands in its pods.
            f"--kubelet-client-certificate={keys.certificate}",
            f"--kubelet-client-key={keys.key}",
            "--kubelet-preferred-address-types=InternalIP",
        ],
    )


def kubeconfig(url: str, keys: KeyPair, token: str) -> str:
    """Return a kubeconfig for the administrator. JSON is YAML."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "hermetic", "cluster": {"server": url, "certificate-authority-data": keys.authority()}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "hermetic", "context": {"cluster": "hermetic", "user": "admin"}}],
        "current-context": "hermetic",
    }
    return json.dumps(config, indent=2) + "\n"
