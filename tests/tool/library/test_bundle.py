"""Bundling: a definition's files and the part of the library they use become one text with known origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.library.bundle import Sources

if TYPE_CHECKING:
    from tests.support.tiny import TinyLibrary
    from vela_realtime.library.bundle import Bundle


def bundle(tiny: TinyLibrary, folder: str = "echo") -> Bundle:
    return Sources(tiny.library).bundle(tiny.path(f"cue/{folder}"))


def names(found: Bundle) -> list[str]:
    return [path.name for path in found.sources]


def test_parameters_and_their_bounds_come_first_then_the_definition_then_the_library(tiny: TinyLibrary) -> None:
    tiny.write("cue/echo/a_part.cue", "package realtime\n\n#part: parameter.name\n")
    found = bundle(tiny)
    assert [line for line in found.lines if line[:1].strip() not in ("", "}")] == [
        "parameter: #Parameter",
        "strict: #Strict & parameter",
        "#part: parameter.name",
        "#Parameter: {",
        "#Strict: {",
        "output: {",
        "outputs: {",
        "rules: {",
        "#Labels: {",
        "site: #Site",
        "#Site: {",
    ]
    assert names(found) == ["parameter.cue", "template.cue", "a_part.cue", "labels.cue", "site.cue"]


def test_what_is_not_used_stays_out(tiny: TinyLibrary) -> None:
    found = bundle(tiny)
    assert "#Unused" not in found.text
    assert found.imports == ("strings",)  # "math" is only in the file that stays out


def test_metadata_and_the_stub_for_context_stay_out(tiny: TinyLibrary) -> None:
    text = bundle(tiny).text
    assert "definition:" not in text
    assert "stands in for what KubeVela supplies" not in text


def test_a_definitions_own_stub_for_context_stays_out(tiny: TinyLibrary) -> None:
    tiny.write("cue/echo/context.cue", "package realtime\n\ncontext: output: {...}\n")
    assert "context.cue" not in names(bundle(tiny))


def test_use_is_followed_to_the_end(tiny: TinyLibrary) -> None:
    tiny.change("cue/labels.cue", "strings.ToLower(#name)", "(#Lower & {#text: #name}).lower")
    tiny.change("cue/labels.cue", 'import "strings"\n\n', "")
    tiny.write(
        "cue/lower.cue",
        'package realtime\n\nimport "strings"\n\n#Lower: {#text: string, lower: strings.ToLower(#text)}\n',
    )
    assert names(bundle(tiny)) == ["parameter.cue", "template.cue", "labels.cue", "lower.cue", "site.cue"]


def test_every_file_that_declares_a_used_name_counts(tiny: TinyLibrary) -> None:
    tiny.write("cue/more_labels.cue", 'package realtime\n\n#Labels: "example.com/team": "a"\n')
    assert "more_labels.cue" in names(bundle(tiny))


def test_a_name_in_a_string_or_a_comment_is_no_use(tiny: TinyLibrary) -> None:
    tiny.change("cue/echo/template.cue", "rules: {", '// #Unused\n_note: "#Unused"\n\nrules: {')
    assert "unused.cue" not in names(bundle(tiny))


def test_a_local_name_hides_the_librarys(tiny: TinyLibrary) -> None:
    tiny.write("cue/words.cue", "package realtime\n\nwords: 1\n")
    assert "words.cue" not in names(bundle(tiny))  # template.cue has spec: words: ..., and parameter.words


def test_imports_are_merged_sorted_and_each_once(tiny: TinyLibrary) -> None:
    tiny.change(
        "cue/echo/template.cue", "package realtime\n", 'package realtime\n\nimport (\n\t"strings"\n\t"list"\n)\n'
    )
    tiny.change("cue/echo/template.cue", "rules: {", '_x: list.Concat([[strings.ToUpper("a")], []])\n\nrules: {')
    found = bundle(tiny)
    assert found.header == 'import (\n\t"list"\n\t"strings"\n)\n\n'
    assert found.text.count("import") == 1


def test_what_only_a_reader_of_the_source_needs_stays_there(tiny: TinyLibrary) -> None:
    tiny.change("cue/labels.cue", "#Labels: {", "#Labels: {\n\t// Why.\n\n\ta:    1\n\tlonger: 2\n")
    text = bundle(tiny).text
    assert "package" not in text
    assert "//" not in text.replace("// +usage", "")
    assert "// +usage=Name of the echo" in text
    assert "#Labels: {\n\ta: 1\n\tlonger: 2\n" in text


def test_a_declaration_that_is_not_used_stays_out(tiny: TinyLibrary) -> None:
    tiny.change(
        "cue/labels.cue", 'import "strings"\n', 'import (\n\t"math"\n\t"strings"\n)\n\n#Idle: math.Floor(2.5)\n'
    )
    found = bundle(tiny)
    assert "#Idle" not in found.text
    assert found.imports == ("strings",)


def test_a_text_over_several_lines_is_not_touched(tiny: TinyLibrary) -> None:
    text = '#Script: """\n\t// no comment\n\n\t  key:    value\n\t"""\n'
    tiny.write("cue/script.cue", f"package realtime\n\n{text}")
    tiny.change("cue/echo/template.cue", "rules: {", "_script: #Script\n\nrules: {")
    assert text in bundle(tiny).text


def test_every_line_knows_where_it_comes_from(tiny: TinyLibrary) -> None:
    found = bundle(tiny)
    lines = found.text.split("\n")
    known = 0
    for number, line in enumerate(lines, start=1):
        origin = found.origin(number)
        if origin is not None:
            path, row = origin
            assert path.read_text().split("\n")[row - 1].split() == line.split()
            known += 1
    assert known == len([line for line in found.lines if line]) + sum(
        1 for line, origin in zip(found.lines, found.origins, strict=True) if not line and origin
    )
    assert found.origin(1) is None  # the import clause is ours
    assert found.origin(len(lines) + 5) is None


def test_a_sites_values_are_one_more_declaration(tiny: TinyLibrary) -> None:
    found = bundle(tiny).with_site('site: {"size": "large"}\n')
    assert found.text.endswith('\n\nsite: {"size": "large"}\n')
    assert len(found.lines) == len(found.origins)
