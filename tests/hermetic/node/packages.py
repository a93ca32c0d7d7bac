"""Programs from Debian's packages, unpacked into the cache: nothing is installed on this machine."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING

from tests.hermetic.state import ClusterError
from vela_realtime import process
from vela_realtime.toolchain.stage import publish, silent, tools_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vela_realtime.toolchain.stage import Progress

RUNTIME = ("containerd", "runc", "containernetworking-plugins", "nftables", "iptables", "iproute2")
"""What a node needs beside its Go programs."""

_COMPLETE = "packages"
"""The file that says that a folder is complete, and what was asked for."""

FOLDERS = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")


def path(packages: Sequence[str] = RUNTIME) -> Path:
    """Return where the cache has the packages, or would have them."""
    digest = hashlib.sha256("\0".join((release(), *packages)).encode()).hexdigest()[:12]
    return tools_folder() / f"debian-{digest}"


def ensure(packages: Sequence[str] = RUNTIME, progress: Progress = silent) -> Path:
    """Return a folder with the packages and all that they depend on and that this machine does not have.

    Raises:
        ClusterError: there is no apt, or it cannot get one of them.
    """
    label = f"Debian's {', '.join(packages)}"

    def make(stage: Path) -> None:
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise ClusterError("there is no apt-get here", "a real node takes its programs from Debian or Ubuntu")
        progress(f"downloading {label}")
        archives = stage / "archives"
        # Packages that are installed already are fetched again: their programs may have been removed.
        for archive in download(archives, packages, "--reinstall"):
            unpack(archive, stage)
        shutil.rmtree(archives)
        (stage / _COMPLETE).write_text("".join(f"{name}\n" for name in packages))

    return publish(path(packages), _COMPLETE, label, make, progress).parent


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which the packages' programs are found, and find their libraries."""
    search = [str(folder / name) for name in FOLDERS]
    libraries = [
        str(item) for item in sorted(folder.glob("usr/lib/*-linux-gnu")) + sorted(folder.glob("lib/*-linux-gnu"))
    ]
    return {
        "PATH": os.pathsep.join([*search, os.environ.get("PATH", "")]),
        "LD_LIBRARY_PATH": os.pathsep.join([*libraries, os.environ.get("LD_LIBRARY_PATH", "")]),
    }


def download(archives: Path, packages: Sequence[str], *options: str) -> list[Path]:
    """Fetch packages and what they depend on into a folder; return their archives, sorted. ``options`` are apt's.

    Raises:
        ClusterError: apt cannot get one of them.
    """
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    settings = ["-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"]
    common = ["--download-only", "--no-install-recommends", "--yes", "--quiet"]
    command = ["apt-get", "install", *common, *settings, *options, *packages]
    done = process.run(command, timeout=600)
    if not done.ok:  # most likely the package lists are old
        process.run(["apt-get", "update"], timeout=600)
        done = process.run(command, timeout=600)
    if not done.ok:
        raise ClusterError(f"apt-get cannot get Debian's {', '.join(packages)}: {done.stderr.strip()[-500:]}")
    return sorted(archives.glob("*.deb"))


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a package's archive into a folder.

    Raises:
        ClusterError: it cannot be unpacked.
    """
    done = process.run(["dpkg-deb", "--extract", archive, folder])
    if not done.ok:
        raise ClusterError(f"cannot unpack {archive.name}: {done.stderr.strip()}")


def release() -> str:
    """Return what tells one release of an operating system from another."""
    try:
        with open("/etc/os-release", encoding="utf-8") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""
