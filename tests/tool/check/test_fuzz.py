"""Whatever is in a file ends in findings, never in an exception: random bytes, and examples with something broken."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support import checking
from vela_realtime import cli
from vela_realtime.findings import report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLES = {path.stem: path.read_bytes() for path in checking.EXAMPLES}
ROUNDS = 15
"""How often each example is broken in each way. The seed is its name: a failure comes again."""

HEAD = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: a}\nspec:\n  components:\n"


def part(properties: str) -> bytes:
    """Return an Application with one component."""
    return f"{HEAD}    - {{name: a, type: realtime-platform, properties: {properties}}}\n".encode()


BOMB = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 12))

UNREADABLE = {
    "nothing but a NUL byte": b"\0",
    "a NUL byte in a text": part('{name: "a\0b"}'),
    "a NUL byte by its escape": part(r'{name: "a\0b"}'),
    "bytes that are not UTF-8": b"kind: Application\nname: \xff\xfe\n",
    "half a letter at the end": "kind: ä".encode()[:-1],
    "a surrogate": b"kind: \xed\xa0\x80\n",
    "a surrogate by its escape": part(r'{name: "\ud800"}'),
    "UTF-16": "kind: Application\n".encode("utf-16"),
    "UTF-32": "kind: Application\n".encode("utf-32"),
    "lists in each other": b"[" * 5_000,
    "closed lists in each other": b"[" * 2_000 + b"]" * 2_000,
    "objects in each other": b"{a: " * 3_000,
    "lists in each other, by their dashes": b"- " * 3_000,
    "lists in each other, among the properties": part("{name: a, x: " + "[" * 300 + "]" * 300 + "}"),
    "an alias of nothing": b"kind: *nothing\n",
    "an alias inside of itself": b"kind: Application\nspec: &a {components: *a}\n",
    "properties inside of themselves": part("&a {name: a, kafkaConfig: *a}"),
    "components inside of themselves": HEAD.encode().replace(b"components:", b"components: &a [*a]"),
    "a key inside of itself": b"? &a [*a]\n: 1\n",
    "a list that is a key": b"? [a, b]\n: 1\n",
    "aliases that grow": f"x0: &x0 x\n{BOMB}kind: Application\n".encode(),
    "a tag of Python": b"kind: !!python/object/apply:os.system [id]\n",
    "a tag of nobody": b"kind: !what Application\n",
    "a number that is none": b"kind: !!int x\n",
    "a date that is none": b"kind: !!timestamp x\n",
    "binary that is none": b"kind: !!binary a\n",
    "pairs that are none": b"kind: !!omap [a]\n",
    "a directive": b"%YAML 9.9\n---\nkind: Application\n",
    "a tab": b"kind:\tApplication\n\tspec: 1\n",
    "an end that is no line's": b"kind: Application\rspec: 1\x85x: 1\xe2\x80\xa8y: 1",
}  # fmt: skip
"""Files that no parser should get through unharmed, by what is in them."""

READABLE = {
    "an object merged with itself": b"spec: &a\n  <<: *a\n",
    "merges that grow": (
        "x0: &x0 {a: 1}\n" + "".join(f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 9)}]}}\n" for n in range(1, 30))
    ).encode(),
    "a set": b"kind: !!set {a, b}\n",
    "nothing": b"",
    "a comment": b"# nothing\n",
    "empty documents": b"---\n---\n...\n---\n",
    "a byte order mark": b"\xef\xbb\xbf" + part("{name: a}"),
    "two byte order marks": b"\xef\xbb\xbf\xef\xbb\xbf" + part("{name: a}"),
    "a number of 5000 digits": part("{name: a, kafkaConfig: {brokers: " + "9" * 5_000 + "}}"),
    "a hexadecimal number": part("{name: a, kafkaConfig: {brokers: 0x" + "f" * 5_000 + "}}"),
    "a number of base 60": part("{name: a, kafkaConfig: {brokers: 1:59:59}}"),
    "infinity": part("{name: a, kafkaConfig: {brokers: .inf}}"),
    "not a number": part("{name: .nan, kafkaConfig: {brokers: -.NaN}}"),
    "a name that is a number": part("{name: 1_000.5e+3}"),
    "a text of a million letters": part("{name: " + "a" * 1_000_000 + "}"),
    "a text that takes patterns long": part("{name: " + "a-" * 20_000 + "_}"),
    "keys that are numbers": part("{1: a, 1.5: b, true: c, null: d, name: a}"),
    "a name that YAML takes for a date": part("{name: 2024-01-01}"),
    "lines that end as Windows' do": part("{name: a}").replace(b"\n", b"\r\n"),
    "words that look like numbers": part(
        "{name: a, kafkaConfig: {topics: [1:59:59, 0o17, 017, 08, 1e3, .5, 2001-12-14t21:59:43.10-05:00, ~, =, <<]}}"
    ),
    "letters that turn the others around": part("{name: \u202ea\u2028, \u00a0: \ufeff, e\u0301: \U0001f600}"),
    "an object merged from two": part("{<<: [{name: b}, {name: c}], name: a}"),
    "an Application thirty times": (part("{name: a}") + b"---\n") * 30,
    "lists where a number belongs": part(
        "{name: a, scaling: {minReplicas: 3}, kafkaConfig: {replicationFactor: [[a]]}}"
    ),
    "a pattern of another language": part("{name: a}")
    + (b"  policies: [{name: o, type: override, properties: {components: [{name: '[[a]*(?P=x)'}]}}]\n"),
    "a list where a name belongs": part("{name: [a, {b: c}]}"),
    "a thousand components": (HEAD + "    - {name: a, type: stream-processor, properties: {name: a}}\n" * 300).encode(),
}


TOKENS = [
    *(bytes([number]) for number in (0, 9, 10, 13, 27, 127, 128, 255)), b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc2\x85",
    b"&a ", b"*a", b"<<: *a", b"!!int ", b"!x ", b"{", b"}", b"[", b"]", b"- ", b"? ", b": ", b"|", b">", b'"', b"'",
    b"#", b"---\n", b"...\n", b"%YAML 1.1\n", b"\n  ", b"~", b".inf", b"0x", b"9" * 30, "ä".encode(), "\u2028".encode(),
]  # fmt: skip
"""What YAML has a meaning for, or text has trouble with."""

VALUES: list[Any] = [
    None, True, False, 0, -1, 10**400, 1.5, float("inf"), float("nan"), "", " ", "x", "a\nb", "\0", "\ud800", "${x}",
    "\\(x)", "*", "/", [], {}, [[]], [{}], [None], {"": ""}, {"name": None}, {"name": {}}, {"name": []}, {1: 2},
    {None: None}, {"type": "realtime-platform"}, ["a", 1, None, {"name": "a"}], [[["a"]]],
]  # fmt: skip
"""What may stand where something else belongs."""


_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line of YAML 1.1."""


