"""What Maven Central has, fetched once into the tool's cache by the ``pom.xml`` that pins it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vela_realtime import process
from vela_realtime.cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def fetched(name: str, pom: Path, programs: Sequence[str], fetch: Callable[[Path], None]) -> Path:
    """Return a folder of the cache, which ``fetch`` fills when it is not there.

    Without one of the ``programs`` the test is skipped; where CI is set, it fails.
    """
    for program in programs:
        if shutil.which(program) is None:
            missing = pytest.fail if os.environ.get("CI") else pytest.skip
            missing(f"needs {program}: install what scripts/debian-packages.txt lists")
    key = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    cache = cache_folder() / "test-jars"
    found = cache / f"{name}-{key}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}-{key}.lock").open("w") as lock:
        # Workers of one test run ask at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.is_dir():
            staged = Path(tempfile.mkdtemp(dir=cache))
            fetch(staged)
            staged.chmod(0o755)
            staged.rename(found)
    return found


def copy(pom: Path, *options: str) -> None:
    """Run Maven, which copies what ``pom`` depends on; where to, the ``options`` say."""
    done = process.run(["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", *options], timeout=600)
    assert done.ok, f"Maven cannot fetch {pom.parent.name}:\n{done.stdout}\n{done.stderr}"
