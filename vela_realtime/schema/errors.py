"""What can go wrong with a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.errors import RealtimeError

if TYPE_CHECKING:
    from pathlib import Path


class ExportError(RealtimeError):
    """``cue`` cannot make a schema of a definition's parameters; ``path`` is the definition's folder, if known."""

    path: Path | None = None
