"""The cache: what is not as it was written is not there, keys follow the code, and what nobody uses goes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vela_realtime import cache

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what was produced so far, with an empty cache."""
    monkeypatch.setenv("VELA_REALTIME_CACHE", str(tmp_path))
    return []


def ask(made: list[str], text: str = '["a"]') -> str:
    def produce() -> str:
        made.append(text)
        return text

    return cache.cached("kind", "abcdef", produce)


def entry() -> Path:
    return cache.results_folder() / "kind" / "ab" / "abcdef"


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: "",
        lambda text: text[:-1],
        lambda _: "[]",
        lambda text: text.replace('["a"]', "[]"),
        lambda text: "\0" * len(text),
    ],
    ids=["empty", "cut", "another form", "another content", "zeros"],
)
def test_a_damaged_entry_is_made_again(made: list[str], damage: Callable[[str], str]) -> None:
    ask(made)
    entry().write_text(damage(entry().read_text()))
    assert ask(made) == '["a"]'
    assert len(made) == 2
    assert ask(made) == '["a"]'
    assert len(made) == 2


def test_an_entry_under_another_key_is_none(made: list[str]) -> None:
    ask(made)
    other = entry().with_name("abcdeX")
    entry().rename(other)
    assert cache.cached("kind", "abcdeX", lambda: "made") == "made"


def test_what_nobody_uses_goes(made: list[str]) -> None:
    ask(made)
    (cache.results_folder() / "evicted").unlink()
    long_ago = time.time() - (cache.LONGEST_UNUSED + 1) * 24 * 3600
    os.utime(entry(), (long_ago, long_ago))
    cache.cached("kind", "other", lambda: "x")
    assert not entry().exists()


def test_what_is_used_stays(made: list[str]) -> None:
    ask(made)
    (cache.results_folder() / "evicted").unlink()
    long_ago = time.time() - (cache.LONGEST_UNUSED + 1) * 24 * 3600
    os.utime(entry(), (long_ago, long_ago))
    ask(made)
    cache.cached("kind", "other", lambda: "x")
    assert len(made) == 1
    assert entry().exists()


@pytest.mark.parametrize(
    ("changed", "matters"),
    [
        ("cue/__init__.py", True),
        ("cue/program.py", True),
        ("cue/schemas.json", True),
        ("process.py", True),
        ("errors.py", True),
        ("check.py", False),
    ],
)
def test_a_key_follows_the_code_that_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, matters: bool
) -> None:
    """What a module imports counts, and what that imports, in whatever form; nothing else does."""
    texts = {
        "made.py": "from vela_realtime.cue import (\n    program,\n)\n",
        "cue/__init__.py": "",
        "cue/program.py": "from vela_realtime import process\n\ndef f():\n    from vela_realtime.errors import X\n",
        "cue/schemas.json": "{}",
        "process.py": "",
        "errors.py": "",
        "check.py": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(cache, "_PACKAGE", tmp_path)
    forget_code()
    before = cache.key("x", code="vela_realtime.made")
    (tmp_path / changed).write_text("# changed\n")
    forget_code()
    assert (cache.key("x", code="vela_realtime.made") != before) is matters
    forget_code()


def test_a_key_tells_its_parts_apart() -> None:
    assert cache.key("a", "bc", code="vela_realtime.cache") != cache.key("ab", "c", code="vela_realtime.cache")


def forget_code() -> None:
    """Let the code of this package be read anew, as by another process."""
    for function in (cache._code, cache._file, cache._files):
        function.cache_clear()


@pytest.mark.parametrize(
    ("module", "reached"),
    [
        ("vela_realtime.schema.parameters", "cue/syntax/parser.py"),
        ("vela_realtime.kubevela.dryrun", "documents/loader.py"),
        ("vela_realtime.library.build", "library/templates/definition.cue.j2"),
        ("vela_realtime.check.run", "kubernetes/schemas.json"),
        ("vela_realtime.library.vet.run", "library/fixtures.py"),
    ],
)
def test_the_keys_in_use_know_what_they_depend_on(module: str, reached: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = Path.read_bytes

    def noted(path: Path) -> bytes:
        read.append(str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    forget_code()
    cache.key(code=module)
    assert any(name.endswith(f"vela_realtime/{reached}") for name in read)
