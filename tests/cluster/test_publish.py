"""``publish cluster`` on a real KubeVela: what it applies, refuses, removes and awaits, and what Applications get."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tests.cluster.checks import application, revisions
from tests.hermetic.state import ClusterError
from tests.support.tiny import GREETING, TinyLibrary
from vela_realtime.cache import cache_folder
from vela_realtime.cli import cli
from vela_realtime.errors import InputError, ToolError

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.hermetic import Cluster

DULL = """\
package realtime

definition: {
	name:        "dull"
	type:        "trait"
	version:     "1.0.0"
	description: "Marks what it is given to"
}
"""

DULL_TEMPLATE = """\
package realtime

parameter: {}

patch: metadata: labels: dull: "yes"
"""


class Small:
    """A set of two definitions, and the command that publishes it into a namespace."""

    def __init__(self, library: TinyLibrary, namespace: str) -> None:
        self.library = library
        self.namespace = namespace

    def version(self, old: str, new: str) -> None:
        """Give the definitions that are left another version."""
        for path in self.library.root.glob("cue/*/definition.cue"):
            self.library.change(str(path.relative_to(self.library.root)), old, new)

    def publish(self, *arguments: str) -> Result:
        """Publish it."""
        return CliRunner().invoke(cli, ["publish", "cluster", "--namespace", self.namespace, *arguments])

    def published(self, *arguments: str) -> list[str]:
        """Publish it, and return what was said."""
        done = self.publish(*arguments)
        assert done.exit_code == 0, done.exception
        return done.output.splitlines()


@pytest.fixture
def small(cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """Return a set that is not published yet; kubectl's current context is the cluster."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "tools").symlink_to(cache_folder() / "tools")
    monkeypatch.setenv("VELA_REALTIME_CACHE", str(cache))
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    library = TinyLibrary(tmp_path / "library")
    shutil.rmtree(library.path("cue/echo"))
    for name, text in {**GREETING, "cue/dull/definition.cue": DULL, "cue/dull/template.cue": DULL_TEMPLATE}.items():
        library.write(name, text)
    monkeypatch.chdir(library.root)
    return Small(library, namespace)


def hello(name: str = "hello", kind: str = "greeting", **properties: Any) -> dict[str, Any]:
    return application(name, {"name": name, "type": kind, "properties": {"name": name, **properties}})


def said(cluster: Cluster, namespace: str, name: str = "hello") -> str:
    return str(cluster.get("configmap", name, namespace).get("data", {}).get("said"))


def test_it_is_applied_once_and_then_kept(cluster: Cluster, small: Small) -> None:
    shown = ["create ComponentDefinition greeting 1.0.0", "create TraitDefinition dull 1.0.0"]
    assert small.published("--dry-run") == [*shown, "vela-realtime 1.0.0: 2 changes, nothing done"]
    assert cluster.items("componentdefinitions", small.namespace) == []
    assert small.published() == [*shown, "vela-realtime 1.0.0: 2 changes"]
    # It waited: an Application that comes now finds it.
    assert revisions(cluster, "greeting", small.namespace) == ["greeting-v1.0.0"]
    kept = [line.replace("create", "keep") for line in shown]
    assert small.published() == [*kept, "vela-realtime 1.0.0: 0 changes"]


