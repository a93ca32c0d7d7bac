"""Archives that are the same, byte for byte, whenever and wherever they are made from the same files."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

from vela_realtime.errors import InputError
from vela_realtime.files import display, write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vela_realtime.publish.release import Release

TIME = 315_532_800
"""The time of every file in an archive, 1980-01-01: when a file was written says nothing about it."""


def tgz(files: Mapping[str, bytes]) -> bytes:
    """Return files as a gzipped tar: sorted, owned by nobody, without a time of its own."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, data in sorted(files.items()):
            item = tarfile.TarInfo(path)
            item.size, item.mtime, item.mode = len(data), TIME, 0o644
            archive.addfile(item, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), mtime=0)


def file_name(release: Release) -> str:
    """Return what a release's archive is called."""
    return f"{release.name}-{release.version}.tgz"


def publish(release: Release, output: Path, *, overwrite: bool = False, dry_run: bool = False) -> list[Path]:
    """Write a release's archive, and its checksum beside it; return the files that changed.

    Raises:
        InputError: there is another archive of this version, or a file cannot be written.
    """
    data = tgz(release.files)
    path = output / file_name(release)
    put = {path: data, path.with_name(f"{path.name}.sha256"): checksum(path.name, data).encode()}
    return place(put, overwrite=overwrite, dry_run=dry_run)


def checksum(name: str, data: bytes) -> str:
    """Return one line in the form that ``sha256sum --check`` reads."""
    return f"{hashlib.sha256(data).hexdigest()}  {name}\n"


def place(files: Mapping[Path, bytes], *, overwrite: bool = False, dry_run: bool = False) -> list[Path]:
    """Write files, each whole or not at all, after having looked at all of them; return those that changed.

    Raises:
        InputError: one is there with another content, or cannot be written.
    """
    changed = [path for path, data in files.items() if not (path.is_file() and path.read_bytes() == data)]
    taken = [path for path in changed if path.exists()]
    if taken and not overwrite:
        raise InputError(
            f"{display(taken[0])} is there already, with another content",
            "a version that was published stays as it is: raise it, or say --overwrite",
        )
    if not dry_run:
        for path in changed:
            write_bytes(path, files[path])
    return changed
