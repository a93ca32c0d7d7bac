"""Building: two files a definition, the same bytes every time, and drift that names its source."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import vela_realtime
from vela_realtime import cue, schema
from vela_realtime.cue import syntax
from vela_realtime.errors import InputError, SourceError
from vela_realtime.kubevela import vela
from vela_realtime.library import Library, build, bundle, definition, find, site

if TYPE_CHECKING:
    from tests.support.tiny import TinyLibrary
    from vela_realtime.findings import Finding


def faults(tiny: TinyLibrary, **options: Any) -> list[tuple[str, int, str]]:
    with pytest.raises(SourceError) as caught:
        build.build(tiny.library, **options)
    return [(finding.file, finding.line, finding.message) for finding in caught.value.findings]


def drift(tiny: TinyLibrary) -> list[Finding]:
    return build.build(tiny.library, check=True).findings


def test_each_definition_becomes_two_files_and_a_schema(tiny: TinyLibrary) -> None:
    result = build.build(tiny.library)
    assert [path.relative_to(tiny.root).as_posix() for path in result.changed] == [
        "definitions/echo.cue",
        "definitions/echo.yaml",
        "definitions/schemas/echo.json",
        "definitions/schemas/application.json",
    ]


def test_the_kubernetes_object(tiny: TinyLibrary) -> None:
    build.build(tiny.library)
    text = tiny.read("definitions/echo.yaml")
    assert text.startswith("# Generated from cue/echo by `vela-realtime build`; edit that folder instead.\n")
    data = yaml.safe_load(text)
    template = data["spec"]["schematic"]["cue"].pop("template")
    status = data["spec"].pop("status")
    assert data == {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "ComponentDefinition",
        "metadata": {
            "name": "echo",
            "annotations": {
                "definition.oam.dev/alias": "Echo",
                "definition.oam.dev/description": 'Says what it is told: "twice"',
            },
        },
        "spec": {
            "schematic": {"cue": {}},
            "version": "1.2.3",
            "workload": {"type": "autodetects.core.oam.dev"},
        },
    }
    assert template.startswith('import "strings"\nparameter:#Parameter\n')
    assert "isHealth:" in status["healthPolicy"]
    assert "message:" in status["customStatus"]


def test_it_means_what_vela_makes_of_the_cue_form(tiny: TinyLibrary, tmp_path: Path) -> None:
    tiny.write("cue/scripts/say-hi.sh", '#!/bin/sh\n\t\n \necho \'\\n\' """\n\n')
    tiny.change("cue/echo/template.cue", "rules: {", "_script: #SayHiSh\n\nrules: {")
    tiny.change("cue/echo/definition.cue", "parts:", 'labels: {"ui-hidden": "true", "x.oam.dev/y": "z"}\n\tparts:')
    build.build(tiny.library)
    done = vela.run(["def", "render", tiny.path("definitions/echo.cue"), "-o", tmp_path / "by-vela.yaml"])
    assert done.ok, done.stderr
    ours = yaml.safe_load(tiny.read("definitions/echo.yaml"))
    theirs = yaml.safe_load((tmp_path / "by-vela.yaml").read_text())
    assert plain_template(ours, tmp_path) == plain_template(theirs, tmp_path)
    theirs["metadata"].setdefault("labels", {})
    for name, text in theirs["spec"]["status"].items():
        assert without_layout(ours["spec"]["status"].pop(name)) == without_layout(text)
    del theirs["spec"]["status"]
    del ours["spec"]["status"]
    assert ours == theirs


def without_layout(cue: str) -> str:
    """Return CUE without blanks, and without commas, which the end of a line is as good as."""
    return re.sub(r"[\s,]", "", cue)


def plain_template(data: Any, folder: Path) -> str:
    """Take the template out of a definition, and return it as cue evaluates it: layout does not count."""
    template = data["spec"]["schematic"]["cue"].pop("template")
    context = 'context: {name: "n", namespace: "d", appName: "a"}\nparameter: {name: "x", words: "y"}\n'
    done = cue.run(["export", "-", "--out", "json"], folder=folder, stdin=f"{template}\n{context}")
    assert done.ok, done.stderr
    return done.stdout


def test_the_yaml_form_has_each_line_of_the_built_cue_form(tiny: TinyLibrary) -> None:
    build.build(tiny.library)
    template = yaml.safe_load(tiny.read("definitions/echo.yaml"))["spec"]["schematic"]["cue"]["template"]
    imports, start, body = template.partition("parameter:#Parameter")
    built = without_layout(tiny.read("definitions/echo.cue"))
    assert without_layout(imports) in built
    assert without_layout(start + body) in built


