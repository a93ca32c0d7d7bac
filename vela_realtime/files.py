"""Reading and writing files: whole or not at all, with errors that people understand."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from vela_realtime.errors import InputError


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
    return write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> bool:
    """Write a file whole or not at all; tell whether its content changed. See ``write_text``.

    Raises:
        InputError: the file cannot be written, as on a full disk.
    """
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
