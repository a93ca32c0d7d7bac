"""Whether a build has nothing to do, told as make tells it: by the marks of its files, without reading one.

The marks are those that the kernel sets, the time of the inode among them: whoever writes to a file changes that,
whatever time the file is given. What builds is not imported.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime import cache

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from vela_realtime.library.layout import Library

_KIND = "unchanged"
_FOLDERS = ("cue", "docs", "examples")
_PACKAGE = Path(__file__).parent.parent


def state(library: Library) -> dict[str, str]:
    """Return the marks of every file that a build reads or writes, and of this package's own, by path."""
    folders = [library.definitions, _PACKAGE, *(library.root / name for name in _FOLDERS)]
    return {path: mark for folder in folders for path, mark in _marks(str(folder))}


def summary(state: Mapping[str, str]) -> str | None:
    """Return what was said of the build after which the files were in this state; None where there was none."""
    return cache.read(_KIND, _key(state))


def remember(library: Library, before: Mapping[str, str], written: Collection[Path], summary: str) -> None:
    """Keep what is to be said of the state in which a build left the files that had been in the state ``before``.

    A file that somebody else wrote meanwhile may not be built: then nothing is kept.
    """
    after = state(library)
    own = {str(path) for path in written}
    if all(before.get(path) == after.get(path) for path in {*before, *after} - own):
        cache.keep(_KIND, _key(after), summary)


def _key(state: Mapping[str, str]) -> str:
    lines = [sys.version, *(f"{path}\0{mark}" for path, mark in sorted(state.items()))]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _marks(folder: str) -> Iterator[tuple[str, str]]:
    if not os.path.isdir(folder):  # noqa: PTH112 - as text, which is many times faster over hundreds of files
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _marks(entry.path)
            else:
                found = entry.stat(follow_symlinks=entry.is_file())  # a link that leads nowhere has marks of its own
                yield entry.path, f"{found.st_mtime_ns} {found.st_ctime_ns} {found.st_size} {found.st_ino}"