def test_the_yaml_form_is_indented_by_one(tiny: TinyLibrary) -> None:
    build.build(tiny.library)
    text = tiny.read("definitions/echo.yaml")
    assert "\nspec:\n schematic:\n  cue:\n   template: |\n    import" in text
    assert "\n    output:{apiVersion:" in text


def test_only_two_levels_are_indented(tiny: TinyLibrary) -> None:
    tab = "\t"
    deep = "".join(f"{tab * level}a{level}: {{\n" for level in range(12)) + f'{tab * 12}end: "{"x" * 200}"\n' + "}" * 12
    tiny.change("cue/echo/template.cue", "rules: {", f"_deep: {{\n{deep}\n}}\n\nrules: {{")
    build.build(tiny.library)
    (line,) = [line for line in tiny.read("definitions/echo.yaml").split("\n") if "end:" in line]
    assert line == " " * (4 + 2) + f'end:"{"x" * 200}"' + "}" * 13


def test_a_short_struct_or_list_stands_on_one_line(tiny: TinyLibrary) -> None:
    """But not what has a comment, a text of several lines, or goes on in the next line."""
    long = "x" * 90
    tiny.change(
        "cue/echo/template.cue",
        "rules: {",
        "_short: {\n\ta: 1\n\tb: [\n\t\t1,\n\t\tif true {\n\t\t\t2\n\t\t},\n\t]\n\tif true {\n\t\tc: 3\n\t}\n}\n"
        f'_long: {{\n\ta: "{long}"\n\tb: "{long}"\n\tc: "{long}"\n}}\n'
        "_goes: {\n\ta: 1 +\n\t\t2\n}\n\nrules: {",
    )
    build.build(tiny.library)
    text = tiny.read("definitions/echo.yaml")
    assert "    _short:{a:1,b:[1,if true {2}],if true {c:3}}\n" in text
    assert f'    _long:{{a:"{long}"\n     b:"{long}"\n     c:"{long}"}}\n' in text
    assert "    _goes:{a:1 +\n      2}\n" in text


def test_brackets_close_behind_what_they_close_and_no_line_is_empty(tiny: TinyLibrary) -> None:
    """But a comment's own line takes none of them in, and a text keeps its lines."""
    listed = '_listed: [\n\t{a: 1},\n\t{\n\t\tb: #"""\n\t\t\tif {\n\n\t\t\t}\n\t\t\t"""#\n\t\tc: 2\n\t},\n]\n\n'
    tiny.change("cue/echo/template.cue", "rules: {", f"{listed}rules: {{")
    tiny.change(
        "cue/echo/parameter.cue",
        "#Parameter: {",
        "#Parameter: {\n\ta?: {\n\t\tb?: int\n\t\t// +usage=Nothing follows\n\t}\n",
    )
    build.build(tiny.library)
    text = tiny.read("definitions/echo.yaml")
    assert '    _listed:[{a:1},\n     {b:#"""\n    if {\n\n    }\n    """#\n      c:2}]\n' in text
    assert "a?:{b?:int\n      // +usage=Nothing follows\n     }\n" in text


def test_kubectl_shows_the_template_as_lines(tiny: TinyLibrary) -> None:
    """It writes a string that has a tab as one line in quotes; only a text's own tabs are kept."""
    build.build(tiny.library)
    assert "\t" not in tiny.read("definitions/echo.yaml")
    tiny.write("cue/scripts/say-hi.sh", "#!/bin/sh\nif true; then\n\techo hi\nfi\n")
    tiny.change("cue/echo/template.cue", "rules: {", "_script: #SayHiSh\n\nrules: {")
    build.build(tiny.library)
    assert [line for line in tiny.read("definitions/echo.yaml").split("\n") if "\t" in line] == ["    \techo hi"]


def test_the_same_sources_make_the_same_bytes_anywhere(tiny: TinyLibrary, tmp_path: Path) -> None:
    build.build(tiny.library)
    other = type(tiny)(tmp_path / "elsewhere")
    build.build(other.library, use_cache=False)
    for name in ("definitions/echo.cue", "definitions/echo.yaml"):
        assert tiny.path(name).read_bytes() == other.path(name).read_bytes()


def test_what_does_not_change_is_not_touched(tiny: TinyLibrary) -> None:
    build.build(tiny.library)
    os.utime(tiny.path("definitions/echo.yaml"), (1, 1))
    assert build.build(tiny.library).changed == []
    assert tiny.path("definitions/echo.yaml").stat().st_mtime == 1


