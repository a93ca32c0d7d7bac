"""The Go programs that this tool runs: ``cue`` and ``vela``, pinned, found or built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.toolchain import gosource, locate, pins

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["cue", "kubevela_source", "vela"]


def cue(version: str | None = None) -> Path:
    """Return the pinned ``cue``, of the default version unless another pinned one is named.

    Raises:
        ToolError: it is nowhere on this machine, or ``VELA_REALTIME_CUE`` names something else.
    """
    return locate.find(pins.cue(version))


def vela(version: str | None = None) -> Path:
    """Return the pinned ``vela``, of the default version unless another pinned one is named.

    Raises:
        ToolError: it is nowhere on this machine, or ``VELA_REALTIME_VELA`` names something else.
    """
    return locate.find(pins.vela(version))


def kubevela_source(version: str | None = None) -> Path | None:
    """Return the folder with KubeVela's own definitions and chart, or None where it was not brought yet.

    It holds ``definitions/{component,trait,policy,workflowstep}/*.cue``, and ``charts/vela-core`` with the
    CRDs and the same definitions as YAML templates.

    Raises:
        ToolError: that version is not pinned.
    """
    folder = gosource.path(pins.KUBEVELA_SOURCE[pins.vela(version).version])
    return folder if folder.is_dir() else None
