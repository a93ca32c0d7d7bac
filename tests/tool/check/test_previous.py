"""What must not change, told before it is applied: this state of the files against an earlier one.

What is said at which line is in ``tests/fixtures/check/change`` and ``change-rendered``.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT
from tests.support import checking
from vela_realtime import cli
from vela_realtime.check import previous
from vela_realtime.check.previous import parameters
from vela_realtime.errors import InputError, ToolError
from vela_realtime.kubevela import immutable

if TYPE_CHECKING:
    from pathlib import Path


def broker(size: str, name: str = "plant", component: str = "broker", metadata: str = "") -> str:
    return (
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\n"
        f"metadata: {{name: {name}{metadata}}}\nspec:\n  components:\n"
        f"    - {{name: {component}, type: iot-broker, properties: {{name: {name}, persistence: {{size: {size}}}}}}}\n"
    )


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def told(new: Path, old: Path | str, **options: Any) -> list[str]:
    before = previous.read(str(old), [str(new)], options.get("namespace", ""))
    return [checking.shown(found) for found in checking.check_files(new, previous=before, **options).findings]


def messages(new: Path, old: Path | str, **options: Any) -> list[str]:
    return [line.partition(": ")[2].partition(" | ")[0] for line in told(new, old, **options)]


SIZE = 'persistence.size must not change: it was "1Gi", and is "2Gi"'
FORCE = ', annotations: {app.oam.dev/force-param-mutations: "true"}'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (broker("1Gi"), broker("1Gi"), []),
        (broker("1Gi"), broker("2Gi"), [SIZE]),
        (broker("1Gi"), broker("2Gi", metadata=FORCE), []),
        (broker("1Gi"), broker("2Gi", metadata=FORCE.replace("true", "yes")), [SIZE]),
        (broker("1Gi"), broker("2Gi", name="other"), []),
        (broker("1Gi"), broker("2Gi", component="other"), []),
        (broker("1Gi"), broker("2Gi", metadata=", namespace: default"), [SIZE]),
        (broker("1Gi"), broker("2Gi", metadata=", namespace: other"), []),
        (broker("1Gi").replace("iot-broker", "webservice"), broker("2Gi"), []),
        ("kind: ConfigMap\n", broker("2Gi"), []),
    ],
    ids=[
        "nothing", "a size", "let through", "not quite let through", "a new Application", "a new component",
        "the default namespace", "another namespace", "another type", "no Application before",
    ],
)  # fmt: skip
def test_a_component(tmp_path: Path, old: str, new: str, said: list[str]) -> None:
    write(tmp_path, {"old.yaml": old, "new.yaml": new})
    assert messages(tmp_path / "new.yaml", tmp_path / "old.yaml") == said


def test_the_namespace_of_the_command_is_that_of_all(tmp_path: Path) -> None:
    new = broker("2Gi", metadata=", namespace: other")
    write(tmp_path, {"old.yaml": broker("1Gi"), "new.yaml": new})
    assert messages(tmp_path / "new.yaml", tmp_path / "old.yaml", namespace="shop") == [SIZE]


def test_applications_of_a_folder_are_known_by_their_names_and_not_by_their_files(tmp_path: Path) -> None:
    write(tmp_path, {"old/a.yaml": broker("1Gi"), "new/deep/b.yaml": broker("2Gi"), "new/c.yaml": broker("9Gi", "new")})
    assert messages(tmp_path / "new", tmp_path / "old") == [SIZE]


def test_a_comment_accepts_it_and_is_not_called_idle_after_that(tmp_path: Path) -> None:
    answer = " # vela-realtime: ignore[immutable-parameter] its StatefulSet was deleted\n"
    accepted = broker("2Gi").removesuffix("\n") + answer
    write(tmp_path, {"old.yaml": broker("1Gi"), "new.yaml": accepted})
    assert messages(tmp_path / "new.yaml", tmp_path / "old.yaml") == []
    assert messages(tmp_path / "new.yaml", tmp_path / "new.yaml") == []
    assert checking.check_files(tmp_path / "new.yaml").findings == []


DEFINITION = """\
apiVersion: core.oam.dev/v1beta1
kind: {kind}Definition
metadata: {{name: own-{name}}}
spec:
  schematic:
    cue:
      template: |
        parameter: {{
          // +immutable
          zone: string
          deep: {{
            // +immutable
            token?: string
            free?: int
          }}
        }}
---
"""
EVERYWHERE = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: app}}
spec:
  components:
    - name: one
      type: own-component
      properties: &given {given}
      traits: [{{type: own-trait, properties: *given}}]
  policies: [{{name: two, type: own-policy, properties: *given}}]
  workflow: {{steps: [{{name: three, type: own-step, properties: *given}}]}}
"""
KINDS = {"component": "Component", "trait": "Trait", "policy": "Policy", "step": "WorkflowStep"}