def test_the_cache_knows_every_source(tiny: TinyLibrary) -> None:
    build.build(tiny.library)
    tiny.change("cue/labels.cue", '"kubevela"', '"vela"')
    assert [path.name for path in build.build(tiny.library).changed] == ["echo.cue", "echo.yaml"]


def test_an_optional_definition_has_a_folder_of_its_own(tiny: TinyLibrary) -> None:
    tiny.change("cue/echo/definition.cue", "parts:", "optional: true\n\tparts:")
    build.build(tiny.library)
    assert tiny.path("definitions/optional/echo.yaml").exists()
    assert not tiny.path("definitions/echo.yaml").exists()


def test_a_trait(tiny: TinyLibrary) -> None:
    tiny.write(
        "cue/shout/definition.cue",
        'package realtime\n\ndefinition: {\n\tname: "shout"\n\ttype: "trait"\n\tversion: "0.1.0"\n'
        '\tdescription: "Louder"\n\tappliesToWorkloads: ["deployments.apps"]\n\tpodDisruptive: true\n}\n',
    )
    tiny.write(
        "cue/shout/parameter.cue",
        "package realtime\n\nparameter: #Parameter\n\n#Parameter: {\n\t// +usage=How loud\n\tlevel: *1 | int\n}\n\n"
        "patch: spec: replicas: parameter.level\n",
    )
    build.build(tiny.library)
    data = yaml.safe_load(tiny.read("definitions/shout.yaml"))
    assert data["kind"] == "TraitDefinition"
    assert data["spec"]["appliesToWorkloads"] == ["deployments.apps"]
    assert data["spec"]["podDisruptive"] is True
    assert "status" not in data["spec"]
    assert vela.run(["def", "vet", tiny.path("definitions/shout.cue")]).ok


@pytest.mark.parametrize(
    ("old", "new", "place", "message", "hint"),
    [
        ('"1.2.3"', '"1.2"', (6, 2), 'definition.version must have the form "1.2.3"', "KubeVela takes no other"),
        ('"component"', '"policy"', (5, 2), 'definition.type must be one of component, trait, not "policy"', ""),
        (
            '"component"',
            '"componnent"',
            (5, 2),
            'definition.type must be one of component, trait, not "componnent"',
            "did you mean component?",
        ),
        ('type:        "component"', "", (3, 1), "definition.type must be one of component, trait", ""),
        (
            '"echo"\n\ttype',
            '"Echo"\n\ttype',
            (4, 2),
            "definition.name must be a DNS label of at most 63 characters",
            "",
        ),
        (
            'alias:       "Echo"',
            'ailas: "Echo"',
            (7, 2),
            "the definition of a component has no ailas",
            "did you mean alias?",
        ),
        (
            'alias:       "Echo"',
            "stage: 1",
            (7, 2),
            "the definition of a component has no stage",
            "it has alias, annotations, childResourceKinds, controlPlaneOnly, description, labels, name, open, "
            "optional, parts, podSpecPath, revisionEnabled, revisionLabel, type, version, workload",
        ),
        (
            'workload: type: "autodetects.core.oam.dev"',
            "",
            (3, 1),
            "definition.workload is missing",
            'without a kind of its own: workload: type: "autodetects.core.oam.dev"',
        ),
        (
            'kind: "Job"',
            'kind: "CronJob"',
            (12, 3),
            'a part\'s kind must be one of StatefulSet, Deployment, DaemonSet, Job, not "CronJob"',
            "",
        ),
        ('kind: "Job"', 'knd: "Job"', (12, 3), "a part has no knd", "did you mean kind?"),
        ('kind: "Job", ', "", (12, 3), "a part needs a kind", ""),
    ],
)
def test_wrong_metadata(tiny: TinyLibrary, old: str, new: str, place: tuple[int, int], message: str, hint: str) -> None:
    tiny.change("cue/echo/definition.cue", old, new)
    with pytest.raises(SourceError) as raised:
        definition.load(tiny.library)
    (finding,) = raised.value.findings
    assert (finding.file, finding.rule) == ("cue/echo/definition.cue", "definition")
    assert ((finding.line, finding.column), finding.message, finding.hint) == (place, message, hint)


@pytest.mark.parametrize(
    ("names", "hint"),
    [(["ecko"], "did you mean echo?"), (["a", "ecko"], "did you mean echo?"), (["other"], "there are echo")],
)
def test_a_definition_that_is_not_there(tiny: TinyLibrary, names: list[str], hint: str) -> None:
    with pytest.raises(InputError, match=f"there is no definition {', '.join(names)}") as raised:
        build.build(tiny.library, names=names)
    assert raised.value.hint == hint


