"""A parameter that goes with the next major version: accepted, warned of with what takes its place, and renamed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from vela_realtime.cli import cli
from vela_realtime.library import build

if TYPE_CHECKING:
    from click.testing import Result

    from tests.support.tiny import TinyLibrary

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: echo
      type: echo
      properties:
        name: echo
        # As ever.
        phrase: hello
"""


def deprecate(tiny: TinyLibrary) -> None:
    tiny.change(
        "cue/echo/parameter.cue",
        "	words?: string\n",
        "	words?: string\n	// +usage=What to say\n	// +deprecated=use words\n	phrase?: string\n",
    )
    tiny.path("docs").mkdir()
    build.build(tiny.library)
    tiny.write("app.yaml", APP)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["check", "--no-render", "app.yaml", *arguments])


def test_it_is_accepted_and_warned_of(tiny: TinyLibrary) -> None:
    deprecate(tiny)
    done = check()
    assert done.exit_code == 0
    first, *_, hint, summary = done.output.splitlines()
    assert first == "app.yaml:11:9: warning: phrase goes with the next major version [deprecated-property]"
    assert (hint, summary) == ("  hint: use words", "1 Application: 0 errors, 1 warning")


def test_it_is_renamed_and_all_else_stays(tiny: TinyLibrary) -> None:
    deprecate(tiny)
    assert check("--fix").exit_code == 0
    assert tiny.read("app.yaml") == APP.replace("phrase", "words")
    assert check().output == "1 Application: nothing found\n"


def test_editors_and_the_reference_know_it(tiny: TinyLibrary) -> None:
    deprecate(tiny)
    schema = json.loads(tiny.read("definitions/schemas/echo.json"))["properties"]["phrase"]
    assert (schema["deprecated"], schema["deprecationMessage"]) == (True, "use words")
    (row,) = [line for line in tiny.read("docs/reference/echo.md").splitlines() if line.startswith("| `phrase`")]
    assert row == "| `phrase` | string |  | What to say. **Deprecated**: use words. |"
