"""The cache: what can be made again, kept under a key that changes with all that it depends on."""

from __future__ import annotations

import hashlib
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime.errors import InputError
from vela_realtime.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def cache_folder() -> Path:
    """Return the folder for everything that can be made again.

    It is ``$VELA_REALTIME_CACHE``, else ``$XDG_CACHE_HOME/vela-realtime``, else ``~/.cache/vela-realtime``.
    """
    if own := os.environ.get("VELA_REALTIME_CACHE"):
        return Path(own).absolute()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared).absolute() / "vela-realtime"
    return Path.home() / ".cache" / "vela-realtime"


def cached(kind: str, key: str, produce: Callable[[], str], *, enabled: bool = True) -> str:
    """Return the text kept under ``key``, or produce and keep it.

    ``key`` comes from the function of that name. A cache that cannot be read or written, for want of space or of
    rights, costs time and nothing else; so does an entry that is not as it was written. What ``produce`` raises is
    never kept.
    """
    if enabled and (found := read(kind, key)) is not None:
        return found
    text = produce()
    if enabled:
        keep(kind, key, text)
    return text


def read(kind: str, key: str) -> str | None:
    """Return the text kept under ``key``, None where it is not there or not as it was written."""
    path = _place(kind, key)
    try:
        head, _, text = path.read_bytes().decode("utf-8").partition("\n")
        if head != _sum(path.name, text):
            return None
        if time.time() - path.stat().st_mtime > _DAY:
            os.utime(path)  # it is in use
    except (OSError, UnicodeDecodeError):
        return None
    return text


def keep(kind: str, key: str, text: str) -> None:
    """Keep a text under ``key``, where the cache can be written."""
    with suppress(InputError):
        write_text(_place(kind, key), f"{_sum(key, text)}\n{text}")
    _evict()


def key(*parts: object, code: str) -> str:
    """Return a key that changes with any of ``parts``, and with the code that makes the result.

    ``code`` is the module that makes it (its ``__name__``): all that it imports of this package counts, and the data
    files beside those modules.
    """
    digest = hashlib.sha256(_code(code).encode())
    for part in parts:
        data = str(part).encode("utf-8", "backslashreplace")
        digest.update(f"{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def results_folder() -> Path:
    """Return the cache's folder for results, which ``cached`` fills and empties."""
    return cache_folder() / "results"


def _sum(name: str, text: str) -> str:
    return hashlib.sha256(f"{name}\0{text}".encode("utf-8", "backslashreplace")).hexdigest()


def _place(kind: str, key: str) -> Path:
    return results_folder() / kind / key[:2] / key


LONGEST_UNUSED = 30
"""Days after which a result that nobody asked for goes."""

_DAY = 24 * 3600.0


def _evict() -> None:
    """Once a day, remove what has not been used for long."""
    stamp = results_folder() / "evicted"
    with suppress(OSError):
        if stamp.exists() and time.time() - stamp.stat().st_mtime < _DAY:
            return
        stamp.touch()
        oldest = time.time() - LONGEST_UNUSED * _DAY
        for path in results_folder().rglob("*"):
            with suppress(OSError):
                if path.is_file() and path.stat().st_mtime < oldest:
                    path.unlink()


_PACKAGE = Path(__file__).parent
_IMPORT = re.compile(
    r"^[ \t]*from[ \t]+vela_realtime(?P<module>[.\w]*)[ \t]+import[ \t]+(?:\((?P<many>[^)]*)\)|(?P<names>[^\n]*))",
    re.MULTILINE,
)


@lru_cache(maxsize=64)
def _code(module: str) -> str:
    """Return a hash of a module of this package, and of everything that it imports of the package in the end."""
    waiting, seen, files = [module.partition(".")[2]], set[str](), dict[Path, _File]()
    while waiting:
        if (name := waiting.pop()) in seen:
            continue
        seen.add(name)
        for path in _files(name):
            if path not in files:
                files[path] = _file(path)
                waiting += files[path].imports
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()}\0{files[path].sum}\0".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class _File:
    """A file of this package: the hash of its content, and what it imports of the package."""

    sum: str
    imports: tuple[str, ...]


@lru_cache(maxsize=1_000)
def _file(path: Path) -> _File:
    data = path.read_bytes()
    imports = tuple(_imports(data.decode("utf-8"))) if path.suffix == ".py" else ()
    return _File(hashlib.sha256(data).hexdigest(), imports)


def _imports(text: str) -> Iterator[str]:
    """Yield what a module imports of this package: each name may be a module, or stand in one."""
    for match in _IMPORT.finditer(text):
        base = match["module"].lstrip(".")
        yield base
        for name in (match["many"] or match["names"]).split("#")[0].split(","):
            if words := name.split():
                yield f"{base}.{words[0]}".lstrip(".")


@lru_cache(maxsize=1_000)
def _files(name: str) -> tuple[Path, ...]:
    """Return the files of a module, of the packages that it is in, and the data beside it."""
    return tuple(_found(name))


def _found(name: str) -> Iterator[Path]:
    folder = _PACKAGE
    for step in name.split(".") if name else []:
        yield from _existing(folder / "__init__.py")
        if (folder / f"{step}.py").is_file():
            yield folder / f"{step}.py"
            break
        if not (folder / step).is_dir():
            return
        folder = folder / step
    if folder != _PACKAGE:
        yield from _existing(folder / "__init__.py")
        yield from (path for path in folder.iterdir() if path.suffix in _DATA)
        yield from (path for path in (folder / "templates").glob("*") if path.suffix in _DATA)


_DATA = {".json", ".j2", ".yaml", ".txt"}


def _existing(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