def everywhere(given: str) -> str:
    return "".join(DEFINITION.format(kind=kind, name=name) for name, kind in KINDS.items()) + EVERYWHERE.format(
        given=given
    )


def test_whatever_kubevela_compares_is_compared(tmp_path: Path) -> None:
    """Components, policies and steps by name, traits by place: pkg/webhook/.../application/immutable.go of 1.11."""
    old, new = "{zone: a, deep: {free: 1}}", "{zone: b, deep: {free: 2}}"
    write(tmp_path, {"old.yaml": everywhere(old), "new.yaml": everywhere(new)})
    before = previous.read(str(tmp_path / "old.yaml"), [])
    found = checking.check_files(tmp_path / "new.yaml", previous=before).findings
    assert [(item.message, item.path, item.hint) for item in found] == [
        ('zone must not change: it was "a", and is "b"', path, parameters.LET_THROUGH)
        for path in (
            "spec.components[0].properties.zone",
            "spec.components[0].traits[0].properties.zone",
            "spec.policies[0].properties.zone",
            "spec.workflow.steps[0].properties.zone",
        )
    ]


def test_a_secret_is_not_said(tmp_path: Path) -> None:
    old, new = "{zone: a, deep: {token: 8f14e45f}}", "{zone: a, deep: {token: ceea167a}}"
    write(tmp_path, {"old.yaml": everywhere(old), "new.yaml": everywhere(new)})
    said = messages(tmp_path / "new.yaml", tmp_path / "old.yaml")
    assert set(said) == {"deep.token must not change"}


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, ["a"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a"]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "b": 1}}, []),
        ({"a": None}, {}, ["a"]),
        ({}, {"a": 1}, ["a"]),
        (None, {"a": 1}, ["a"]),
        ({"x": {"y": 1}}, {"x": 1}, ["x.y"]),
    ],
)
def test_values_are_held_against_each_other_as_json(old: Any, new: Any, changed: list[str]) -> None:
    assert [item.path for item in immutable.changes(["x.y", "a"], old, new)] == changed


def test_a_file_in_cue_is_read_too(tmp_path: Path) -> None:
    text = '"own": {type: "component"}\ntemplate: {\n\tparameter: {\n\t\t// +immutable\n\t\tzone: string\n\t}\n}\n'
    assert immutable.of_template(text) == {"zone"}
    assert immutable.of_template("parameter: {") == immutable.of_template("parameter: #Own // +immutable") == set()


