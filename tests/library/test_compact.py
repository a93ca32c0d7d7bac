"""What a cluster gets of a definition says the same, word by word, as the form that people read: line ends differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from vela_realtime import library
from vela_realtime.cue.syntax.scanner import Scanner
from vela_realtime.library.compact import compact

if TYPE_CHECKING:
    from pathlib import Path

    from vela_realtime.cue.syntax.scanner import Token

BUILT = sorted(path for path in library.find().definitions.rglob("*.yaml") if path.with_suffix(".cue").is_file())


def words(cue: str) -> list[object]:
    """Return what a text is made of; a comma before a closing bracket says nothing."""
    return _words(tuple(Scanner(cue).scan()[0]))


def _words(tokens: tuple[Token, ...]) -> list[object]:
    found: list[object] = []
    for token in tokens:
        if token.text in {"}", "]", ")", ""} and found and found[-1] == ("op", ","):
            found.pop()
        if token.kind == "text":
            found.append((token.value, [_words(inner) for inner in token.inner]))
        elif token.kind != "end":
            found.append((token.kind, token.text))
    return found


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_a_built_definition(path: Path) -> None:
    template = yaml.safe_load(path.read_text())["spec"]["schematic"]["cue"]["template"]
    imports, start, body = template.partition("parameter:#Parameter")
    built = words(path.with_suffix(".cue").read_text())
    for part in (words(imports), words(start + body)[:-1]):
        first = next(index for index in range(len(built)) if built[index : index + 8] == part[:8])
        assert built[first : first + len(part)] == part


@pytest.mark.parametrize(
    ("read", "sent"),
    [
        ("a: {\n\tb: 1\n}\n", "a:{b:1}\n"),
        ("a: [\n\t1,\n\t2,\n]\n", "a:[1,2]\n"),
        ("a: {\n\t// Why: so.\n\tb: 1\n}\n", "a:{\n // Why: so.\n b:1}\n"),
        ("a: {\n\tb: 1\n\t// Nothing.\n}\n", "a:{b:1\n // Nothing.\n}\n"),
        ('a: {\n\tb: "//"\n}\n', 'a:{b:"//"\n}\n'),
        ("a: 1 &\n\tint\nb: 2\n", "a:1&\n int\nb:2\n"),
        ("if a == -1 && b != c[d].e {f: 1 < -2 | *g & >3}\n", "if a==-1&&b!=c[d].e {f:1 < -2|*g&>3}\n"),
        ('a:   "b: \\("c: d"): e"\n', 'a:"b: \\("c: d"): e"\n'),
        ('a: """\n\tb: c\n\t"""\n', 'a:"""\nb: c\n"""\n'),
    ],
)
def test_a_form(read: str, sent: str) -> None:
    assert words(read) == words(sent)
    assert compact(read) == sent