def test_an_application_is_taken_to_the_next_version_and_back(cluster: Cluster, small: Small) -> None:
    small.published()
    cluster.apply(hello(), namespace=small.namespace)
    cluster.running("hello", small.namespace)
    small.library.change("cue/greeting/parameter.cue", '*"hello"', '*"good morning"')
    small.version("1.0.0", "1.1.0")
    assert small.published() == [
        "update ComponentDefinition greeting 1.0.0 -> 1.1.0",
        "  compatible the template changed",
        "  compatible word: default is good morning, was hello",
        "update TraitDefinition dull 1.0.0 -> 1.1.0",
        "vela-realtime 1.1.0: 2 changes",
    ]
    assert said(cluster, small.namespace) == "hello"  # until its Application changes
    with pytest.raises(ClusterError, match=r"greeting@v1\W+ not found"):
        cluster.apply(hello("major", "greeting@v1"), namespace=small.namespace)
    major = hello("major", "greeting@v1")
    major["metadata"]["annotations"] = {"app.oam.dev/autoUpdate": "true"}
    cluster.apply(hello("other"), hello("old", "greeting@v1.0.0"), major, namespace=small.namespace)
    for name in ("other", "old", "major"):
        cluster.running(name, small.namespace)
    assert said(cluster, small.namespace, "other") == "good morning"
    assert said(cluster, small.namespace, "major") == "good morning"
    assert said(cluster, small.namespace, "old") == "hello"

    small.version("1.1.0", "1.0.0")
    small.library.change("cue/greeting/parameter.cue", '*"good morning"', '*"hello"')
    assert small.published()[0] == "update ComponentDefinition greeting 1.1.0 -> 1.0.0"
    cluster.apply(hello("after"), namespace=small.namespace)
    cluster.running("after", small.namespace)
    assert said(cluster, small.namespace, "after") == "hello"


def test_what_others_installed_is_left_alone_until_it_is_taken_over(cluster: Cluster, small: Small) -> None:
    other = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "ComponentDefinition",
        "metadata": {"name": "greeting"},
        "spec": {
            "workload": {"type": "autodetects.core.oam.dev"},
            "schematic": {"cue": {"template": 'output: {apiVersion: "v1", kind: "ConfigMap"}\nparameter: {}\n'}},
        },
    }
    another = {**other, "metadata": {"name": "unrelated"}}
    cluster.apply(other, another, namespace=small.namespace)
    refused = small.publish().exception
    assert isinstance(refused, InputError)
    assert refused.message == f"not installed by this tool: greeting in {small.namespace}"
    assert cluster.items("traitdefinitions", small.namespace) == []
    assert "update ComponentDefinition greeting 1.0.0" in small.published("--take-over")
    names = [item["metadata"]["name"] for item in cluster.items("componentdefinitions", small.namespace)]
    assert names == ["greeting", "unrelated"]


def test_what_was_edited_on_the_cluster_is_not_undone_unasked(cluster: Cluster, small: Small) -> None:
    small.published()
    template = cluster.get("componentdefinition", "greeting", small.namespace)["spec"]["schematic"]["cue"]["template"]
    edit = json.dumps({"spec": {"schematic": {"cue": {"template": f"{template}\n"}}}})
    command = ["patch", "componentdefinition", "greeting", "--type=merge", f"--namespace={small.namespace}"]
    cluster.kubectl(*command, f"--patch={edit}", "--field-manager=somebody")
    small.version("1.0.0", "1.0.1")
    refused = small.publish().exception
    assert isinstance(refused, InputError)
    assert refused.message == (
        "changed by others since it was published: greeting .spec.schematic.cue.template by somebody"
    )
    assert cluster.get("traitdefinition", "dull", small.namespace)["spec"]["version"] == "1.0.0"
    small.published("--take-over")
    there = cluster.get("componentdefinition", "greeting", small.namespace)
    assert there["spec"]["schematic"]["cue"]["template"] == template


def test_a_version_stays_as_it_is_unless_it_is_overwritten(cluster: Cluster, small: Small) -> None:
    small.published()
    small.library.change("cue/greeting/parameter.cue", '*"hello"', '*"good evening"')
    refused = small.publish().exception
    assert isinstance(refused, InputError)
    assert refused.message == "there with another content: greeting 1.0.0"
    small.published("--overwrite")
    cluster.apply(hello(), namespace=small.namespace)
    cluster.running("hello", small.namespace)
    assert said(cluster, small.namespace) == "good evening"


def test_what_a_former_version_had_goes_when_nobody_uses_it(cluster: Cluster, small: Small) -> None:
    small.published()
    used = hello()
    used["spec"]["components"][0]["traits"] = [{"type": "dull", "properties": {}}]
    cluster.apply(used, namespace=small.namespace)
    cluster.running("hello", small.namespace)
    shutil.rmtree(small.library.path("cue/dull"))
    small.version("1.0.0", "2.0.0")
    refused = small.publish().exception
    assert isinstance(refused, InputError)
    assert refused.message == f"{small.namespace}/hello uses dull: a definition that this release has no more"
    assert cluster.get("componentdefinition", "greeting", small.namespace)["spec"]["version"] == "1.0.0"
    cluster.apply(hello(), namespace=small.namespace)
    assert "remove TraitDefinition dull 1.0.0" in small.published()
    assert cluster.items("traitdefinitions", small.namespace) == []


