"""``postgres``, the rendered version with Debian's clients, and ``mysql``, played by Debian's MariaDB."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.hermetic.node.images import Image
from tests.pods.images import debian, names
from tests.support import postgres_server

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = (postgres_server.POM, debian.file("postgres-entrypoint.sh"), debian.file("mysql-entrypoint.sh"))


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
    return Image(
        names.reference("postgres"),
        [root],
        entrypoint=["docker-entrypoint.sh"],
        command=["postgres"],
        environment={"PATH": _PATH, "PGDATA": "/var/lib/postgresql/data", "LANG": "C.UTF-8"},
    )


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
