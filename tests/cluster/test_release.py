"""A release from end to end: raised, compared, packed, pushed, pulled, enabled by KubeVela, used, upgraded, taken back.

The set is the library with one definition, so that it is compared in seconds.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from tests import ROOT
from tests.cluster.checks import synced
from tests.cluster.conftest import VERSIONS
from tests.hermetic.cluster import Cluster, foreign
from tests.support.registry import run_registry
from tests.support.tiny import TinyLibrary
from vela_realtime import toolchain
from vela_realtime.cache import cache_folder
from vela_realtime.cli import cli
from vela_realtime.errors import InputError
from vela_realtime.registry import pull

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD_IMAGE, NEW_IMAGE = "eclipse-mosquitto:2.1.1-alpine", "eclipse-mosquitto:2.1.2-alpine"
NAME = "addon-vela-realtime"


class Checkout(TinyLibrary):
    """A checkout whose one definition is iot-broker, in a version with an older image."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("cue/cue.mod", "cue/scripts", "cue/iot-broker"):
            shutil.copytree(ROOT / name, root / name)
        for path in (ROOT / "cue").glob("*.cue"):
            shutil.copy(path, root / "cue")
        for name in ("LICENSE", "examples/iot-broker.yaml", "tests/fixtures/iot-broker/valid/basics.yaml"):
            self.path(name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        self.version = yaml.safe_load((ROOT / "definitions/iot-broker.yaml").read_text())["spec"]["version"]
        self.change("cue/images.cue", 'tag: "2.1.2-alpine"', 'tag: "2.1.1-alpine"')

    def release(self, version: str) -> None:
        """Give the set another version."""
        self.change("cue/version.cue", f'"{self.version}"', f'"{version}"')
        self.version = version


@pytest.fixture(params=VERSIONS)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Return a cluster of the test's own: an addon is there for all namespaces."""
    found = foreign()
    if found is not None:
        yield found
        return
    with Cluster.start(request.param) as own:
        # KubeVela's addon code asks this one for the version that runs; here it runs without a pod.
        labels = {"controller.oam.dev/name": "vela-core"}
        container = {"name": "kubevela", "image": f"oamdev/vela-core:v{request.param}"}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        own.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "kubevela-vela-core", "namespace": "vela-system", "labels": labels},
                "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod},
            }
        )
        yield own


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Return the address of a real registry."""
    with run_registry(tmp_path) as address:
        yield address


def publish(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["publish", *arguments])
    if done.exception is not None:
        raise done.exception
    return done.output


def test_a_release_from_end_to_end(
    cluster: Cluster, registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "tools").symlink_to(cache_folder() / "tools")
    monkeypatch.setenv("VELA_REALTIME_CACHE", str(cache))
    checkout = Checkout(tmp_path / "checkout")
    monkeypatch.chdir(checkout.root)
    before = checkout.version
    reference = f"oci://{registry}/team/realtime"

    # What is out already.
    publish("addon", "--output", "old")
    publish("oci", reference)

    # The next one: an image is raised and a parameter comes, which is more than a patch.
    checkout.change("cue/images.cue", 'tag: "2.1.1-alpine"', 'tag: "2.1.2-alpine"')
    parameter = "	// +usage=Where it stands\n	place?: string\n"
    checkout.change("cue/iot-broker/parameter.cue", "#Parameter: {\n", f"#Parameter: {{\n{parameter}")
    checkout.release("1.0.1")
    with pytest.raises(InputError, match=r"version 1\.0\.1 is too low for what changed since oci://"):
        publish("oci", reference, "--since", f"{reference}:{before}")
    with pytest.raises(InputError, match=r"there is no "):
        pull(f"{reference}:1.0.1")
    checkout.release("1.1.0")

    # The same twice, wherever it is made.
    publish("tarball", "--output", "one", "--since", f"{reference}:{before}")
    publish("addon", "--output", "one")
    publish("tarball", "--output", "two")
    publish("addon", "--output", "two")
    for name in ("vela-realtime-1.1.0.tgz", "vela-realtime-1.1.0.addon.tgz"):
        assert checkout.path(f"one/{name}").read_bytes() == checkout.path(f"two/{name}").read_bytes()
    publish("oci", reference)

    # Pulled by who wants it, it is what was packed, and all of it is what its checksums say.
    pulled = pull(f"{reference}:1.1.0")
    assert pulled == checkout.path("one/vela-realtime-1.1.0.tgz").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(pulled)) as archive:
        archive.extractall(tmp_path / "pulled", filter="data")
    subprocess.run(["/usr/bin/sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "pulled", check=True)

    # KubeVela's own code enables the former version. Killed while it does, it does the same again.
    vela = str(toolchain.vela(cluster.vela_version))
    enable = [vela, "addon", "enable", "old/vela-realtime", "storageClass=standard"]
    environment = {"KUBECONFIG": str(cluster.kubeconfig), "HOME": str(tmp_path), "VELA_HOME": str(tmp_path)}
    with subprocess.Popen(enable, env=environment, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline()
        killed.kill()
    cluster.vela("addon", "enable", "old/vela-realtime", "storageClass=standard")
    synced(cluster, "componentdefinition", "iot-broker", "vela-system")
    (example,) = yaml.safe_load_all((tmp_path / "pulled/examples/iot-broker.yaml").read_text())
    with cluster.namespace() as namespace:

        def image() -> str:
            pod = cluster.get("statefulset", "devices-iot-mqtt", namespace)["spec"]["template"]["spec"]
            return str(next(item["image"] for item in pod["containers"] if "mosquitto:" in item["image"]))

        def changed(port: int) -> None:
            example["spec"]["components"][0]["properties"]["mqttPort"] = port
            cluster.apply(example, namespace=namespace)

        def installed(version: str) -> bool:
            found = cluster.get("componentdefinition", "iot-broker", "vela-system")
            return bool(found["spec"]["version"] == version)

        changed(1883)
        cluster.running("devices", namespace)
        assert image() == OLD_IMAGE
        claim = cluster.get("statefulset", "devices-iot-mqtt", namespace)["spec"]["volumeClaimTemplates"][0]
        assert claim["spec"]["storageClassName"] == "standard"

        # Upgraded while it runs: it stays as it is until its author changes it.
        cluster.vela("addon", "enable", "one/vela-realtime", "storageClass=standard")
        cluster.until(lambda: installed("1.1.0"))
        assert cluster.phase("devices", namespace) == "running"
        assert image() == OLD_IMAGE
        changed(11883)
        cluster.until(lambda: image() == NEW_IMAGE, explain=lambda: cluster.explain("devices", namespace))
        cluster.running("devices", namespace)

        # And back.
        cluster.vela("addon", "enable", "old/vela-realtime", "storageClass=standard")
        cluster.until(lambda: installed(before))
        changed(1883)
        cluster.until(lambda: image() == OLD_IMAGE, explain=lambda: cluster.explain("devices", namespace))
        cluster.running("devices", namespace)

        # Who uses it keeps it.
        refused = cluster.vela("addon", "disable", "vela-realtime", check=False)
        assert not refused.ok
        assert installed(before)
        cluster.delete("application", "devices", namespace)
        cluster.until(lambda: not cluster.get("application", "devices", namespace))
        cluster.vela("addon", "disable", "vela-realtime")
        cluster.until(lambda: not cluster.get("componentdefinition", "iot-broker", "vela-system"))
