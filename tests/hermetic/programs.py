"""The Go programs that make up a cluster, pinned and built like the ones that the tool itself uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.hermetic.node import packages
from vela_realtime.toolchain import gobuild, gosource, pins
from vela_realtime.toolchain.gobuild import GoProgram
from vela_realtime.toolchain.gosource import GoSource
from vela_realtime.toolchain.stage import silent

if TYPE_CHECKING:
    from vela_realtime.toolchain.stage import Progress

MODULES = Path(__file__).parent / "modules"
"""One folder with ``go.mod`` and ``go.sum`` a module and version."""

KUBERNETES = "1.34.4"

# A build from the module knows no version of its own; templates and clients ask the API server for it.
_STAMP = " ".join(
    f"-X k8s.io/{package}.{key}={value}"
    for package in ("component-base/version", "client-go/pkg/version")
    for key, value in (
        ("gitVersion", f"v{KUBERNETES}"),
        ("gitMajor", KUBERNETES.split(".")[0]),
        ("gitMinor", KUBERNETES.split(".")[1]),
    )
)


def _kubernetes(name: str, seconds: int) -> GoProgram:
    module = MODULES / f"kubernetes-{KUBERNETES}"
    return GoProgram(name, KUBERNETES, module, f"k8s.io/kubernetes/cmd/{name}", ldflags=_STAMP, seconds=seconds)


ETCD = GoProgram("etcd", "3.6.14", MODULES / "etcd-3.6.14", "go.etcd.io/etcd/server/v3", seconds=50)
API_SERVER = _kubernetes("kube-apiserver", 240)
CONTROLLER_MANAGER = _kubernetes("kube-controller-manager", 70)
SCHEDULER = _kubernetes("kube-scheduler", 10)
KUBECTL = _kubernetes("kubectl", 20)
KWOK = GoProgram("kwok", "0.7.0", MODULES / "kwok-0.7.0", "sigs.k8s.io/kwok/cmd/kwok", seconds=100)

POD_SECURITY = GoProgram("pod-security", KUBERNETES, MODULES / f"pod-security-{KUBERNETES}", ".", seconds=60)
"""What an API server says of pods by the Pod Security Standards, for the test of our own rules."""

CONTROL_PLANE = (ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER, KUBECTL, KWOK)
"""What every cluster runs, besides KubeVela."""

KUBELET = _kubernetes("kubelet", 60)
KUBE_PROXY = _kubernetes("kube-proxy", 10)
COREDNS = GoProgram("coredns", "1.15.0", MODULES / "coredns-1.15.0", "github.com/coredns/coredns", seconds=120)

PAUSE = GoProgram("pause", "1", MODULES / "pause-1", ".", seconds=5)
NETWORK_POLICIES = GoProgram("network-policies", "0.8.0", MODULES / "network-policies-0.8.0", ".", seconds=60)

BENTO = GoProgram("bento", "1.20.0", MODULES / "bento-1.20.0", ".", seconds=150)
"""The bridge from MQTT to Kafka, for the pods and for tests that run it alone."""

CLUSTER_GATEWAY = GoProgram(
    "cluster-gateway",
    "1.9.0-alpha.2",
    MODULES / "cluster-gateway-1.9.0-alpha.2",
    "github.com/oam-dev/cluster-gateway/cmd/apiserver",
    seconds=110,
)
"""How a hub reaches other clusters, in the version of KubeVela's charts."""

RESTIC = GoProgram("restic", "0.18.1", MODULES / "restic-0.18.1", "github.com/restic/restic/cmd/restic", seconds=240)
"""What keeps backups."""

ACTIONLINT = GoProgram(
    "actionlint", "1.7.12", MODULES / "actionlint-1.7.12", "github.com/rhysd/actionlint/cmd/actionlint", seconds=30
)
"""What GitHub would say of a workflow."""

POLICY_ORACLE = GoProgram("policy-oracle", "0.5.6", MODULES / "cyclonus-0.5.6", ".", seconds=240)
"""What Cyclonus, which tests what enforces NetworkPolicies, says that they allow: the test of our own reading."""

KUSTOMIZE_CONTROLLER = GoProgram(
    "kustomize-controller",
    "1.9.6",
    MODULES / "kustomize-controller-1.9.6",
    "github.com/fluxcd/kustomize-controller",
    seconds=400,
)
"""The half of Flux that applies what the other half, source-controller, has fetched."""

NODE = (KUBELET, KUBE_PROXY, COREDNS, PAUSE, NETWORK_POLICIES, BENTO)
"""What a real node runs besides."""


def _crds(name: str, version: str, path: str, folder: str) -> GoSource:
    return GoSource(f"{name}-crds", version, MODULES / f"{name}-{version}", path, {folder: "crds"})


FLUX_CRDS = (
    _crds("kustomize-controller", "1.9.6", "github.com/fluxcd/kustomize-controller", "config/crd/bases"),
    _crds("source-controller", "1.9.6", "github.com/fluxcd/source-controller", "config/crd/bases"),
)
"""What Flux's files are, for the tests that have it."""

CRDS = (
    _crds(
        "prometheus-operator",
        "0.85.0",
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd",
    ),
    _crds("cert-manager", "1.21.2", "github.com/cert-manager/cert-manager", "deploy/crds"),
    _crds("gateway-api", "1.4.1", "sigs.k8s.io/gateway-api", "config/crd/standard"),
    _crds("istio", "1.28.0", "istio.io/api", "kubernetes"),
)
"""Where the definitions come from of the resources that ours render only when asked to."""


def ensure(
    versions: tuple[str, ...], *, real_node: bool = False, hub: bool = False, progress: Progress = silent
) -> None:
    """Build what a cluster with these versions of KubeVela needs and the cache does not have.

    Raises:
        ToolError: something cannot be downloaded or built, or a version of KubeVela is not pinned.
    """
    for program in (*CONTROL_PLANE, POD_SECURITY, *(NODE if real_node else ()), *((CLUSTER_GATEWAY,) if hub else ())):
        gobuild.build(program, progress)
    if real_node:
        packages.ensure(progress=progress)
    for source in CRDS:
        gosource.copy(source, progress)
    for version in versions:
        gobuild.build(pins.vela(version), progress)
        gobuild.build(pins.VELA_CORE[version], progress)
        gosource.copy(pins.KUBEVELA_SOURCE[version], progress)
