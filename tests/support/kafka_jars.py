"""Kafka 4.3.1 itself, from Maven Central: the jars of the image ``apache/kafka``, for tests that run the real thing.

They go into the tool's cache once, 54 MB. Java 17 or newer and Maven are in ``scripts/debian-packages.txt``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from vela_realtime import process

_POM = Path(__file__).parent / "kafka" / "pom.xml"


def folder() -> Path:
    """Return the folder with the jars, which are fetched when they are not there.

    Without Java the test is skipped; where CI is set, it fails.
    """
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            missing = pytest.fail if os.environ.get("CI") else pytest.skip
            missing(f"needs {program}: install what scripts/debian-packages.txt lists")
    key = hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]
    cache = _cache() / "test-jars"
    jars = cache / f"kafka-{key}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"kafka-{key}.lock").open("w") as lock:
        # Workers of one test run ask at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            staged = Path(tempfile.mkdtemp(dir=cache))
            options = [f"-DoutputDirectory={staged}", "-DincludeScope=runtime"]
            done = process.run(["mvn", "-q", "-B", "-f", _POM, "dependency:copy-dependencies", *options], timeout=600)
            assert done.ok, f"Maven cannot fetch Kafka:\n{done.stdout}\n{done.stderr}"
            staged.rename(jars)
    return jars


def java(main: str, *arguments: str | Path, options: tuple[str, ...] = ()) -> list[str]:
    """Return the command that runs a program of Kafka, in a JVM that is made to start quickly."""
    quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
    return ["java", *quick, *options, "-cp", f"{folder()}/*", main, *(str(argument) for argument in arguments)]


def _cache() -> Path:
    if given := os.environ.get("VELA_REALTIME_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vela-realtime"
