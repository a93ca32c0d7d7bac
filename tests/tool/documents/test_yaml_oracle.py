"""Our reader makes of every text what ``sigs.k8s.io/yaml`` itself makes of it."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import yaml

from tests.hermetic import programs
from vela_realtime import process
from vela_realtime.documents import loader
from vela_realtime.toolchain import gobuild
from vela_realtime.toolchain.gobuild import GoProgram

ORACLE = GoProgram("yaml", "1.6.0", programs.MODULES / "yaml-1.6.0", ".", seconds=10)
"""What Kubernetes' tools make of YAML, in the version of the API server that the tests run."""

REFUSED = "refused"
ODD = """
~ null Null NULL nULL = << .inf -.Inf .nan .NaN inf NaN 1e3 1E-3 1e e3 08 09.5 0o755 0O17 0o8 0755 0b101 0b2
0x1F 0xG -0x1f +0b1 12:30:45 1:2 190:20:30.5 2001-12-14 2001-12-14t21:59:43.10-05:00 2001-1-1 1_000 _1 1_ 1__0
0x_1 0_7 1_0.5 .5 5. +.5 -.5 ._5 .5_0 1e1_0 1.2.3 +1 ++1 9223372036854775807 9223372036854775808
18446744073709551615 18446744073709551616 -9223372036854775808 -9223372036854775809 1e20 1e21 1e308 1e309
-1e400 0.1 1.0 -0 -0.0 1Gi 500m 10% v1 1.10 0.10 00 0 +0 0e0 0x 0b 0o 123456789012345678901234567890
"""
WORDS = [*loader.BOOLEANS, *ODD.split(), "", "2001-12-14 21:59:43.10 -5"]
"""What readers of YAML take for different things."""

LETTERS = "0123456789+-._:eExXoObBaAfFnNyYtT~"
RANDOM = 3000

TEXTS = [
    "a: &a {x: 1}\nb: {<<: *a, x: 2}\n",
    "a: &a {x: 1}\nb: {x: 2, <<: *a}\n",
    "a: &a {x: 1, y: 1}\nb: &b {y: 2}\nc: {<<: [*a, *b]}\n",
    "{8080: a, 0x10: b, 1.5: c, 1e3: d, 2001-12-14: e, true: f, no: g}\n",
    'a: !!binary aGVsbG8=\nb: !!str 08\nc: !!int "8"\nd: !!float 1\n',
    "a: |\n  x\n   y\nb: >-\n  x\n  y\nc: 'it''s'\nd: \"\\x41\\u00e9\"\n",
    "- 1\n- [a, b]\n- {c: }\n",
    "\ufeffa: 1\n",
    "a: 1\r\nb: [1,\r\n  2]\r\n",
    "# nothing\n",
    "a: *b\n",
    "a: [\n",
    "a: {b: 1}}\n",
    "a: b: c\n",
    "\ta: 1\n",
    "a: 1\n b: 2\n",
]
"""Documents as a whole."""


def words() -> list[str]:
    random = Random(24)  # noqa: S311
    return [*WORDS, *("".join(random.choices(LETTERS, k=random.randint(1, 7))) for _ in range(RANDOM))]


def read(text: str) -> Any:
    try:
        return plain(loader.load(text))
    except (yaml.YAMLError, ValueError):
        return REFUSED


def plain(value: Any) -> Any:
    """Return a value as it comes out of JSON: what is a boolean among keys is a text there."""
    if isinstance(value, dict):
        return {str(key).lower() if isinstance(key, bool) else key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def exact(value: Any) -> str:
    """Write a value so that true and 1 are told apart, and numbers are not by how many digits of them JSON has."""
    return json.dumps(_rounded(value), sort_keys=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    whole = isinstance(value, int) and not isinstance(value, bool) and -(2**63) < value < 2**64
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and not whole else value


def asked(texts: list[str]) -> list[Any]:
    done = process.run([gobuild.build(ORACLE)], stdin=json.dumps(texts), timeout=60)
    assert done.ok, done.stderr
    return [REFUSED if answer is None else json.loads(answer) for answer in json.loads(done.stdout)]


def test_every_text_is_what_kubernetes_makes_of_it() -> None:
    texts = [*(f"a: {word}\n" for word in words()), *(f"- {word}\n" for word in words()), *TEXTS]
    told = zip(texts, asked(texts), strict=True)
    assert [(text, ours, theirs) for text, theirs in told if exact(ours := read(text)) != exact(theirs)] == []