def test_two_definitions_of_one_name(tiny: TinyLibrary) -> None:
    for name in ("definition.cue", "parameter.cue", "template.cue"):
        tiny.write(f"cue/other/{name}", tiny.read(f"cue/echo/{name}"))
    assert faults(tiny) == [("cue/other/definition.cue", 1, "component echo is also defined in cue/echo")]


def test_what_does_not_compile_is_not_built(tiny: TinyLibrary) -> None:
    build.build(tiny.library)
    before = tiny.read("definitions/echo.yaml")
    tiny.change("cue/echo/template.cue", "parameter.replicas", "parameter.replica")
    tiny.change("cue/labels.cue", "#name: string", "#name: nosuch")
    assert ("cue/labels.cue", 7, '#Labels.#name: reference "nosuch" not found') in faults(tiny)
    assert tiny.read("definitions/echo.yaml") == before


def test_check_passes_on_what_was_just_built(tiny: TinyLibrary) -> None:
    build.build(tiny.library)
    assert drift(tiny) == []


def test_check_names_the_line_and_the_sources(tiny: TinyLibrary) -> None:
    build.build(tiny.library)
    tiny.change("definitions/echo.yaml", "spec:replicas:parameter.replicas", "spec:replicas:2")
    (finding,) = drift(tiny)
    lines = tiny.read("definitions/echo.yaml").split("\n")
    (line,) = [number for number, text in enumerate(lines, 1) if "spec:replicas:2" in text]
    assert (finding.file, finding.line, finding.rule) == ("definitions/echo.yaml", line, "drift")
    assert finding.message == "is out of date; it is built from cue/echo, cue/labels.cue, cue/site.cue"
    assert finding.hint == "run vela-realtime build"


def test_check_finds_what_is_missing_and_what_is_left_over(tiny: TinyLibrary) -> None:
    build.build(tiny.library)
    tiny.path("definitions/echo.cue").unlink()
    tiny.write("definitions/gone.yaml", tiny.read("definitions/echo.yaml"))
    tiny.write("definitions/by-hand.yaml", "kind: ConfigMap\n")
    assert [(finding.file, finding.message.partition(";")[0]) for finding in drift(tiny)] == [
        ("definitions/echo.cue", "is missing"),
        ("definitions/gone.yaml", "nothing builds this file any more"),
    ]


def test_a_definition_that_is_gone_is_removed(tiny: TinyLibrary) -> None:
    build.build(tiny.library)
    tiny.change("cue/echo/definition.cue", '"echo"\n\ttype', '"speak"\n\ttype')
    tiny.write("definitions/by-hand.yaml", "kind: ConfigMap\n")
    result = build.build(tiny.library)
    assert [path.name for path in result.removed] == ["echo.cue", "echo.yaml", "echo.json"]
    assert sorted(path.name for path in tiny.path("definitions").rglob("*.*")) == [
        "application.json",
        "by-hand.yaml",
        "speak.cue",
        "speak.json",
        "speak.yaml",
    ]


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("SIZE_LIMIT", " bytes of JSON; a definition may have 100"),
        ("TOTAL_LIMIT", " bytes of JSON; together they may have 100"),
    ],
)
def test_size(tiny: TinyLibrary, monkeypatch: pytest.MonkeyPatch, limit: str, message: str) -> None:
    monkeypatch.setattr(build, limit, 100)
    (finding,) = build.build(tiny.library).findings
    assert finding.rule == "size"
    assert finding.message.endswith(message)


def test_the_size_is_what_kubectl_keeps(tiny: TinyLibrary) -> None:
    import yaml

    built = {output.path.name: output for output in build.render(tiny.library)}
    stored = json.dumps(yaml.safe_load(built["echo.yaml"].text), separators=(",", ":"), ensure_ascii=False)
    escaped = stored.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    assert built["echo.yaml"].size == len(escaped.encode())
    assert len(escaped) > len(stored)
    assert built["echo.cue"].size == 0


SITE = """\
# ours
registry: registry.example.com
size: large
"""


def test_a_sites_settings_are_baked_in(tiny: TinyLibrary) -> None:
    file = tiny.write("site.yaml", SITE)
    build.build(tiny.library, site=file, output=tiny.path("out"))
    text = tiny.read("out/echo.yaml")
    assert text.startswith("# Generated from cue/echo by `vela-realtime build --site site.yaml`;")
    assert '// The values of site.yaml.\n    site:{"registry":"registry.example.com",' in text
    assert not tiny.path("definitions").exists()
    assert vela.run(["def", "vet", tiny.path("out/echo.cue")]).ok


