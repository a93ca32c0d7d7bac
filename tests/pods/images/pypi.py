"""What images have from PyPI."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.hermetic.state import ClusterError
from vela_realtime import process

FILE = Path(__file__)
"""For ``SOURCES`` of the images that are made with it."""


def pip(what: str, command: str, *options: str | Path) -> None:
    """Run pip for an image, with wheels alone.

    Raises:
        ClusterError: it cannot get ``what``.
    """
    argv = [sys.executable, "-m", "pip", command, "--quiet", "--only-binary=:all:", *options]
    done = process.run(argv, timeout=600)
    if not done.ok:
        raise ClusterError(f"pip cannot get {what}: {done.stderr.strip()[-500:]}")
