"""Reading Applications: many in a file, each value with its place, faults where they stand."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from vela_realtime.check.load import load
from vela_realtime.documents import application
from vela_realtime.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
spec:
  components:
    - name: broker
      type: "iot-broker@v1.0.0"   # pinned
      properties:
        name: devices
        topics: ["a/b", 'c']
      traits:
        - type: scaler
"""


def one(text: str) -> application.Document:
    (document,), findings = application.parse("app.yaml", text)
    assert findings == []
    return document


@pytest.mark.parametrize(
    ("route", "place"),
    [
        ((), (1, 1)),
        (("metadata", "name"), (4, 3)),
        (("spec", "components", 0), (7, 7)),
        (("spec", "components", 0, "type"), (8, 7)),
        (("spec", "components", 0, "properties", "topics", 1), (11, 25)),
        (("spec", "components", 0, "traits", 0, "type"), (13, 11)),
        (("spec", "components", 0, "properties", "nosuch", "deep"), (9, 7)),  # the nearest that is there
        (("spec", "components", 5), (6, 3)),
    ],
)
def test_every_value_has_its_place(route: application.Route, place: tuple[int, int]) -> None:
    assert one(APP).locate(route) == place


def test_a_route_is_shown_as_people_write_it() -> None:
    assert application.show_path(("spec", "components", 0, "name")) == "spec.components[0].name"


def test_several_documents_in_one_file() -> None:
    text = f"# first\n{APP}---\n# nothing here\n---\n{APP.replace('shop', 'other')}---\nkind: ConfigMap\n"
    documents, findings = application.parse("all.yaml", text)
    assert findings == []
    assert [(item.kind, item.name, item.first_line) for item in documents] == [
        ("Application", "shop", 2),
        ("Application", "other", 18),
        ("ConfigMap", "", 32),
    ]
    assert documents[0].text == APP
    assert documents[1].text == APP.replace("shop", "other")


def test_a_document_on_its_separators_line() -> None:
    document = one("--- {kind: Application, a: 1}\n")
    assert document.data == {"kind": "Application", "a": 1}
    assert document.text.strip() == "{kind: Application, a: 1}"
    assert document.locate(("a",)) == (1, 25)


def test_json_with_tabs(tmp_path: Path) -> None:
    data = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "j"},
        "spec": {"components": [{"name": "a", "type": "b"}]},
    }
    path = tmp_path / "app.json"
    path.write_text(json.dumps(data, indent="\t"))
    (document,) = load([str(path)]).applications
    assert document.data == data