def test_the_cache_knows_the_site(tiny: TinyLibrary) -> None:
    file = tiny.write("site.yaml", SITE)
    build.build(tiny.library, site=file, output=tiny.path("out"))
    tiny.change("site.yaml", "large", "small")
    assert len(build.build(tiny.library, site=file, output=tiny.path("out")).changed) == 2


def test_a_site_does_not_take_the_place_of_the_librarys_definitions(tiny: TinyLibrary) -> None:
    with pytest.raises(
        InputError, match=r"definitions/ keeps no organisation's settings\n.*another folder with --output"
    ):
        build.build(tiny.library, site=tiny.write("site.yaml", SITE))
    assert not tiny.path("definitions").exists()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("# ours\nsize: huge\n", 2, 'size must be one of "small", "large", not "huge"'),
        ("registry: a\nregistri: b\n", 2, "there is no registri"),
        ("registry: 3\n", 1, "registry must be a text, not 3"),
        ("registry: [\n", 1, "the [ that opens here is never closed"),
        ("- size\n", 1, "expected an object, found a list"),
        ("size: small\nsize: large\n", 2, "size is given twice, first on line 1"),
        ("size: small\n---\nsize: large\n", 3, "a site file is one document: this is one more"),
        # What the schema lets pass: YAML 1.1 reads true here, cue and Kubernetes' newer readers a text.
        ("on: true\n", 1, "on: field not allowed"),
    ],
)
def test_a_wrong_site_file(tiny: TinyLibrary, text: str, line: int, message: str) -> None:
    assert faults(tiny, site=tiny.write("site.yaml", text), output=tiny.path("out")) == [("site.yaml", line, message)]


def test_an_empty_site_file_sets_nothing(tiny: TinyLibrary) -> None:
    build.build(tiny.library, site=tiny.write("site.yaml", "# nothing yet\n"), output=tiny.path("out"))
    assert "site:{}" in tiny.read("out/echo.yaml")


def test_what_has_no_schema_is_left_to_cue(tiny: TinyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(library: Library) -> None:
        raise schema.ExportError("no telling")

    monkeypatch.setattr(site, "schema", none)
    assert faults(tiny, site=tiny.write("site.yaml", "registri: b\n"), output=tiny.path("out")) == [
        ("site.yaml", 1, "registri: field not allowed")
    ]


def test_an_installed_library_is_never_written_to(tiny: TinyLibrary) -> None:
    installed = Library(tiny.root, packaged=True)
    with pytest.raises(InputError, match="the installed package cannot be written to"):
        build.build(installed)
    tiny.write("cue/scripts/say-hi.sh", "echo hi\n")
    result = build.build(installed, output=tiny.path("out"), check=False)
    assert not tiny.path("cue/scripts_gen.cue").exists()
    assert [finding.rule for finding in result.findings] == ["drift"]


def test_a_full_disk_leaves_the_old_file(tiny: TinyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    build.build(tiny.library)
    before = tiny.read("definitions/echo.cue")
    tiny.change("cue/labels.cue", '"kubevela"', '"vela"')

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot write definitions/echo\.cue: No space left on device"):
        build.build(tiny.library, use_cache=False)
    assert tiny.read("definitions/echo.cue") == before
    assert sorted(path.name for path in tiny.path("definitions").iterdir()) == ["echo.cue", "echo.yaml", "schemas"]


def test_a_library_is_found_from_a_folder_below(tiny: TinyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny.path("cue/echo"))
    assert find().root == tiny.root


def test_elsewhere_it_is_the_tools_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find().root == Path(vela_realtime.__file__).parent.parent


def test_a_folder_without_library(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no library"):
        find(tmp_path)


def test_a_hand_written_definition_is_not_taken_for_a_built_one() -> None:
    assert definition.generated_file("// Generated from cue/a by `vela-realtime build`; edit\n")
    assert not definition.generated_file("// My own\n")


def test_a_build_with_nothing_to_do_reads_no_file_as_cue(tiny: TinyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """That took most of its time: what is made of a file is kept for as long as the file stays as it is."""
    tiny.path("docs").mkdir()
    tiny.write("cue/more.cue", "package realtime\n\n#More: #EchoDefaults.replicas\n")
    assert tiny.path("cue/defaults_gen.cue") in build.build(tiny.library).changed
    bundle._parsed.cache_clear()
    parsed: list[Path] = []
    monkeypatch.setattr(syntax, "parse", lambda path, _: parsed.append(path))
    assert build.build(tiny.library).changed == []
    assert parsed == []
