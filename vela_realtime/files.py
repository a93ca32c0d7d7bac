"""Reading and writing files: whole or not at all, with errors that people understand."""

from __future__ import annotations

import os
import secrets
import stat
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

    A file that has this content already is left alone, its time stamp too. One that is there keeps its rights, and its
    owner as far as that may be; of a symbolic link, what it leads to is written. Missing folders are made.

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
        target = path.resolve() if path.is_symlink() else path
        if target.is_file() and target.read_bytes() == data:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}")
        # A new file gets the rights that the system gives to new ones: asking for the umask would change it meanwhile.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                _keep_rights(file.fileno(), target)
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise InputError(f"cannot write {display(path)}: {error.strerror}") from error
    return True


def _keep_rights(handle: int, target: Path) -> None:
    with suppress(FileNotFoundError):
        old = target.stat()
        with suppress(PermissionError):
            os.fchown(handle, old.st_uid, old.st_gid)
        os.fchmod(handle, stat.S_IMODE(old.st_mode))


def display(path: Path) -> str:
    """Name a file the way its user would: relative to the current folder where it lies below it."""
    with suppress(ValueError, OSError):
        return str(path.absolute().relative_to(Path.cwd()))
    return str(path)