def test_dates_stay_text() -> None:
    assert one("a: 2024-01-02\n").data == {"a": "2024-01-02"}


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(APP.encode())))
    (document,) = load(["-"]).applications
    assert (document.file, document.name) == ("<stdin>", "shop")


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yml").write_text(APP)
    (tmp_path / "a.yaml").write_text(APP.replace("shop", "first"))
    (tmp_path / "policy.yaml").write_text(
        "apiVersion: core.oam.dev/v1alpha1\nkind: Policy\nmetadata: {name: p}\ntype: debug\n"
    )
    (tmp_path / "README.md").write_text("kind: Application")
    loaded = load([str(tmp_path)])
    assert [item.name for item in loaded.applications] == ["first", "shop"]
    assert [item.name for item in loaded.companions] == ["p"]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "a is given twice, first on line 1"),
        ("a: {b: 1, b: 2}\n", 1, 11, "b is given twice, first on line 1"),
        ("- kind: Application\n", 1, 1, "expected an object, found a list"),
        ("just words\n", 1, 1, "expected an object, found a text"),
    ],
)
def test_what_is_no_yaml(text: str, line: int, column: int, message: str) -> None:
    _, (finding,) = application.parse("app.yaml", text)
    assert (finding.file, finding.line, finding.column, finding.rule) == ("app.yaml", line, column, "yaml")
    assert message in finding.message


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("  name: shop", "  nam: shop", 4, "metadata has no nam"),
        ("  components:", "  component:", 6, "spec has no component"),
        ("spec:", "sepc:", 5, "an Application has no sepc"),
        ('      type: "iot-broker@v1.0.0"   # pinned\n', "", 7, "spec.components[0].type is missing"),
        ("        - type: scaler", "        - typ: scaler", 13, "spec.components.traits has no typ"),
        (
            "        - type: scaler",
            "        - scaler",
            13,
            'spec.components[0].traits[0] must be an object, not "scaler"',
        ),
        (
            "        - type: scaler",
            "        type: scaler",
            12,
            "spec.components[0].traits must be a list, not an object",
        ),
        (
            "      properties:\n        name: devices\n        topics: [\"a/b\", 'c']",
            "      properties: [1]",
            9,
            "spec.components[0].properties must be an object, not a list",
        ),
    ],
)
def test_what_is_no_application(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    assert old in APP
    path = tmp_path / "app.yaml"
    path.write_text(APP.replace(old, new))
    loaded = load([str(path)])
    assert loaded.applications == []
    assert [(item.line, item.message) for item in loaded.findings] == [(line, message)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.yaml", None, "cannot read .*absent.yaml: No such file or directory"),
        ("other.yaml", b"kind: ConfigMap\n", "no Application found in .*other.yaml"),
        ("empty.yaml", b"", "no Application found in .*empty.yaml"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        load([str(tmp_path / name)])


def test_a_folder_without_yaml(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no YAML or JSON file in"):
        load([str(tmp_path)])


def test_argo_cds_applications_are_none_of_ours(tmp_path: Path) -> None:
    argo = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: delivery}\nspec: {project: default}\n"
    (tmp_path / "app.yaml").write_text(f"{argo}---\n{APP}")
    loaded = load([str(tmp_path)])
    assert [document.name for document in loaded.applications] == ["shop"]
    assert loaded.findings == []


def wasmcloud(*components: str) -> str:
    listed = "".join(f"    - {{name: part-{number}, {item}}}\n" for number, item in enumerate(components))
    return f"apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  components:\n{listed}"


@pytest.mark.parametrize(
    ("components", "ours"),
    [
        (["type: component, traits: [{type: spreadscaler}, {type: link}]", "type: capability"], False),
        (["type: actor, traits: [{type: linkdef}]"], False),
        (["type: capability, traits: [{type: daemonscaler}]"], False),
        # One word alone is nobody's; with types or traits of another, it is a mistake to be told.
        (["type: component"], True),
        (["type: capability", "type: webservice"], True),
        (["type: component, traits: [{type: spreadscaler}, {type: scaler}]"], True),
        ([], True),
    ],
)
def test_wasmclouds_applications_are_told_by_their_types(components: list[str], ours: bool) -> None:
    (document,), _ = application.parse("app.yaml", wasmcloud(*components))
    assert application.is_of_kubevela(document) is ours


def test_wasmclouds_applications_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text(f"{wasmcloud('type: actor')}---\n{APP}")
    loaded = load([str(tmp_path)])
    assert [document.name for document in loaded.applications] == ["shop"]
    (tmp_path / "app.yaml").write_text(wasmcloud("type: actor"))
    with pytest.raises(InputError, match="no Application found") as raised:
        load([str(tmp_path)])
    assert "those of Argo CD and wasmCloud are passed over" in raised.value.hint


@pytest.mark.parametrize("file", ["app.json", "<stdin>"])
def test_json_that_is_indented_by_tabs_keeps_its_columns(file: str) -> None:
    text = '{\n\t"kind": "Application",\n\t"metadata": {\n\t\t"name": "a\\tb\'"\n\t}\n}\n'
    (document,), faults = application.parse(file, text)
    assert faults == []
    assert document.data == {"kind": "Application", "metadata": {"name": "a\tb'"}}
    assert document.locate(("metadata", "name")) == (4, 3)


def test_a_key_that_a_merge_brings_may_be_given_too() -> None:
    _, faults = application.parse("app.yaml", "a: &a {x: 1}\nb: {<<: *a, x: 2}\n")
    assert faults == []
