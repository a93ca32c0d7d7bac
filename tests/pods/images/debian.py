"""The root folder of an image, from Debian's packages and all that they depend on."""

from __future__ import annotations

import fnmatch
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hermetic.node import packages
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Sequence

# Packages that others depend on for setting themselves up, which nothing does here.
_SET_UP = (
    *("perl*", "libperl*", "*-perl", "dpkg", "tar", "usrmerge", "init-system-helpers", "sysvinit-utils", "lsb-base"),
    *("adduser", "passwd", "debconf", "ucf", "sensible-utils", "util-linux*", "debianutils", "daemon", "base-files"),
    *("libpam-*", "libsemanage*", "locales", "libc-l10n", "ca-certificates-java", "fonts-*", "fontconfig-*", "mawk"),
    *("ssl-cert", "libllvm*", "libz3-4", "libdb5.3", "netbase"),
)
_UNREAD = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian")


def fill(root: Path, names: Sequence[str]) -> None:
    """Unpack packages, and what they need to run, into a folder.

    Raises:
        ClusterError: apt cannot get one of them.
    """
    archives = root.parent / "archives"
    archives.mkdir()
    # As if nothing were installed here: the image has nothing of this machine.
    status = archives / "status"
    status.touch()
    root.mkdir(exist_ok=True)
    for archive in packages.download(archives, names, "-o", f"Dir::State::status={status}"):
        name = archive.name.partition("_")[0]
        if name in names or not any(fnmatch.fnmatch(name, pattern) for pattern in _SET_UP):
            packages.unpack(archive, root)
    shutil.rmtree(archives)
    for folder in _UNREAD:
        shutil.rmtree(root / folder, ignore_errors=True)


def busybox(root: Path) -> None:
    """Put busybox and a link for each of its programs where an Alpine image has them, unless something is there."""
    source = packages.ensure(("busybox-static",)) / "bin" / "busybox"
    target = root / "bin" / "busybox"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
    for program in process.run([source, "--list"]).stdout.split():
        if not any((root / folder / program).exists() for folder in packages.FOLDERS):
            (root / "bin" / program).symlink_to("busybox")


def users(root: Path, **ids: int) -> None:
    """Write the accounts of an image: root, and those that are named."""
    (root / "etc").mkdir(exist_ok=True)
    rows = {"root": 0, **ids}
    (root / "etc/passwd").write_text("".join(f"{name}:x:{uid}:{uid}::/:/bin/sh\n" for name, uid in rows.items()))
    (root / "etc/group").write_text("".join(f"{name}:x:{uid}:\n" for name, uid in rows.items()))


def file(name: str) -> Path:
    """Return one of our own files for images."""
    return Path(__file__).parent / "files" / name


def script(root: Path, path: str, source: str) -> None:
    """Put one of our own scripts into an image."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file(source), target)
    target.chmod(0o755)


def folders(root: Path, *paths: str) -> None:
    """Make folders of an image that volumes are mounted on, or that anyone may write to."""
    for path in paths:
        (root / path).mkdir(parents=True, exist_ok=True)
        os.chmod(root / path, 0o1777 if path == "tmp" else 0o755)  # noqa: PTH101 - one line for both
