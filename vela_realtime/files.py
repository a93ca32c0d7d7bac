"""Reading and writing files: whole or not at all, with errors that people understand."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable


def read_text(path: Path) -> str:
    """Return a UTF-8 file's text, its line ends as they are.

    Raises:
        InputError: the file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(f"{display(path)}:{line}: not UTF-8 text", "save the file as UTF-8") from error
    except OSError as error:
        raise InputError(f"cannot read {display(path)}: {error.strerror}") from error


def write_text(path: Path, text: str) -> bool:
    """Write a file whole or not at all; tell whether its content changed.

    A file that has this content already is left alone, its time stamp too. Missing folders are made.

    Raises:
        InputError: the file cannot be written, as on a full disk.
    """
    data = text.encode("utf-8")
    try:
        if path.is_file() and path.read_bytes() == data:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise InputError(f"cannot write {display(path)}: {error.strerror}") from error
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def display(path: Path) -> str:
    """Name a file the way its user would: relative to the current folder where it lies below it."""
    with suppress(ValueError, OSError):
        return str(path.absolute().relative_to(Path.cwd()))
    return str(path)


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
