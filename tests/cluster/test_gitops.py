"""``examples/gitops`` by Flux's own kustomize-controller: the definitions come first, then the Applications.

Flux's other half, which fetches the repository, is played: an archive, and where it is in the GitRepository's status.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import ROOT
from tests.cluster.checks import LIBRARY
from tests.cluster.conftest import VERSIONS
from tests.hermetic import processes, programs
from tests.hermetic.cluster import Cluster
from tests.hermetic.state import Folder
from vela_realtime.publish.release import assemble
from vela_realtime.toolchain import gobuild, gosource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

EXAMPLE = ROOT / "examples" / "gitops"
APPLICATION = (EXAMPLE / "application.yaml").read_text()
NAME, NAMESPACE = "production-streaming", "production"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing of each request."""


class Repository:
    """What Flux has fetched: a release's definitions, and the files of its users."""

    def __init__(self, cluster: Cluster, folder: Path, address: str) -> None:
        self.cluster = cluster
        self.folder = folder
        self.address = address
        self.definitions = {
            path: text for path, text in assemble(LIBRARY).files.items() if path.startswith("definitions/")
        }

    def push(self, files: Mapping[str, str]) -> None:
        """Make a commit that has these files in ``applications/``, beside the definitions."""
        applications = {f"applications/{path}": text.encode() for path, text in files.items()}
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:gz") as archive:
            for path, content in sorted({**self.definitions, **applications}.items()):
                member = tarfile.TarInfo(path)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        digest = hashlib.sha256(data.getvalue()).hexdigest()
        (self.folder / f"{digest}.tar.gz").write_bytes(data.getvalue())
        artifact = {
            "digest": f"sha256:{digest}",
            "lastUpdateTime": "2026-01-01T00:00:00Z",
            "path": f"gitrepository/flux-system/streaming/{digest}.tar.gz",
            "revision": f"main@sha1:{digest[:40]}",
            "size": len(data.getvalue()),
            "url": f"{self.address}/{digest}.tar.gz",
        }
        patch = json.dumps({"status": {"artifact": artifact}})
        arguments = ["--namespace=flux-system", "--subresource=status", "--type=merge", f"--patch={patch}"]
        self.cluster.kubectl("patch", "gitrepository", "streaming", *arguments)
        self.revision = artifact["revision"]

    def done(self, kustomization: str) -> dict[str, Any]:
        """Wait until Flux has said what became of the commit, and return it: status, reason and message of Ready."""

        def ready() -> dict[str, Any] | None:
            status = self.cluster.get("kustomization", kustomization, "flux-system").get("status", {})
            conditions = {item["type"]: item for item in status.get("conditions", [])}
            # What has failed goes on with the reason ProgressingWithRetry.
            begun = conditions.get("Reconciling", {}).get("reason") == "Progressing"
            if begun or status.get("lastAttemptedRevision") != self.revision:
                return None
            found: dict[str, Any] = conditions["Ready"]
            return found if found["status"] != "Unknown" else None

        return self.cluster.until(
            ready, explain=lambda: json.dumps(self.cluster.get("kustomization", kustomization, "flux-system"))
        )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Return a cluster with Flux and without our definitions. How KubeVela takes them is the same in each version."""
    if VERSIONS == ["foreign"]:
        pytest.skip("Flux would change a cluster that is somebody's")
    with Cluster.start(VERSIONS[-1]) as own:
        for source in programs.FLUX_CRDS:
            folder = gosource.copy(source) / "crds"
            own.kubectl("apply", "--server-side", f"--filename={folder}")
        own.make_namespace("flux-system")
        health, metrics = processes.free_ports(2)
        flux = processes.start(
            Folder(own.kubeconfig.parent),
            "kustomize-controller",
            [
                gobuild.build(programs.KUSTOMIZE_CONTROLLER),
                "--requeue-dependency=1s",
                f"--health-addr=127.0.0.1:{health}",
                f"--metrics-addr=127.0.0.1:{metrics}",
            ],
            {"KUBECONFIG": str(own.kubeconfig), "RUNTIME_NAMESPACE": "flux-system"},
        )
        try:
            flux.wait_until(lambda: processes.answers(f"http://127.0.0.1:{health}/readyz"))
            yield own
        finally:
            flux.stop()


@pytest.fixture(scope="module")
def repository(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """Return the repository that examples/gitops/flux.yaml, which is applied, tells Flux of."""
    folder = tmp_path_factory.mktemp("artifacts")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    cluster.kubectl("apply", f"--filename={EXAMPLE / 'flux.yaml'}")
    yield Repository(cluster, folder, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_the_definitions_come_first_and_the_applications_run(cluster: Cluster, repository: Repository) -> None:
    webservice = cluster.get("componentdefinition", "webservice", "vela-system")["spec"]
    repository.push({"application.yaml": APPLICATION})
    assert repository.done("streaming-definitions")["reason"] == "ReconciliationSucceeded"
    assert repository.done("streaming")["reason"] == "ReconciliationSucceeded"
    assert cluster.phase(NAME, NAMESPACE) == "running"
    assert cluster.get("componentdefinition", "webservice", "vela-system")["spec"] == webservice


def test_a_commit_changes_what_runs(cluster: Cluster, repository: Repository) -> None:
    repository.push({"application.yaml": APPLICATION.replace("[orders, payments]", "[orders, payments, refunds]")})
    assert repository.done("streaming")["reason"] == "ReconciliationSucceeded"
    cluster.until(lambda: [item for item in cluster.items("configmap", NAMESPACE) if "refunds" in str(item["data"])])
    cluster.running(NAME, NAMESPACE)


def test_what_kubevela_refuses_is_said_by_flux(cluster: Cluster, repository: Repository) -> None:
    repository.push({"application.yaml": APPLICATION.replace("replicationFactor: 3", "replicationFactor: 30000000")})
    ready = repository.done("streaming")
    assert ready["status"] == "False"
    assert "replicationFactor" in ready["message"]
    assert (
        cluster.get("application", NAME, NAMESPACE)["spec"]["components"][0]["properties"]["kafkaConfig"][
            "replicationFactor"
        ]
        == 3
    )


def test_a_file_that_is_missing_deletes_no_platform(cluster: Cluster, repository: Repository) -> None:
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}
    repository.push({"other.yaml": yaml.safe_dump(other)})
    assert repository.done("streaming")["reason"] == "ReconciliationSucceeded"
    assert cluster.get("application", NAME, NAMESPACE)["metadata"].get("deletionTimestamp") is None
