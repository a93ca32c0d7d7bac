"""Images that are made here from folders, and given to the node's containerd. No registry is asked for anything."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from platform import machine
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Image:
    """An image: the name that manifests use, and the folders whose contents lie over one another in it.

    ``user``, ``entrypoint``, ``command``, ``environment`` and ``folder`` are what a Dockerfile says by ``USER``,
    ``ENTRYPOINT``, ``CMD``, ``ENV`` and ``WORKDIR``.
    """

    name: str
    roots: Sequence[Path]
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    user: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"


def write(image: Image, archive: Path) -> None:
    """Write an image as an archive that ``ctr images import`` takes.

    Files belong to root and keep their rights, so that a folder of anybody's can become an image.
    """
    layers = [archive.with_name(f"{archive.name}.layer-{number}") for number, _ in enumerate(image.roots)]
    for root, layer in zip(image.roots, layers, strict=True):
        _pack(root, layer)
    config = {
        "architecture": _ARCHITECTURES.get(machine(), machine()),
        "os": "linux",
        "config": {
            "User": image.user,
            "Env": [f"{key}={value}" for key, value in image.environment.items()],
            "Entrypoint": list(image.entrypoint) or None,
            "Cmd": list(image.command) or None,
            "WorkingDir": image.folder,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}" for layer in layers]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [image.name], "Layers": [layer.name for layer in layers]}]
    with tarfile.open(archive, "w") as tar:
        _add(tar, "config.json", json.dumps(config).encode())
        for layer in layers:
            tar.add(layer, arcname=layer.name)
            layer.unlink()
        _add(tar, "manifest.json", json.dumps(manifest).encode())


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def _pack(root: Path, layer: Path) -> None:
    def owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = 0
        return member

    with tarfile.open(layer, "w") as tar:
        for path in sorted(root.iterdir()):
            tar.add(path, arcname=path.name, filter=owned_by_root)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))
