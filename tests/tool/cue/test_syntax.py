"""Reading CUE: what a file declares and which outside names it uses, whatever strings and comments look like."""

from __future__ import annotations

from pathlib import Path

import pytest

from vela_realtime.cue.syntax import CueSyntaxError, parse
from vela_realtime.cue.syntax.tree import Comprehension, Field, Let


def source(text: str):  # type: ignore[no-untyped-def]
    return parse(Path("x.cue"), text)


BUILTIN = {"string", "int", "bool", "len"}


@pytest.mark.parametrize(
    ("text", "declared", "used"),
    [
        ("a: 1", {"a"}, set()),
        ("#A: {b: #B}", {"#A"}, {"#B"}),
        ("_#A: _b", {"_#A"}, {"_b"}),
        ("a: b: c: #D", {"a"}, {"#D"}),
        ('"a-b": c', set(), {"c"}),  # a quoted name cannot be referred to
        ("a?: b\nc!: d", {"a", "c"}, {"b", "d"}),
        ('a: "text \\(b) and \\(c + "\\(d)")"', {"a"}, {"b", "c", "d"}),
        ('a: #"raw \\(b) and \\#(c)"#', {"a"}, {"c"}),
        ('a: """\n\tb: \\(c)\n\t"""', {"a"}, {"c"}),
        ('a: #"""\n\t"quotes" """ and \\(b)\n\t"""#', {"a"}, set()),
        ("a: 'bytes \\(b)'", {"a"}, {"b"}),
        ('a: "#B // no comment"', {"a"}, set()),
        ("a: 1 // #B", {"a"}, set()),
        ("// #B: {\na: 1", {"a"}, set()),
        ("a: b.c.d", {"a"}, {"b"}),
        ('a: b["c"].d[e]', {"a"}, {"b", "e"}),
        ("a: {b: 1, c: b}", {"a"}, set()),  # the b beside it is meant
        ("a: {b: 1}\nc: b", {"a", "c"}, {"b"}),  # the other b is not in reach
        ("a: {let b = c, d: b}", {"a"}, {"c"}),
        ("a: {for k, v in b if v != c {(k): v}}", {"a"}, {"b", "c"}),
        ("a: [for x in y {x}, z]", {"a"}, {"y", "z"}),
        ("a: {if b {c: d}}", {"a"}, {"b", "d"}),
        ("a: {X=b: {c: X.d}}", {"a"}, set()),
        ("a: {b: X={c: X.d}}", {"a"}, set()),
        ("a: {[N=string]: {name: N}}", {"a"}, {"string"}),
        ("a: {[=~#P]: #T}", {"a"}, {"#P", "#T"}),
        ("a: {(b): 1}", {"a"}, {"b"}),
        ('a: {"\\(b)-c": 1}', {"a"}, {"b"}),
        ("a: [...#T]\nb: {...}", {"a", "b"}, {"#T"}),
        ("a: *1 | >=0 & <b", {"a"}, {"b"}),
        ("a: f(b, c)[0]", {"a"}, {"f", "b", "c"}),
        ("a: b[1:c]", {"a"}, {"b", "c"}),
        ("a: !b && -c > +d", {"a"}, {"b", "c", "d"}),
        ("a: {\n\tb: c |\n\t\td\n}", {"a"}, {"c", "d"}),
        ('import "list"\n\na: list.Concat(b)', {"a"}, {"b"}),
        ("a: 1 @go(B)\n@x(y)", {"a"}, set()),
        ("if: 1\nfor: 2\nlet: 3\nimport: 4", {"if", "for", "let", "import"}, set()),
        ("a: 0x1F + 1.5e3 + 10Ki + .5", {"a"}, set()),
        ("a: _|_", {"a"}, set()),
        ("größe: breite", {"größe"}, {"breite"}),
    ],
)
def test_names(text: str, declared: set[str], used: set[str]) -> None:
    found = source(f"package x\n\n{text}\n" if not text.startswith("import") else f"package x\n{text}\n")
    assert set(found.declared()) == declared
    assert found.used() - BUILTIN == used - BUILTIN


def test_package_and_imports_are_found_with_their_lines() -> None:
    found = source('// why\npackage p\n\nimport (\n\t"strings"\n\tj "encoding/json"\n)\n\na: 1\n')
    assert found.package == "p"
    assert [(item.path, item.alias, item.name, item.at.line) for item in found.imports] == [
        ("strings", "", "strings", 5),
        ("encoding/json", "j", "j", 6),
    ]
    assert found.preamble == {2, 4, 5, 6, 7}


def test_a_fields_comments_are_those_right_above_it() -> None:
    found = source("// far\n\n// +usage=near\n// more\na: 1 // behind\nb: 2\n")
    docs = {item.label.name: item.doc for item in found.declarations if isinstance(item, Field)}
    assert docs == {"a": ("+usage=near", "more"), "b": ()}


def test_what_stands_at_the_top_is_told_apart() -> None:
    found = source("let a = 1\nif true {b: a}\nfor x in [1] {c: x}\nd: 1\n")
    assert [type(item) for item in found.declarations] == [Let, Comprehension, Comprehension, Field]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: {\n\tb: 1\n", 3, 1, "expected '}', found 'the end of the file'"),
        ('a: "open\nb: 1\n', 1, 4, "string is not closed on its line"),
        ('a: """\n\topen\n', 1, 4, "string is not closed"),
        ('a: "\\(b"\n', 1, 8, "string is not closed on its line"),
        ("a: 1 2\n", 1, 6, "unexpected '2'"),
        ("a: [1 2]\n", 1, 7, "expected ']', found '2'"),
        ("a: }\n", 1, 4, "expected a value, found '}'"),
        ("a: \x00\n", 1, 4, "unexpected character '\\x00'"),
    ],
)
def test_a_fault_has_its_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(CueSyntaxError) as caught:
        source(text)
    assert (caught.value.line, caught.value.column, caught.value.message) == (line, column, message)
    assert caught.value.path == Path("x.cue")


def test_all_of_kubevelas_own_definitions_can_be_read() -> None:
    from vela_realtime import toolchain

    folder = toolchain.kubevela_source()
    assert folder is not None
    files = sorted(folder.glob("definitions/*/*.cue"))
    assert len(files) > 60
    for path in files:
        assert "template" in parse(path, path.read_text()).declared()
