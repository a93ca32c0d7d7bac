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
from typing import TYPE_CHECKING

import pytest

from vela_realtime import process
from vela_realtime.cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

POM = Path(__file__).parent / "kafka" / "pom.xml"
"""What Kafka is made of."""

JDBC_POM = Path(__file__).parent / "kafka-jdbc" / "pom.xml"
"""The JDBC sink."""

AGENT_POM = Path(__file__).parent / "jmx-agent" / "pom.xml"
"""Prometheus' JMX agent."""


def folder() -> Path:
    """Return the folder with the jars, which are fetched when they are not there.

    Without Java the test is skipped; where CI is set, it fails.
    """
    return _fetched("kafka", POM, ("java", "mvn"), _copy_jars)


def jdbc_sink() -> Path:
    """Return the folder of Debezium's JDBC sink, a plugin of Kafka Connect, fetched as ``folder`` does."""
    return _fetched("jdbc-sink", JDBC_POM, ("mvn",), _unpack_plugin)


def jmx_agent() -> Path:
    """Return the jar of the JMX agent, fetched as ``folder`` does."""
    (jar,) = _fetched("jmx-agent", AGENT_POM, ("java", "mvn"), _copy_agent).glob("*.jar")
    return jar


def _fetched(name: str, pom: Path, programs: Sequence[str], fetch: Callable[[Path], None]) -> Path:
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


def _copy_jars(target: Path) -> None:
    _maven(POM, f"-DoutputDirectory={target}", "-DincludeScope=runtime")


def _copy_agent(target: Path) -> None:
    _maven(AGENT_POM, f"-DoutputDirectory={target}", "-DexcludeTransitive=true")


def _unpack_plugin(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        _maven(JDBC_POM, f"-DoutputDirectory={folder}", "-DexcludeTransitive=true")
        (archive,) = Path(folder).glob("*.tar.gz")
        done = process.run(["tar", "--extract", "--file", archive, "--directory", target, "--strip-components=1"])
        assert done.ok, done.stderr


def _maven(pom: Path, *options: str) -> None:
    done = process.run(["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", *options], timeout=600)
    assert done.ok, f"Maven cannot fetch {pom.parent.name}:\n{done.stdout}\n{done.stderr}"


def java(main: str, *arguments: str | Path, options: tuple[str, ...] = ()) -> list[str]:
    """Return the command that runs a program of Kafka, in a JVM that is made to start quickly."""
    quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
    return ["java", *quick, *options, "-cp", f"{folder()}/*", main, *(str(argument) for argument in arguments)]
