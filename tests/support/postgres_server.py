"""PostgreSQL's server in the version that definitions render, from Maven Central: 60 MB in the tool's cache, once.

Zonky packs the server's programs alone, for the libraries of glibc: clients, psql among them, are Debian's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.support import maven
from vela_realtime import process

POM = Path(__file__).parent / "postgres" / "pom.xml"


def folder() -> Path:
    """Return the folder with ``bin``, ``lib`` and ``share``, which is fetched when it is not there.

    Without Maven the test is skipped; where CI is set, it fails.
    """
    return maven.fetched("postgres", POM, ("mvn", "unzip", "tar"), _unpack)


def _unpack(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        maven.copy(POM, f"-DoutputDirectory={folder}", "-DexcludeTransitive=true")
        (jar,) = Path(folder).glob("*.jar")
        packed = Path(folder) / "postgres-linux-x86_64.txz"
        done = process.run(["unzip", "-q", jar, packed.name, "-d", folder])
        assert done.ok, done.stderr
        done = process.run(["tar", "--extract", "--file", packed, "--directory", target])
        assert done.ok, done.stderr
