"""Rendering Applications through the real vela: what is staged, what is said, what is cached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.versions import VELA_VERSIONS
from vela_realtime import process, toolchain
from vela_realtime.documents import application
from vela_realtime.errors import InputError, ToolError
from vela_realtime.kubevela import catalog, dryrun, vela
from vela_realtime.kubevela.builtins import Builtins
from vela_realtime.library import build

if TYPE_CHECKING:
    from tests.support.tiny import TinyLibrary
    from vela_realtime.kubevela.dryrun import Outcome

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
spec:
  components:
    - name: first
      type: echo
      properties:
        name: abc
        words: hello
"""


def built_in(version: str | None = None) -> Path:
    source = toolchain.kubevela_source(version)
    assert source is not None
    return source


@pytest.fixture
def definitions(tiny: TinyLibrary) -> catalog.Catalog:
    """Return a catalog of the built tiny library and KubeVela's own definitions."""
    build.build(tiny.library)
    return catalog.Catalog([], tiny.library.definitions, Builtins(), built_in())


def documents(text: str) -> list[application.Document]:
    found, findings = application.parse("app.yaml", text)
    assert findings == []
    return [document for document in found if document.kind == "Application"]


def render(text: str, definitions: catalog.Catalog, **options: Any) -> Outcome:
    (document,) = documents(text)
    return dryrun.render(document, definitions, **options)


def said(outcome: Outcome) -> list[tuple[int, int, str]]:
    return [(finding.line, finding.column, finding.message) for finding in outcome.findings]


def summary(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    return [
        (item.component, item.origin, item.object["kind"], item.object["metadata"]["name"]) for item in outcome.objects
    ]


@pytest.mark.parametrize("version", VELA_VERSIONS)
def test_objects(definitions: catalog.Catalog, version: str) -> None:
    outcome = render(APP, definitions, version=version)
    assert outcome.ok, said(outcome)
    assert summary(outcome) == [
        ("first", "workload", "Deployment", "abc"),
        ("first", "auxiliary", "Job", "abc-setup"),
    ]


@pytest.mark.parametrize("version", VELA_VERSIONS)
@pytest.mark.parametrize(
    ("old", "new", "line", "column", "message"),
    [
        ("words:", "wurds:", 11, 9, "wurds: there is no such property"),
        ("name: abc", "name: ABC", 10, 9, 'name: "ABC" has not the form that the definition asks for'),
        ("words: hello", "words: nothing", 9, 7, "words must say something"),
        ("name: abc", "name: 3", 10, 9, "name: must be a text, not 3"),
    ],
)
def test_a_wrong_property(
    definitions: catalog.Catalog, version: str, old: str, new: str, line: int, column: int, message: str
) -> None:
    found = said(render(APP.replace(old, new), definitions, version=version))
    assert found[0][:2] == (line, column)
    assert message in found[0][2]


def test_a_missing_property(definitions: catalog.Catalog) -> None:
    found = said(render(APP.replace("        name: abc\n", ""), definitions))
    assert found[0] == (9, 7, "name is missing")


def test_a_property_inside_of_a_trait(definitions: catalog.Catalog) -> None:
    text = APP + "      traits:\n        - type: scaler\n          properties: {replicas: two}\n"
    assert said(render(text, definitions)) == [(14, 24, 'replicas: "two" is not one of 1, int')]


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        (APP.replace("echo", "ecko"), 8, "there is no component definition ecko", "did you mean echo?"),
        (
            APP + "      traits: [{type: scaller}]\n",
            12,
            "there is no trait definition scaller",
            "did you mean scaler?",
        ),
        (
            APP + "  policies: [{name: p, type: topolgy}]\n",
            12,
            "there is no policy definition topolgy",
            "did you mean topology?",
        ),
        (
            APP + "  workflow: {steps: [{name: s, type: nosuch}]}\n",
            12,
            "there is no workflow-step definition nosuch",
            "name its folder with --definitions, or --external workflow-step/nosuch where the cluster alone has it",
        ),
        (APP.replace("echo", "../trait/scaler"), 8, "there is no component definition ../trait/scaler", ""),
    ],
)
def test_an_unknown_type(definitions: catalog.Catalog, text: str, line: int, message: str, hint: str) -> None:
    (finding,) = render(text, definitions).findings
    assert (finding.line, finding.rule, finding.message) == (line, "unknown-type", message)
    assert hint in finding.hint


def test_all_unknown_types_at_once(definitions: catalog.Catalog) -> None:
    text = APP.replace("echo", "nosuch") + "      traits: [{type: nosuch}]\n"
    assert [finding.message for finding in render(text, definitions).findings] == [
        "there is no component definition nosuch",
        "there is no trait definition nosuch",
    ]


