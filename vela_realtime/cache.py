"""The cache: what can be made again, kept under a key that changes with all that it depends on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime.errors import InputError
from vela_realtime.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable


def cache_folder() -> Path:
    """Return the folder for everything that can be made again.

    It is ``$VELA_REALTIME_CACHE``, else ``$XDG_CACHE_HOME/vela-realtime``, else ``~/.cache/vela-realtime``.
    """
    if own := os.environ.get("VELA_REALTIME_CACHE"):
        return Path(own).absolute()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared).absolute() / "vela-realtime"
    return Path.home() / ".cache" / "vela-realtime"


def tool_state(*patterns: str) -> list[tuple[str, int, int]]:
    """Return the names, sizes and times (in ns) of the tool's own files, for the key of what depends on them.

    ``patterns`` are relative to the package's folder.
    """
    package = Path(__file__).parent
    paths = sorted(path for pattern in patterns for path in package.glob(pattern) if path.is_file())
    return [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]


def cached(kind: str, key: str, produce: Callable[[], str], *, enabled: bool = True) -> str:
    """Return the text kept under ``key``, or produce and keep it.

    ``key`` must change with everything that ``produce`` depends on. A cache that cannot be read or written,
    for want of space or of rights, costs time and nothing else. What ``produce`` raises is never kept.
    """
    path = cache_folder() / kind / key[:2] / key
    if enabled:
        with suppress(OSError, UnicodeDecodeError):
            return path.read_bytes().decode("utf-8")
    text = produce()
    if enabled:
        with suppress(InputError):
            write_text(path, text)
    return text
