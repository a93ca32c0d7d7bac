"""Folders in the cache that appear whole or not at all, made once however many ask for them."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime.cache import cache_folder
from vela_realtime.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

Progress = Callable[[str], None]
"""Is told in one line what happens now. Nothing here prints."""

ROOM_HINT = (
    "free some space: a first build takes about 4 GB, most of it in Go's own caches; "
    "VELA_REALTIME_CACHE, GOCACHE and GOMODCACHE can name folders on another disk"
)


def silent(message: str) -> None:
    """Take a progress line and do nothing with it."""


def tools_folder() -> Path:
    """Return the cache's folder for programs, shared by all checkouts of one user."""
    return cache_folder() / "tools"


def publish(target: Path, proof: str, label: str, make: Callable[[Path], None], progress: Progress = silent) -> Path:
    """Return ``target / proof``, filling the folder ``target`` by ``make`` first when that is not there.

    ``make`` gets an empty folder beside ``target`` that takes its name once it is full, so that an
    interrupted run leaves nothing that looks ready. Two processes that want the same folder make it once:
    the second waits for the first. ``label`` names the content in messages.

    Raises:
        ToolError: the cache cannot be written, or its disk is full. What ``make`` raises passes through.
    """
    wanted = target / proof
    if wanted.exists():
        return wanted
    with _explained(label):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target, label, progress):
            if wanted.exists():
                return wanted
            for leftover in (target, *target.parent.glob(f".{target.name}.*.tmp")):
                shutil.rmtree(leftover, ignore_errors=True)
            stage = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp"))
            try:
                make(stage)
                _on_disk(stage / proof)
                stage.chmod(0o755)
                stage.rename(target)
            finally:
                shutil.rmtree(stage, ignore_errors=True)
    return wanted


def _on_disk(path: Path) -> None:
    # Without this, a power cut soon after could leave an empty program under its final name.
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _explained(label: str) -> Iterator[None]:
    """Turn what the operating system says about the cache into an error that names a way out."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise disk_full(label) from error
        raise ToolError(
            f"cannot write to the cache folder {error.filename or cache_folder()}: {error.strerror}",
            "set VELA_REALTIME_CACHE to a folder that you can write to",
        ) from error


def disk_full(label: str) -> ToolError:
    """Return the error for a disk that filled up while ``label`` was made."""
    return ToolError(f"the disk is full: {label} could not be finished, and nothing half-written is left", ROOM_HINT)


@contextmanager
def _locked(target: Path, label: str, progress: Progress) -> Iterator[None]:
    # The lock file stays: removing it would let a third process lock a file that nobody else sees.
    handle = os.open(target.parent / f".{target.name}.lock", os.O_CREAT | os.O_RDWR, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"another process is at {label}: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