RANGE = "a range of versions, which KubeVela takes with the annotation app.oam.dev/autoUpdate alone"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("v1.2.3", None),
        ("v1.2", f"v1.2 is {RANGE}"),
        ("v1", f"v1 is {RANGE}"),
        ("v1.2.4", "echo has version 1.2.3 in definitions/echo.yaml; v1.2.4 is asked for"),
        ("v1.2.30", "echo has version 1.2.3 in definitions/echo.yaml; v1.2.30 is asked for"),
        ("1.2.3", "echo has version 1.2.3 in definitions/echo.yaml; 1.2.3 is asked for"),
        ("latest", "echo has version 1.2.3 in definitions/echo.yaml; latest is asked for"),
    ],
)
def test_a_version_in_the_type(definitions: catalog.Catalog, asked: str, message: str | None) -> None:
    found = said(render(APP.replace("type: echo", f"type: echo@{asked}"), definitions))
    assert found == ([] if message is None else [(8, 7, message)])


@pytest.mark.parametrize("asked", ["v1", "v1.2", "v1.2.3"])
def test_a_range_is_for_an_application_that_follows_its_definitions(definitions: catalog.Catalog, asked: str) -> None:
    text = APP.replace("type: echo", f"type: echo@{asked}")
    follows = text.replace("metadata:\n", 'metadata:\n  annotations: {app.oam.dev/autoUpdate: "true"}\n', 1)
    assert follows != text
    assert render(follows, definitions).ok


def test_a_range_is_made_of_whole_numbers(tiny: TinyLibrary) -> None:
    tiny.change("cue/echo/definition.cue", "1.2.3", "1.23.0")
    build.build(tiny.library)
    found = said(render(APP.replace("type: echo", "type: echo@v1.2"), catalog.Catalog([], tiny.library.definitions)))
    assert found == [(8, 7, "echo has version 1.23.0 in definitions/echo.yaml; v1.2 is asked for")]


def test_a_version_of_a_definition_that_has_none(definitions: catalog.Catalog) -> None:
    text = APP + "      traits: [{type: scaler@v1.0.0, properties: {replicas: 2}}]\n"
    assert said(render(text, definitions)) == [(12, 17, "scaler has no version in KubeVela; v1.0.0 is asked for")]


def test_a_topology_policy_and_an_override(definitions: catalog.Catalog) -> None:
    text = APP + (
        "  policies:\n"
        "    - {name: t, type: topology, properties: {clusters: [local]}}\n"
        "    - {name: o, type: override, properties: {components: [{name: first, properties: {replicas: 4}}]}}\n"
        "  workflow:\n"
        "    steps:\n"
        "      - {name: d, type: deploy, properties: {policies: [t, o]}}\n"
        "      - {name: s, type: suspend}\n"
    )
    outcome = render(text, definitions)
    assert outcome.ok, said(outcome)
    assert {item.topology for item in outcome.objects} == {"t"}
    assert outcome.objects[0].object["spec"]["replicas"] == 4


def test_an_override_brings_a_trait_of_its_own(definitions: catalog.Catalog) -> None:
    text = APP + (
        "  policies:\n"
        "    - name: o\n"
        "      type: override\n"
        "      properties: {components: [{name: first, traits: [{type: labels, properties: {team: blue}}]}]}\n"
        "  workflow:\n"
        "    steps:\n"
        "      - {name: d, type: deploy, properties: {policies: [o]}}\n"
    )
    outcome = render(text, definitions)
    assert outcome.ok, said(outcome)
    assert outcome.objects[0].object["metadata"]["labels"]["team"] == "blue"
    (line, column, message) = said(render(text.replace("type: labels", "type: labelz"), definitions))[0]
    assert (line, column) == (15, 57)
    assert "there is no trait definition labelz" in message


def test_the_namespace(definitions: catalog.Catalog) -> None:
    job = render(APP, definitions, namespace="blue").objects[1].object
    assert job["metadata"]["namespace"] == "blue"


def test_given_definitions_win_over_the_librarys(tiny: TinyLibrary, definitions: catalog.Catalog) -> None:
    mine = tiny.write("mine/echo.cue", tiny.read("definitions/echo.cue").replace('"batch/v1"', '"batch/v9"'))
    first = catalog.Catalog(catalog.read_folder(mine.parent), tiny.library.definitions, Builtins(), built_in())
    assert render(APP, first).objects[1].object["apiVersion"] == "batch/v9"


def test_definitions_in_a_file_of_several_documents(tiny: TinyLibrary, definitions: catalog.Catalog) -> None:
    built = tiny.read("definitions/echo.yaml").partition("\n")[2]
    tiny.write("mine/all.yaml", f"kind: ConfigMap\n---\n{built}---\n{built.replace('name: echo', 'name: second', 1)}")
    found = catalog.read_folder(tiny.path("mine"))
    assert sorted((item.type, item.name, item.version) for item in found) == [
        ("component", "echo", "1.2.3"),
        ("component", "second", "1.2.3"),
    ]
    assert render(APP.replace("type: echo", "type: second"), catalog.Catalog(found)).ok


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.cue", "package lib\n\n#A: {}\n", "no definition in mine"),
        ("a.cue", '"x": {', r"mine/a\.cue:1:7: expected '}', found 'the end of the file'"),
        ("a.yaml", "kind: ComponentDefinition\n\tx: [", r"mine/a\.yaml is not YAML"),
        ("a.txt", "hello", "no definition in mine"),
    ],
)
def test_a_folder_that_has_no_definition(tiny: TinyLibrary, name: str, text: str, message: str) -> None:
    tiny.write(f"mine/{name}", text)
    with pytest.raises(InputError, match=message):
        catalog.read_folder(Path("mine"))


