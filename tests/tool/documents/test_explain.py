"""What is no YAML: each slip that people make, with the place, the words and the hint."""

from __future__ import annotations

import pytest

from vela_realtime.documents.application import parse

TAB = ("a tab indents this line", "YAML is indented by spaces, never by tabs")
COLUMN = "keys of one object start in the same column"
QUOTES = "put the value in quotes"
ENDED = ("the value ended with the quote before this", "double a quote that is text ('it''s'), or use the other quotes")
ITEM = (
    "a list's item stands where a key is expected",
    "items of one list start in the same column; a key has either a list or keys of its own",
)
ESCAPE = (
    "a backslash in double quotes begins an escape, and this is none",
    "use single quotes, or double the backslash",
)
NO_COLON = ("no colon follows this key", "a key is written `key: value`, a list's item `- value`")
OPEN_QUOTE = ("the quote that opens here is never closed", "close it, or double a quote that is text")


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("a:\n\tb: 1\n", 2, 1, *TAB),
        ("a:\n  b: 1\n\tc: 2\n", 3, 1, *TAB),
        ("a:\n  b:\n  \t- x\n", 3, 3, *TAB),
        ('a: 1\nb: "x\nc: 2\nd: 3\n', 2, 4, *OPEN_QUOTE),
        ("a: 1\nb: 'x\nc: 2\n", 2, 4, *OPEN_QUOTE),
        ("a: 'x\n---\nb: 1\n", 1, 4, *OPEN_QUOTE),
        (
            'a: 1\nb: "x\nc: "y"\n',
            2,
            4,
            "the quote that opens here is closed on line 3, where another one opens",
            "close it on its own line",
        ),
        ("a: 'it's'\n", 1, 8, *ENDED),
        ('a: "x" y\n', 1, 8, *ENDED),
        ("a: b: c\n", 1, 5, "a second key on the line of a value", 'put the value in quotes: it contains ": "'),
        (
            "a: 1\n  b: 2\n",
            2,
            4,
            "this line is indented more than the one above, which has its value already",
            COLUMN,
        ),
        (
            "a:\n    b: 1\n  c: 2\n",
            3,
            3,
            "this line's indentation is that of no line above that it could belong to",
            COLUMN,
        ),
        ("a:\n  b: 1\n  - c\n", 3, 3, *ITEM),
        ("a:\n    - b\n  - c\n", 3, 3, *ITEM),
        (
            "a:\n  - b\n  c: 1\n",
            3,
            3,
            "this line's indentation is neither that of the list above nor of a key in it",
            "a list's items start in the same column, an item's keys in that of its first key",
        ),
        ("a: 1\nb\nc: 2\n", 2, 1, *NO_COLON),
        ("a: &b x\nc: *b d\n", 2, 7, "the value ended before this", QUOTES),
        ("a: {b: 1 c: 2}\n", 1, 11, "a comma or } is missing before this", ""),
        ("a: [1\n", 1, 4, "the [ that opens here is not closed by line 2, or a comma is missing there", ""),
        ("a: {b: 1\nc: 3\n", 1, 4, "the { that opens here is not closed by line 2, or a comma is missing there", ""),
        ("a: @x\n", 1, 4, "a value cannot start with @", QUOTES),
        ("a: }\n", 1, 4, "a value cannot start with }", QUOTES),
        ("a: ? b\n", 1, 4, "a value cannot start with ?", QUOTES),
        ("a: *.example.com\n", 1, 4, "a value cannot start with *", QUOTES),
        ("a: {b: *x, c: 1}\n", 1, 8, "there is no anchor &x above", "a text that starts with * is put in quotes"),
        ("a: !Ref x\n", 1, 4, "there is no tag !Ref", "a text that starts with ! is put in quotes"),
        ("a: !!foo x\n", 1, 4, "there is no tag !!foo", "a text that starts with ! is put in quotes"),
        ('a: "\\d"\n', 1, 5, *ESCAPE),
        ('a: "C:\\Users"\n', 1, 9, *ESCAPE),
        (
            "a: >= 1\n",
            1,
            4,
            "> begins a text on the lines below, and nothing else stands on its own line",
            QUOTES,
        ),
        ("a: 1\n...\nb\n", 3, 1, "the document ended before this", "documents are parted by a line ---"),
        (
            "ä: 1\n b: \x01\n",
            2,
            5,
            "control characters are not allowed",
            "write it in double quotes, as an escape such as \\x01",
        ),
        ("%YAML 3.0\n---\na: 1\n", 1, 1, "found incompatible YAML document", ""),
    ],
)
def test_a_slip(text: str, line: int, column: int, message: str, hint: str) -> None:
    _, (finding,) = parse("app.yaml", text)
    assert (finding.file, finding.rule) == ("app.yaml", "yaml")
    assert (finding.line, finding.column, finding.message, finding.hint) == (line, column, message, hint)


RENDER_FIRST = "a template? render it first: helm template ... | vela-realtime check -"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a: {{ .Values.a }}\n", RENDER_FIRST),
        ("{{- if .Values.a }}\na: 1\n{{- end }}\n", RENDER_FIRST),
        ("a:\n  {{- toYaml .Values.a | nindent 2 }}\n", RENDER_FIRST),
        ("a: x-{{ .Values.a }}\n\tb: 1\n", RENDER_FIRST),
        ("a: '{{ a }}'\n\tb: 1\n", TAB[1]),  # a text
        ("a: ${{ a }}\n\tb: 1\n", TAB[1]),  # of GitHub Actions
        ("# {{ a }}\n\tb: 1\n", TAB[1]),
    ],
)
def test_a_template(text: str, hint: str) -> None:
    _, (finding,) = parse("app.yaml", text)
    assert finding.hint == hint
