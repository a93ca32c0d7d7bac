"""Applications rendered by the real ``vela``: what tests of the definitions look at."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from vela_realtime import library, toolchain
from vela_realtime.documents import application, dump
from vela_realtime.kubevela import catalog, dryrun
from vela_realtime.kubevela.builtins import Builtins
from vela_realtime.library import fixtures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LIBRARY = library.find()


def kubevela(version: str | None) -> Path:
    """Return the folder with KubeVela's own definitions."""
    source = toolchain.kubevela_source(version)
    assert source is not None, "KubeVela's own definitions are missing: scripts/setup brings them"
    return source


COMPONENTS = ("realtime-platform", "iot-broker", "stream-processor", "analytics-dashboard")


def definitions(
    version: str | None, *, kubevelas_own: Sequence[str] = (), stand_ins: Sequence[str] = ()
) -> catalog.Catalog:
    """Return what an Application may use: the built definitions, and KubeVela's own.

    The components named in ``kubevelas_own`` are KubeVela's, though there are some of that name among the built.
    Those in ``stand_ins`` are seen by others, and render next to nothing.
    """
    first = [fixtures.stand_in(name) for name in stand_ins]
    optional = {"webservice"} - set(kubevelas_own)
    return catalog.Catalog(first, LIBRARY.definitions, Builtins(version or ""), kubevela(version), optional)


def render(
    components: Sequence[dict[str, Any]],
    version: str | None = None,
    *,
    kubevelas_own: Sequence[str] = ("webservice",),
    stand_ins: Sequence[str] = COMPONENTS,
) -> dict[str, dict[str, Any]]:
    """Render an Application and return its objects by component and key: ``output``, or the key in ``outputs``.

    The webservice is KubeVela's own, and our components are stand-ins, unless told otherwise. An Application that
    does not render is an AssertionError with what ``vela`` says.
    """
    text = dump.dump(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": "app", "namespace": "default"},
            "spec": {"components": copy.deepcopy(list(components))},
        }
    )
    (document,), _ = application.parse("app.yaml", text)
    outcome = dryrun.render(
        document, definitions(version, kubevelas_own=kubevelas_own, stand_ins=stand_ins), version=version
    )
    assert outcome.ok, "\n".join(finding.message for finding in outcome.findings)
    return by_component(outcome)


def by_component(outcome: dryrun.Outcome) -> dict[str, dict[str, Any]]:
    """Return the objects of a dry-run by component and key."""
    found: dict[str, dict[str, Any]] = {}
    for item in outcome.objects:
        labels = item.object["metadata"]["labels"]
        key = "output" if item.origin == "workload" else labels.get("trait.oam.dev/resource", item.origin)
        found.setdefault(item.component, {})[key] = item.object
    return found


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    """Return a workload's pod specification."""
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def container(workload: dict[str, Any], name: str = "") -> dict[str, Any]:
    """Return a container, the first unless named. Two of one name are an AssertionError."""
    found = [item for item in pod(workload)["containers"] if name in {"", item["name"]}]
    assert not name or len(found) == 1, f"{len(found)} containers {name}"
    first: dict[str, Any] = found[0]
    return first


def environment(workload: dict[str, Any], name: str = "") -> dict[str, Any]:
    """Return a container's variables: the value, or Secret/key, with a question mark where that is optional.

    A variable that stands there twice, or has both a value and a source, is an AssertionError.
    """
    result: dict[str, Any] = {}
    for variable in container(workload, name).get("env", []):
        assert variable["name"] not in result, f"{variable['name']} is there twice"
        assert ("value" in variable) != ("valueFrom" in variable), variable
        result[variable["name"]] = variable.get("value", "")
        if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
            optional = "?" if reference.get("optional") else ""
            result[variable["name"]] = f"{reference['name']}/{reference['key']}{optional}"
        elif "valueFrom" in variable:
            result[variable["name"]] = variable["valueFrom"]
    return result


def files(workload: dict[str, Any], name: str = "") -> dict[str, str]:
    """Return what is mounted in a container: path to the name of the volume's Secret, ConfigMap or kind.

    A mount without a volume, and a volume that is there twice, are AssertionErrors.
    """
    volumes = pod(workload).get("volumes", [])
    names = [volume["name"] for volume in volumes]
    assert len(names) == len(set(names)), names
    sources = {}
    for volume in volumes:
        secret, config = volume.get("secret", {}), volume.get("configMap", {})
        other = next(key for key in volume if key != "name")
        sources[volume["name"]] = secret.get("secretName") or config.get("name") or other
    return {mount["mountPath"]: sources[mount["name"]] for mount in container(workload, name).get("volumeMounts", [])}