def test_many_applications_at_once(definitions: catalog.Catalog) -> None:
    text = "---\n".join(
        APP.replace("shop", f"shop-{number}").replace("abc", "abc" + "x" * number) for number in range(6)
    )
    outcomes = dryrun.render_all(documents(text), definitions)
    assert [outcome.objects[0].object["metadata"]["name"] for outcome in outcomes] == [
        "abc" + "x" * number for number in range(6)
    ]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    real = vela.run

    def run(*arguments: Any, **options: Any) -> process.Completed:
        calls.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr(vela, "run", run)
    return calls


def test_the_cache_knows_everything_that_matters(
    tiny: TinyLibrary, definitions: catalog.Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = counted(monkeypatch)
    first = render(APP, definitions)
    assert (render(APP, definitions).objects, len(calls)) == (first.objects, 1)
    assert (render(f"# a comment above\n{APP}", definitions).objects, len(calls)) == (first.objects, 1)
    render(APP.replace("hello", "bye"), definitions)
    assert len(calls) == 2
    render(APP, definitions, namespace="blue")
    assert len(calls) == 3
    tiny.change("cue/labels.cue", '"kubevela"', '"vela"')
    build.build(tiny.library)
    render(APP, catalog.Catalog([], tiny.library.definitions, Builtins(), built_in()))
    assert len(calls) == 4
    render(APP, definitions, use_cache=False)
    assert len(calls) == 5


def test_failures_are_not_cached(definitions: catalog.Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch)
    for _ in range(2):
        assert not render(APP.replace("words:", "wurds:"), definitions).ok
    assert len(calls) == 2


def test_a_cache_that_cannot_be_written_costs_nothing(
    definitions: catalog.Catalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cue, program = toolchain.cue(), toolchain.vela()
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    monkeypatch.setattr(toolchain, "vela", lambda _=None: program)
    monkeypatch.setattr(toolchain, "cue", lambda _=None: cue)
    monkeypatch.setenv("VELA_REALTIME_CACHE", str(blocked))
    assert render(APP, definitions).ok


CLUSTER = {
    "items": [
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "ComponentDefinition",
            "metadata": {"name": "echo", "managedFields": [{"manager": "x"}], "uid": "1"},
            "spec": {
                "workload": {"type": "autodetects.core.oam.dev"},
                "schematic": {
                    "cue": {
                        "template": "parameter: {...}\n"
                        'output: {apiVersion: "v1", kind: "ConfigMap", metadata: name: "from-cluster"}\n'
                    }
                },
            },
            "status": {"conditions": []},
        }
    ]
}


def test_definitions_of_the_cluster(tmp_path: Path, real_tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\necho \"$@\" >> {tmp_path}/calls\ncat <<'E'\n{json.dumps(CLUSTER)}\nE\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = catalog.read_cluster("shop")
    assert [line.split("--namespace ")[1].split()[0] for line in (tmp_path / "calls").read_text().splitlines()] == [
        "shop",
        "vela-system",
    ]
    assert found[0].source == "cluster, namespace shop"
    assert "managedFields" not in found[0].text
    assert summary(render(APP, catalog.Catalog(found)))[0][3] == "from-cluster"


def test_a_cluster_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = tmp_path / "kubectl"
    log = "E1128 23:15:00.123456 7 memcache.go:265] couldn't get current server API group list"
    kubectl.write_text(f'#!/bin/sh\necho "{log}\n{log}\nconnection refused\n" >&2\nexit 1\n')
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(ToolError) as raised:
        catalog.read_cluster("default")
    assert raised.value.message == "kubectl cannot read the definitions in default: connection refused"
    assert raised.value.hint == "look at kubectl config current-context, or leave out --from-cluster"


def fake_vela(tiny: TinyLibrary, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = tiny.write("fake-vela", f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(toolchain, "vela", lambda _=None: path)


def test_a_vela_that_prints_nothing_is_no_success(
    tiny: TinyLibrary, definitions: catalog.Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_vela(tiny, monkeypatch, "exit 0")
    outcome = render(APP, definitions)
    assert [finding.message for finding in outcome.findings] == [
        "could not be rendered: vela dry-run ended well, and printed nothing of the Application"
    ]


def test_a_vela_that_is_killed_hides_nothing_of_the_others(
    tiny: TinyLibrary, definitions: catalog.Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_vela(
        tiny,
        monkeypatch,
        'for a; do case $a in *application.yaml) grep -q killed "$a" && kill -9 $$; esac; done\n'
        + "printf '# Application(x) -- Component(y)\\n\\n---\\nkind: ConfigMap\\n'",
    )
    text = "---\n".join(APP.replace("shop", name) for name in ("one", "killed", "two"))
    outcomes = dryrun.render_all(documents(text), definitions)
    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    (finding,) = outcomes[1].findings
    assert finding.message.endswith("fake-vela was ended by SIGKILL")
    assert not render(APP.replace("shop", "killed"), definitions).ok, "what failed is not kept"
