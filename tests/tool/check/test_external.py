"""What is declared to be elsewhere: by an annotation, and by the option."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import checking
from vela_realtime import cli
from vela_realtime.check import external

if TYPE_CHECKING:
    from pathlib import Path

KINDS = f"kinds are {', '.join(external.KINDS)}"


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("platform/shop", None),
        ("secret/*", None),
        ("persistentvolumeclaim/data", None),
        ("plaform/shop", ("there is no kind plaform", "did you mean platform/shop?")),
        ("Secret/a", ("there is no kind Secret", "did you mean secret/a?")),
        ("secrets/", ("there is no kind secrets", "did you mean secret/NAME?")),
        ("volume/a", ("there is no kind volume", KINDS)),
        ("platform", ("platform has no name", "write platform/NAME, or platform/* for all")),
        ("platform/", ("platform/ has no name", "write platform/NAME, or platform/* for all")),
        ("shop", ("shop has no kind", f"write KIND/shop; {KINDS}")),
        ("/shop", ("/shop has no kind", f"write KIND/shop; {KINDS}")),
    ],
)
def test_an_item(item: str, said: tuple[str, str] | None) -> None:
    assert external.fault(item) == said


def test_items_stand_between_commas_and_blanks() -> None:
    assert external.split(" a/b, c/d  e/f,\n") == ["a/b", "c/d", "e/f"]


@pytest.mark.parametrize("values", [["secret/api,platform/core"], ["secret/api", "platform/core"]])
def test_the_option_is_a_list_too(values: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "app.yaml"
    file.write_text((checking.CASES / "links" / "secret-of-a-variable.yaml").read_text())
    options = [word for value in values for word in ("--external", value)]
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", "--no-render", "--format", "text", *options, str(file)])
    assert (ended.value.code, capsys.readouterr().out) == (0, "1 Application: nothing found\n")


def test_the_namespace_of_the_command_is_that_of_all(tmp_path: Path) -> None:
    """``-n`` is where everything is looked for, as it is where everything is rendered."""
    head = "apiVersion: core.oam.dev/v1beta1\nkind: Application\n"
    (tmp_path / "a.yaml").write_text(
        f"{head}metadata: {{name: a, namespace: one}}\nspec:\n"
        "  components: [{name: plant, type: realtime-platform, properties: {name: plant}}]\n"
    )
    (tmp_path / "b.yaml").write_text(
        f"{head}metadata: {{name: b, namespace: two}}\nspec:\n  components:\n    - name: web\n      type: webservice\n"
        '      properties: {image: "nginx:1.27"}\n      traits: [{type: realtime, properties: {platform: plant}}]\n'
    )
    assert [found.rule for found in checking.check_files(tmp_path).findings] == ["unknown-platform"]
    assert checking.check_files(tmp_path, namespace="one").findings == []
