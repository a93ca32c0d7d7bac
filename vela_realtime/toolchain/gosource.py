"""Files of a Go module, copied into the cache."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime.errors import ToolError
from vela_realtime.toolchain.gobuild import key, run_go
from vela_realtime.toolchain.stage import publish, silent, tools_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vela_realtime.toolchain.stage import Progress


@dataclass(frozen=True)
class GoSource:
    """Folders of a Go module that are wanted as they are.

    ``module`` is a folder of ours with ``go.mod`` and ``go.sum``, ``path`` the module's path in them, and
    ``folders`` says which of its folders go where.
    """

    name: str
    version: str
    module: Path
    path: str
    folders: Mapping[str, str]

    @property
    def label(self) -> str:
        """Name and version, for messages."""
        return f"{self.name} {self.version}'s files"


def path(source: GoSource) -> Path:
    """Return where the cache has the files, or would have them. Starts no process.

    Raises:
        ToolError: the source's module folder cannot be read.
    """
    digest = key(source.module, source.path, *(f"{a}={b}" for a, b in source.folders.items()))
    return tools_folder() / f"{source.name}-{source.version}-{digest}"


def copy(source: GoSource, progress: Progress = silent) -> Path:
    """Return the folder with the files, downloading the module and copying them first where needed.

    Raises:
        ToolError: there is no Go and no way to get one, the module cannot be downloaded or has no such
            folder, or the cache cannot be written.
    """

    def make(stage: Path) -> None:
        from vela_realtime.toolchain import golang

        go = golang.ensure(progress)
        progress(f"copying {source.label}")
        run_go(go, source.module, source.label, ["mod", "download", source.path])
        origin = Path(run_go(go, source.module, source.label, ["list", "-m", "-f", "{{.Dir}}", source.path]).strip())
        for folder, name in source.folders.items():
            if not (origin / folder).is_dir():
                raise ToolError(f"{source.path} {source.version} has no folder {folder}")
            _copy_folder(origin / folder, stage / name)

    proof, *_ = source.folders.values()
    publish(path(source), proof, source.label, make, progress)
    return path(source)


def _copy_folder(origin: Path, target: Path) -> None:
    # Contents only, no rights: Go's module cache is read-only, and a cache must be easy to remove.
    for file in sorted(origin.rglob("*")):
        copied = target / file.relative_to(origin)
        if file.is_file():
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copied)
