"""Kafka 4.3.1 itself, from Maven Central: the jars of the image ``apache/kafka``, for tests that run the real thing.

They go into the tool's cache once, 54 MB. Java 17 or newer and Maven are in ``scripts/debian-packages.txt``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.support import maven
from vela_realtime import process

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
    return maven.fetched("kafka", POM, ("java", "mvn"), _copy_jars)


def jdbc_sink() -> Path:
    """Return the folder of Debezium's JDBC sink, a plugin of Kafka Connect, fetched as ``folder`` does."""
    return maven.fetched("jdbc-sink", JDBC_POM, ("mvn",), _unpack_plugin)


def jmx_agent() -> Path:
    """Return the jar of the JMX agent, fetched as ``folder`` does."""
    (jar,) = maven.fetched("jmx-agent", AGENT_POM, ("java", "mvn"), _copy_agent).glob("*.jar")
    return jar


def _copy_jars(target: Path) -> None:
    maven.copy(POM, f"-DoutputDirectory={target}", "-DincludeScope=runtime")


def _copy_agent(target: Path) -> None:
    maven.copy(AGENT_POM, f"-DoutputDirectory={target}", "-DexcludeTransitive=true")


def _unpack_plugin(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        maven.copy(JDBC_POM, f"-DoutputDirectory={folder}", "-DexcludeTransitive=true")
        (archive,) = Path(folder).glob("*.tar.gz")
        done = process.run(["tar", "--extract", "--file", archive, "--directory", target, "--strip-components=1"])
        assert done.ok, done.stderr


def java(main: str, *arguments: str | Path, options: tuple[str, ...] = ()) -> list[str]:
    """Return the command that runs a program of Kafka, in a JVM that is made to start quickly."""
    quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
    return ["java", *quick, *options, "-cp", f"{folder()}/*", main, *(str(argument) for argument in arguments)]
