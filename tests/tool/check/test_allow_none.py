"""``check --allow-none``: files without an Application pass, and what only looks like none does not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import checking
from vela_realtime import cli
from vela_realtime.documents import collect
from vela_realtime.documents.application import parse
from vela_realtime.errors import InputError

if TYPE_CHECKING:
    from vela_realtime.documents.application import Document
    from vela_realtime.findings import Finding

CONFIG = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n"
TEMPLATE = "kind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"
TAGS = "Resources:\n  Topic: {Name: !Ref Name}\n  Other:\n    Arn: !GetAtt Topic.Arn\n"
MKDOCS = "markdown_extensions:\n  - emoji: !!python/name:material.emoji.twemoji\n"
JINJA = "{% if grains %}\na: 1\n{% endif %}\n"
PLAYBOOK = "# a playbook\n---\n- hosts: all\n  tasks: []\n"


@pytest.mark.parametrize("text", [CONFIG, TEMPLATE, TAGS, MKDOCS, JINJA, PLAYBOOK, "[1, 2]\n", "", "# nothing\n"])
def test_no_application(text: str, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(text)
    result = checking.check_files(file, allow_none=True)
    assert (result.findings, result.applications) == ([], 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEMPLATE.replace("ConfigMap", "Application"), "an object or a list is a key here"),
        (TEMPLATE.replace("ConfigMap", '"Application"'), "an object or a list is a key here"),
        (f"apiVersion: core.oam.dev/v1beta1\n{TAGS}", "there is no tag !Ref"),
        ("a: 1\n\tb: 2\n", "a tab indents this line"),
        ("a: 1\nkind: Aplication\napiVersion: core.oam.dev/v1beta1\n", "there is no kind Aplication"),
    ],
)
def test_what_may_be_an_application(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(text)
    (finding,) = checking.check_files(file, allow_none=True).findings
    assert finding.message == message


def test_applications_beside_others_are_checked(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TEMPLATE)
    (tmp_path / "b.yaml").write_text(
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: a}\nspec: 5\n"
    )
    result = checking.check_files(tmp_path, allow_none=True)
    assert [finding.message for finding in result.findings] == ["spec must be an object, not 5"]


def test_without_the_option(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(CONFIG)
    with pytest.raises(InputError, match=r"no Application found in .*values\.yaml"):
        checking.check_files(file)
    file.write_text(PLAYBOOK)
    assert [finding.message for finding in checking.check_files(file).findings] == ["expected an object, found a list"]


def test_the_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", "--no-render", "--allow-none", "--format", "text", str(tmp_path / "empty")])
    assert (ended.value.code, capsys.readouterr().out) == (0, "no Application: nothing to check\n")


def test_what_other_tools_keep_in_a_folder_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages and hidden folders are passed over, and JSON without an object of Kubernetes is not parsed."""
    application = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: a}\nspec: {components: []}\n"
    files = {
        "app.yaml": application,
        "node_modules/x/app.yaml": application,
        ".git/app.yaml": application,
        "package.json": '{"name": "shop", "dependencies": {"a": "1"}}',
        "tsconfig.json": '{\n  // no JSON at all\n  "strict": true,\n}',
        "object.json": '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    parsed: list[str] = []

    def noted(file: str, text: str) -> tuple[list[Document], list[Finding]]:
        parsed.append(file)
        return parse(file, text)

    monkeypatch.setattr(collect, "parse", noted)
    result = checking.check_files(tmp_path)
    assert (result.applications, result.findings) == (1, [])
    assert sorted(Path(file).name for file in parsed) == ["app.yaml", "object.json"]
    # What is named is looked at, whatever it is.
    assert [found.rule for found in collect.read([str(tmp_path / "tsconfig.json")]).findings] == ["yaml"]