def test_the_docs_say_how_each_parameter_is_changed_all_the_same() -> None:
    text = (ROOT / "docs" / "changes.md").read_text()
    rows = dict(re.findall(r"^\| (`.*`) \| (.*)\. \|$", text, re.MULTILINE))
    plain = {name: re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", way) for names, way in rows.items() for name in _names(names)}
    assert {name: way[0].lower() + way[1:] for name, way in plain.items()} == parameters.WAYS


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]*)`", cell)


def test_every_parameter_of_the_library_has_a_way() -> None:
    catalog, _ = checking.parts()
    names = ("realtime-platform", "iot-broker", "stream-processor", "analytics-dashboard")
    found = [catalog.find("component", name) for name in names]
    assert {path for item in found if item for path in parameters.immutable_of(item)} == parameters.WAYS.keys()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository whose one commit has two Applications; it is the current folder."""
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch=main")
    notes = {"apps/notes.yaml": "a: 1\n", "apps/node_modules/x.yaml": broker("1Gi", "packed")}
    write(tmp_path, {"apps/a.yaml": broker("1Gi"), "apps/b [1].yaml": broker("1Gi", "second"), **notes})
    commit()
    return tmp_path


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)  # noqa: S607


def commit() -> None:
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--allow-empty", "-m", "x")


def test_a_commit_is_what_the_files_were(repository: Path) -> None:
    (repository / "apps" / "a.yaml").write_text(broker("2Gi"))
    (repository / "apps" / "new.yaml").write_text(broker("3Gi", "new"))
    app = repository / "apps" / "a.yaml"
    assert messages(app, "main") == messages(app, "HEAD") == messages(repository / "apps", "main") == [SIZE]
    commit()
    assert messages(app, "main") == []
    assert messages(app, "main~1") == [SIZE]


def test_a_files_name_is_no_pattern(repository: Path) -> None:
    app = repository / "apps" / "b [1].yaml"
    app.write_text(broker("2Gi", "second"))
    assert messages(app, "HEAD") == [SIZE]


def test_settings_of_git_change_nothing(repository: Path) -> None:
    for name, value in {"color.ui": "always", "grep.fullName": "true", "grep.lineNumber": "true"}.items():
        git("config", name, value)
    (repository / "apps" / "a.yaml").write_text(broker("2Gi"))
    assert messages(repository / "apps", "HEAD") == [SIZE]


def test_a_repository_without_a_commit_has_nothing_that_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    assert messages(write(tmp_path, {"app.yaml": broker("1Gi")}) / "app.yaml", "HEAD") == []


@pytest.mark.parametrize(
    ("reference", "sources", "said"),
    [
        ("nowhere", ["apps"], "nowhere is no file, no folder, and no commit of this repository"),
        ("--output=x", ["apps"], "--output=x is no file, no folder, and no commit of this repository"),
        ("", ["apps"], "--previous names nothing"),
        ("main", ["-"], "there is no main, and standard input is in no commit"),
    ],
)
def test_what_is_no_earlier_state_is_said(repository: Path, reference: str, sources: list[str], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        previous.read(reference, sources)


def test_outside_of_a_repository_it_must_be_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    app = write(tmp_path, {"app.yaml": broker("1Gi")}) / "app.yaml"
    with pytest.raises(InputError, match=r"there is no file or folder main, and .* is in no git repository"):
        previous.read("main", [str(app)])


def test_a_git_that_fails_is_no_empty_state(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = write(repository, {"bin/git": '#!/bin/sh\ncase "$*" in *rev-parse*) echo abc;; *) exit 128;; esac\n'})
    (fake / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake / 'bin'}:/usr/bin:/bin")
    with pytest.raises(ToolError, match="git grep failed: it did not say why"):
        previous.read("main", ["apps"])


GONE = (
    "Application second is gone: nothing uses the volumes of StatefulSet second-iot-mqtt any more",
    "Application plant is gone: nothing uses the volumes of StatefulSet plant-iot-mqtt any more",
)


def test_an_application_that_is_gone_is_said_where_it_was(repository: Path) -> None:
    (repository / "apps" / "b [1].yaml").unlink()
    assert told(repository / "apps", "HEAD", render=True) == [
        f"0:0 warning left-behind: {GONE[0]} | the volumes stay: docs/volumes.md shows how to look at them and how to"
        " delete them"
    ]
    assert messages(repository / "apps" / "a.yaml", "HEAD", render=True) == []  # nobody asked for the others
    assert messages(repository / "apps", "HEAD") == []  # it takes rendering


def test_of_a_file_against_a_folder_the_others_are_not_gone(tmp_path: Path) -> None:
    write(tmp_path, {"old/a.yaml": broker("1Gi"), "old/b.yaml": broker("1Gi", "second"), "new/a.yaml": broker("1Gi")})
    assert messages(tmp_path / "new" / "a.yaml", tmp_path / "old", render=True) == []
    assert messages(tmp_path / "new", tmp_path / "old", render=True) == [GONE[0]]
    assert messages(tmp_path / "new" / "a.yaml", tmp_path / "old" / "b.yaml", render=True) == [GONE[0]]


def test_what_moved_to_another_application_is_not_gone(tmp_path: Path) -> None:
    one = broker("1Gi")
    other = one.replace("metadata: {name: plant}", "metadata: {name: fields}")
    write(tmp_path, {"old/a.yaml": one, "new/a.yaml": other})
    assert messages(tmp_path / "new", tmp_path / "old", render=True) == []


def test_the_annotation_lets_kubernetes_refusals_through_too(tmp_path: Path) -> None:
    old = broker("1Gi")
    new = broker("1Gi", metadata=FORCE).replace("persistence:", "storage: {class: fast}, persistence:")
    write(tmp_path, {"old.yaml": old, "new.yaml": new})
    assert messages(tmp_path / "new.yaml", tmp_path / "old.yaml", render=True) == []


RECREATE = """\
  policies:
    - name: anew
      type: resource-update
      properties:
        rules: [{selector: {resourceTypes: [Job]}, strategy: {recreateFields: [spec.template.spec]}}]
"""


@pytest.mark.parametrize(("field", "said"), [("spec.template", 0), ("spec", 0), ("spec.selector", 1)])
def test_what_kubevela_makes_anew_is_not_refused(tmp_path: Path, field: str, said: int) -> None:
    old = (checking.CASES / "change-rendered" / checking.BEFORE / "job.yaml").read_text()
    new = old.replace("echo, one", "echo, two") + RECREATE.replace("spec.template.spec", field)
    write(tmp_path, {"old.yaml": old, "new.yaml": new})
    assert len(messages(tmp_path / "new.yaml", tmp_path / "old.yaml", render=True)) == said


def test_the_command(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "apps" / "a.yaml").write_text(broker("2Gi"))
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", "--no-render", "--format", "text", "--previous", "HEAD", "apps"])
    out = capsys.readouterr().out
    assert ended.value.code == 1
    assert out.startswith(f"apps/a.yaml:6:86: error: {SIZE} [immutable-parameter]\n")
    assert out.endswith("2 Applications: 1 error, 0 warnings\n")
