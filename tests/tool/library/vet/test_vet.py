"""``vet``: each thing that vela's own check lets pass, broken on purpose, with the line that must be named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vela_realtime import cache, process
from vela_realtime.errors import InputError
from vela_realtime.kubevela import vela
from vela_realtime.library import build, fixtures
from vela_realtime.library.bundle import Sources
from vela_realtime.library.vet import run as vet

if TYPE_CHECKING:
    from tests.support.tiny import TinyLibrary

VALID = """\
- name: plain
  properties: {name: abc}
- name: with-words
  properties: {name: abc, words: hello}
  siblings: [{name: other, type: webservice, properties: {image: x}}]
"""
INVALID = """\
- {name: misspelt, properties: {name: abc, wurds: x}, error: "parameter.wurds: field not allowed"}
- {name: rule, properties: {name: abc, words: nothing}, error: words must say something}
- {name: bound, properties: {name: abc, replicas: 10}, error: "strict.replicas: invalid value 10 (out of bound <=9)"}
"""


@pytest.fixture
def good(tiny: TinyLibrary) -> TinyLibrary:
    """Return a library that passes."""
    tiny.write("tests/fixtures/echo/valid/basics.yaml", VALID)
    tiny.write("tests/fixtures/echo/invalid/rules.yaml", INVALID)
    build.build(tiny.library)
    return tiny


def found(tiny: TinyLibrary, *, rebuild: bool = False, **options: Any) -> list[tuple[str, int, str, str]]:
    if rebuild:
        build.build(tiny.library)
    result = vet.vet(tiny.library, **options)
    return [(item.file, item.line, item.rule, item.message) for item in result.findings]


def test_a_good_library(good: TinyLibrary) -> None:
    result = vet.vet(good.library)
    assert (result.findings, result.definitions, result.cases) == ([], 1, 5)


@pytest.mark.parametrize(
    ("file", "old", "new", "rendered"),
    [
        ("cue/labels.cue", "#name: string\n", '#name: string & !=""\n', 5),
        ("cue/labels.cue", "those of every object", "on every object", 0),
        ("cue/context.cue", "components: [...{...}]", "components: [...{name: string, ...}]", 5),
        ("cue/unused.cue", "math.Pi", "math.E", 0),
        ("tests/fixtures/echo/valid/basics.yaml", "words: hello", "words: hi", 1),
    ],
)
def test_only_fixtures_that_an_edit_can_change_are_rendered_again(
    good: TinyLibrary, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str, rendered: int
) -> None:
    assert found(good) == []
    again: list[str] = []
    render = fixtures.render_package

    def counted(*arguments: Any, **options: Any) -> fixtures.PackageResult:
        again.append(arguments[2].name)
        return render(*arguments, **options)

    monkeypatch.setattr(fixtures, "render_package", counted)
    good.change(file, old, new)
    vet.vet(good.library)
    assert len(again) == rendered


def test_what_was_rendered_by_another_version_of_the_rules_is_rendered_again(
    good: TinyLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(good) == []
    result = fixtures.PackageResult({}, ())
    monkeypatch.setattr(fixtures, "render_package", lambda *_, **__: result)
    assert found(good) == []
    monkeypatch.setattr(cache, "_code", lambda _: "other code")
    assert {rule for _, _, rule, _ in found(good)} == {"fixture"}


def test_what_vela_def_vet_lets_pass(good: TinyLibrary) -> None:
    """An undefined reference in a built definition: vela is content, and names no line where it is not."""
    text = good.read("definitions/echo.cue").replace("parameter.replicas", "parameter.nosuch + nosuch")
    assert vela.run(["def", "vet", good.write("broken.cue", text)]).ok
    good.change("cue/echo/template.cue", "parameter.replicas", "nosuch")
    assert found(good) == [("cue/echo/template.cue", 12, "cue", 'output.spec.replicas: reference "nosuch" not found')]


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "rule", "message"),
    [
        ("cue/echo/template.cue", 'kind:       "Deployment"', 'kind: "Deployment"', 7, "format", "is not formatted"),
        ("cue/labels.cue", "#name: string", "#name: ]", 7, "cue", "expected operand, found ']'"),
        (
            "cue/labels.cue",
            "#name: string\n",
            "#name: string & 3\n",
            7,
            "cue",
            "#Labels.#name: conflicting values string and 3 (mismatched types string and int)",
        ),
        ("cue/labels.cue", "// #Labels", "let a = 1\n\n_b: a\n\n// #Labels", 5, "package", "let a at the top level"),
        (
            "cue/labels.cue",
            'import "strings"',
            'import "html"\n\n_a: html.Escape("")',
            12,
            "cue",
            'reference "strings"',
        ),
        ("cue/echo/parameter.cue", "\t// +usage=What to say\n", "", 10, "parameter-usage", "words has no"),
        ("cue/echo/parameter.cue", "*1 | int", "*1 | uint16", 9, "parameter-schema", "replicas: a default beside"),
        (
            "cue/echo/parameter.cue",
            "*1 | int",
            "*12 | int",
            9,
            "default",
            "12 cannot be the default of replicas: invalid value 12 (out of bound <=9)",
        ),
        (
            "cue/echo/parameter.cue",
            "*1 | int",
            "*1 | 12 | int",
            9,
            "choice",
            "12 cannot be a choice of replicas: #Strict refuses it",
        ),
        ("cue/labels.cue", "#app:  string", '#app:  *"x" | string', 8, "input-default", "#Labels.#app has a default"),
        ("cue/labels.cue", "#app:  string", "#app:  string\n\t#team: int", 9, "unused-input", "#team is never read"),
        (
            "cue/echo/parameter.cue",
            "words?:",
            "idle?:    string\n\t// +usage=x\n\twords?:",
            11,
            "unused-parameter",
            "idle is declared, and nothing reads it",
        ),
        (
            "cue/echo/parameter.cue",
            "words?:",
            "yes?:    string\n\t// +usage=x\n\twords?:",
            11,
            "parameter-name",
            "yes: YAML",
        ),
    ],
)
def test_the_source(good: TinyLibrary, file: str, old: str, new: str, line: int, rule: str, message: str) -> None:
    good.change(file, old, new)
    places = [(name, at, kind) for name, at, kind, words in found(good, fixtures=False) if message in words]
    assert (file, line, rule) in places


@pytest.mark.parametrize(("file", "line"), [("cue/echo/template.cue", 10), ("cue/more.cue", 3)])
def test_a_misspelt_input_of_a_part(good: TinyLibrary, file: str, line: int) -> None:
    good.write("cue/more.cue", 'package realtime\n\n#More: #Labels & {#name: "x", #app: "y"}\n')
    good.change(file, "#app:", "#ap:")
    places = [(finding.file, finding.line, finding.message) for finding in vet.source_rules(Sources(good.library))]
    assert places[0] == (file, line, "#Labels has no input #ap")


def test_several_things_at_once(good: TinyLibrary) -> None:
    good.change("cue/echo/parameter.cue", "\t// +usage=What to say\n", "")
    good.change("cue/labels.cue", "// #Labels", "_a: {b: 1}\n// #Labels")
    good.write("tests/fixtures/echo/valid/more.yaml", "- {name: wrong, properties: {name: ABC}}\n")
    rules = {rule for _, _, rule, _ in found(good)}
    assert rules == {"fixture", "format", "parameter-usage"}


def test_drift(good: TinyLibrary) -> None:
    good.change("definitions/echo.yaml", "spec:replicas:parameter.replicas", "spec:replicas:2")
    (finding,) = found(good)
    assert (finding[0], finding[2]) == ("definitions/echo.yaml", "drift")


def test_a_script_that_changed(good: TinyLibrary) -> None:
    good.write("cue/scripts/say-hi.sh", "echo hi\n")
    assert found(good) == [("cue/scripts_gen.cue", 1, "drift", "is missing; it is built from cue/scripts")]


def test_size(good: TinyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "SIZE_LIMIT", 1000)
    (finding,) = found(good)
    assert finding[2] == "size"


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            "- {name: x, properties: {name: ABC}}",
            'x: must render, but strict.name: invalid value "ABC" (out of bound =~"^[a-z]+$")',
        ),
        ("- {name: x, properties: {name: a, words: nothing}}", "x: must render, but words must say something"),
    ],
)
def test_a_valid_fixture_that_fails(good: TinyLibrary, case: str, message: str) -> None:
    good.write("tests/fixtures/echo/valid/more.yaml", f"# why\n{case}\n")
    (finding,) = found(good)
    assert finding[:3] == ("tests/fixtures/echo/valid/more.yaml", 2, "fixture")
    assert finding[3].startswith(message)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("- {name: x, properties: {name: a}, error: boom}", "x: must fail with 'boom', but renders"),
        (
            "- {name: x, properties: {name: a, wurds: b}, error: boom}",
            "x: must fail with 'boom', but cue says: parameter.wurds: field not allowed; "
            "strict.wurds: field not allowed",
        ),
    ],
)
def test_an_invalid_fixture_that_does_not_fail_as_said(good: TinyLibrary, case: str, message: str) -> None:
    good.write("tests/fixtures/echo/invalid/more.yaml", f"{case}\n")
    assert found(good) == [("tests/fixtures/echo/invalid/more.yaml", 1, "fixture", message)]


def test_one_mistake_that_breaks_several_fixtures_is_one_finding_at_its_line(good: TinyLibrary) -> None:
    good.change("cue/echo/template.cue", "name: parameter.name\n\t\tlabels", "name: strict.nam\n\t\tlabels")
    good.write("tests/fixtures/echo/valid/more.yaml", "- {name: wrong, properties: {name: ABC}}\n")
    build.build(good.library)
    findings = vet.vet(good.library).findings
    assert [(item.file, item.line, item.column, item.message, item.hint) for item in findings] == [
        (
            "cue/echo/template.cue",
            9,
            16,
            "undefined field: nam",
            "breaks 2 fixtures, first plain (tests/fixtures/echo/valid/basics.yaml:1)",
        ),
        (
            "tests/fixtures/echo/valid/more.yaml",
            1,
            1,
            'wrong: must render, but strict.name: invalid value "ABC" (out of bound =~"^[a-z]+$") '
            "(cue/echo/parameter.cue:15)",
            "",
        ),
    ]


def fault(name: str, *messages: str, error: str = "") -> vet.Fault:
    case = fixtures.Case("echo", name, Path(f"{name}.yaml"), 3, {}, error=error)
    causes = tuple(vet.Cause(Path("a.cue"), 7, 2, "output", message) for message in messages)
    return vet.Fault(case, "is broken", causes)


@pytest.mark.parametrize(
    ("faults", "messages"),
    [
        ([fault("a", "x"), fault("b", "x")], ["x | breaks 2 fixtures, first a (a.yaml:3)"]),
        ([fault("a", "x"), fault("a", "x")], ["a: is broken (a.cue:7) | ", "a: is broken (a.cue:7) | "]),
        ([fault("a", "x"), fault("b", "y")], ["a: is broken (a.cue:7) | ", "b: is broken (a.cue:7) | "]),
        ([fault("a"), fault("b")], ["a: is broken | ", "b: is broken | "]),
        (
            [fault("a", "x"), fault("b", "x"), fault("c", "y", "x", error="z"), fault("d", "y", error="z")],
            ["d: is broken | ", "x | breaks 3 fixtures, first a (a.yaml:3)"],
        ),
        ([fault("a", "x", error="z"), fault("b", "x", error="z")], ["a: is broken | ", "b: is broken | "]),
    ],
    ids=["two", "one twice", "others", "no place", "invalid ones count", "invalid ones alone"],
)
def test_which_fixtures_go_together(faults: list[vet.Fault], messages: list[str]) -> None:
    assert [f"{item.message} | {item.hint}" for item in vet.together(faults)] == messages


def test_an_object_without_labels(good: TinyLibrary) -> None:
    good.change("cue/labels.cue", '"app.kubernetes.io/part-of":    #app', '"example.com/part-of":          #app')
    messages = [message for _, _, rule, message in found(good, rebuild=True) if rule == "fixture"]
    assert messages[0] == "plain: output: Deployment abc has no label app.kubernetes.io/part-of"
    assert len(messages) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\n", r"valid/more\.yaml must be a list of cases"),
        ("- {name: x}\n", r"valid/more\.yaml:1: a case needs a name and properties"),
        ("- {name: x, properties: {}, propertis: {}}\n", r"valid/more\.yaml:1: a case has no propertis"),
        (
            "- {name: x, properties: {}, error: y}\n",
            "a case has an error exactly when it is in a folder named invalid",
        ),
        ("- {name: plain, properties: {}}\n", r"case plain is also in tests/fixtures/echo/valid/basics\.yaml:1"),
        ("- [\n", r"valid/more\.yaml: "),
    ],
)
def test_a_fixture_file_that_is_none(good: TinyLibrary, text: str, message: str) -> None:
    good.write("tests/fixtures/echo/valid/more.yaml", text)
    with pytest.raises(InputError, match=message):
        vet.vet(good.library)


def test_what_vela_says_of_the_built_definition(good: TinyLibrary) -> None:
    good.change("cue/echo/definition.cue", 'workload: type: "autodetects.core.oam.dev"', "workload: nosuch: 1")
    findings = found(good, rebuild=True)
    assert [(file, rule) for file, _, rule, _ in findings] == [("cue/echo/definition.cue", "vela")]
    assert "nosuch" in findings[0][3]


def test_syntax_that_the_controller_would_rewrite(good: TinyLibrary) -> None:
    good.change("cue/echo/template.cue", "output: {", '_a: {error: "x"}\n\noutput: {')
    ((file, message),) = [(file, words) for file, _, rule, words in found(good, rebuild=True) if rule == "vela"]
    assert file == "cue/echo/definition.cue"
    assert message.startswith("[cue@0.14] [error-field-label] contains field named 'error'")


def test_a_place_in_the_built_definition_becomes_one_in_the_source(
    good: TinyLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = good.read("definitions/echo.cue").split("\n")
    line = next(number for number, text in enumerate(built, 1) if "spec: replicas: parameter.replicas" in text)
    says = process.Completed(1, "", f"Error: failed to parse CUE: echo.cue:{line}:9: something\n")
    monkeypatch.setattr(vela, "run", lambda *_, **__: says)
    ((file, at, rule, _),) = found(good, fixtures=False)
    assert (file, rule) == ("cue/echo/template.cue", "vela")
    assert good.read(file).split("\n")[at - 1] == "\tspec: replicas: parameter.replicas"


def test_only_some_definitions(good: TinyLibrary) -> None:
    assert vet.vet(good.library, names=["echo"]).definitions == 1
    with pytest.raises(InputError, match="there is no definition ecko"):
        vet.vet(good.library, names=["ecko"])


def test_that_a_definition_is_out_of_date_is_said_when_nothing_else_is_wrong(good: TinyLibrary) -> None:
    good.change("cue/echo/template.cue", "parameter.replicas", "parameter.replica")
    assert {rule for _, _, rule, _ in found(good)} == {"cue"}
    good.change("cue/echo/template.cue", "parameter.replica", "parameter.replicas & int")
    assert {rule for _, _, rule, _ in found(good)} == {"drift"}


def test_fixtures_are_rendered_again_when_anything_changes(good: TinyLibrary) -> None:
    assert found(good) == []
    good.change("cue/echo/parameter.cue", '=~"^[a-z]+$"', '=~"^[b-z]+$"')
    (finding,) = found(good, rebuild=True)
    message = 'invalid value "abc" (out of bound =~"^[b-z]+$")'
    assert finding == ("cue/echo/parameter.cue", 15, "fixture", message)