def run(file: Path, capsys: pytest.CaptureFixture[str], form: str = "text") -> tuple[int, str]:
    """Run the command on a file and return its exit code and output; an exception goes on to the test."""
    with pytest.raises(SystemExit) as left:
        cli.main(["check", "--no-render", "--format", form, str(file)])
    shown = capsys.readouterr()
    return int(str(left.value.code)), shown.out + shown.err


def broken(data: bytes, chance: random.Random) -> bytes:
    """Return a text with something cut out, put in, doubled, exchanged or cut off."""
    place, length = chance.randrange(len(data) + 1), chance.choice([1, 1, 2, 10, 100])
    lines = data.splitlines(keepends=True) or [b""]
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(7):
        case 0:
            return data[:place]
        case 1:
            return data[:place] + data[place + length :]
        case 2:
            return data[:place] + chance.choice(TOKENS) + data[place:]
        case 3:
            return data[:place] + chance.randbytes(length) + data[place + length :]
        case 4:
            lines[one], lines[other] = lines[other], lines[one]
        case 5:
            lines[one] = b" " * chance.randrange(1, 4) + lines[one]
        case 6:
            lines.insert(one, lines[other])
    return b"".join(lines)


def places(value: Any, route: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of a document."""
    if route:
        yield route
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from places(inner, (*route, key))


def exchanged(data: bytes, chance: random.Random) -> bytes:
    """Return an example with one value, or one key, that is something else altogether."""
    documents = list(yaml.safe_load_all(data))
    document = chance.choice([item for item in documents if item])
    *way, last = chance.choice(list(places(document)))
    holder = document
    for step in way:
        holder = holder[step]
    if isinstance(holder, dict) and chance.random() < 0.2:
        holder[chance.choice(["", "name", "type", 1, None, 1.5, "\0", "a b"])] = holder.pop(last)
    else:
        holder[last] = chance.choice(VALUES)
    return yaml.dump_all(documents, sort_keys=False, allow_unicode=False).encode()


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_read(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "app.yaml"
    file.write_bytes(UNREADABLE[what])
    code, output = run(file, capsys, "json")
    found = json.loads(output)
    assert code == 1
    assert {"error"} == {finding["severity"] for finding in found["findings"] if finding["rule"] != "ignore"}


@pytest.mark.parametrize("what", READABLE)
def test_what_is_odd(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "app.yaml"
    file.write_bytes(READABLE[what])
    code, output = run(file, capsys)
    assert "Traceback" not in output
    assert (code, "no Application found" in output) in {(0, False), (1, False), (2, True)}


@pytest.mark.parametrize("form", sorted(report.FORMATS))
@pytest.mark.parametrize("what", UNREADABLE)
def test_every_format_can_say_it(what: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "app.yaml"
    file.write_bytes(UNREADABLE[what])
    code, output = run(file, capsys, form)
    assert code == 1
    assert output.strip()


@pytest.mark.parametrize("name", ["app.yaml", "app.json", "app.yml"])
def test_bytes_at_random(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(name)  # noqa: S311
    file = tmp_path / name
    for _ in range(100):
        file.write_bytes(chance.randbytes(chance.choice([1, 3, 10, 1000])))
        assert run(file, capsys)[0] in {1, 2}


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("way", [broken, exchanged], ids=lambda way: way.__name__)
def test_examples_with_something_broken(
    way: Any, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(name)  # noqa: S311
    file = tmp_path / "app.yaml"
    for _ in range(ROUNDS):
        data = way(EXAMPLES[name], chance)
        for _ in range(chance.choice([0, 0, 2])):
            data = broken(data, chance)
        file.write_bytes(data)
        code, output = run(file, capsys)
        assert code in {0, 1} or "no Application found" in output
        lines = len(_LINE_END.split(data.decode(errors="replace"))) + 1
        assert all(int(line) <= lines for line in re.findall(rf"^{re.escape(str(file))}:(\d+)", output, re.MULTILINE))