def test_what_the_cluster_refuses_of_one_keeps_all_from_being_applied(cluster: Cluster, small: Small) -> None:
    small.published()
    rule = {"apiGroups": ["core.oam.dev"], "apiVersions": ["*"], "operations": ["UPDATE"]}
    rule["resources"] = ["traitdefinitions"]
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": small.namespace},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "!has(object.spec.version)", "message": "traits are frozen"}],
        },
    }
    here = {"matchLabels": {"kubernetes.io/metadata.name": small.namespace}}
    binding = {
        **policy,
        "kind": "ValidatingAdmissionPolicyBinding",
        "spec": {
            "policyName": small.namespace,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": here},
        },
    }
    try:
        cluster.apply(policy, binding)
        command = ["label", "traitdefinition", "dull", "a=b", "--dry-run=server", f"--namespace={small.namespace}"]
        cluster.until(lambda: not cluster.kubectl(*command, check=False).ok)
        small.version("1.0.0", "1.1.0")
        refused = small.publish().exception
        assert isinstance(refused, ToolError)
        assert "traits are frozen" in refused.message
        assert cluster.get("componentdefinition", "greeting", small.namespace)["spec"]["version"] == "1.0.0"
    finally:
        cluster.delete("validatingadmissionpolicybinding", small.namespace)
        cluster.delete("validatingadmissionpolicy", small.namespace)


KUBECTL = """\
#!/bin/sh
# The {moment} of the {number}. call is when the line breaks.
echo "$1" >>"{calls}"
[ "$(wc -l <"{calls}")" -eq {number} ] || exec "{kubectl}" "$@"
[ {moment} = before ] || "{kubectl}" "$@" >/dev/null
echo "the line broke" >&2
exit 1
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_interrupted_run_is_finished_by_the_next_one(
    cluster: Cluster, small: Small, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Wherever it ends, before a call of kubectl or with its answer lost: run again, it brings about the same."""
    kubectl = shutil.which("kubectl")
    calls, program = small.library.root / "calls", small.library.root / "bin" / "kubectl"
    program.parent.mkdir()
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    small.published()
    shutil.rmtree(small.library.path("cue/dull"))
    seen = []
    for number in range(1, 20):
        small.version(f"1.{number - 1}.0", f"1.{number}.0")
        dull: dict[str, Any] = {"name": "dull", "namespace": small.namespace}
        dull["labels"] = {"app.kubernetes.io/managed-by": "vela-realtime", "app.kubernetes.io/part-of": "vela-realtime"}
        spec = {"schematic": {"cue": {"template": "parameter: {}\n"}}}
        cluster.delete("traitdefinition", "dull", small.namespace)
        cluster.apply({"apiVersion": "core.oam.dev/v1beta1", "kind": "TraitDefinition", "metadata": dull, "spec": spec})
        calls.write_text("")
        program.write_text(KUBECTL.format(moment=moment, number=number, calls=calls, kubectl=kubectl))
        program.chmod(0o755)
        with monkeypatch.context() as patch:
            patch.setenv("PATH", path)
            broken = small.publish()
        if broken.exit_code == 0:
            break
        assert "the line broke" in str(broken.exception)
        seen.append(calls.read_text().split()[-1])
        small.published()
        assert cluster.get("componentdefinition", "greeting", small.namespace)["spec"]["version"] == f"1.{number}.0"
        assert cluster.items("traitdefinitions", small.namespace) == []
    assert [seen[index] for index in (0, 1, 2, 3, -1)] == ["get", "get", "apply", "apply", "delete"]
    # KubeVela keeps the last two beside the one in force.
    last = len(seen) + 1
    wanted = [f"greeting-v1.{number}.0" for number in range(last - 2, last + 1)]
    cluster.until(lambda: sorted(revisions(cluster, "greeting", small.namespace)) == sorted(wanted))
