"""Real database servers on a free port, with data that lives as long as a test."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.doubles.ports import free_port, listens
from tests.support.doubles.scripts import require
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT_PASSWORD = "the root's p'ass\\word"  # noqa: S105


@dataclass(frozen=True)
class Server:
    """A database server that runs."""

    port: int
    log: Path


# Neither server runs as root.
_USER, _GROUP = ("nobody", "nogroup") if os.getuid() == 0 else (None, None)


def _prepare(argv: Sequence[str], folder: Path) -> None:
    with (folder / "prepare.log").open("w") as log:
        code = subprocess.call(argv, stdout=log, stderr=log, cwd=folder, user=_USER, group=_GROUP)
    assert code == 0, (folder / "prepare.log").read_text()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    # Not below pytest's own folder, which is closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="realtime-db-", dir="/tmp"))
    try:
        if _USER is not None:
            shutil.chown(folder, _USER, _GROUP)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(argv: Sequence[str], folder: Path, port: int, end: signal.Signals) -> Iterator[Server]:
    server = Server(port, folder / "server.log")
    with server.log.open("w") as log:
        running = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder, user=_USER, group=_GROUP)
    try:
        deadline = time.monotonic() + 60
        while not listens(port):
            assert running.poll() is None, server.log.read_text()
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.05)
        yield server
    finally:
        running.send_signal(end)
        running.wait()


@lru_cache
def _postgres_program(name: str) -> str:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    return require(name)


@dataclass(frozen=True)
class Data:
    """What a server keeps, in a folder of the user that it runs as."""

    folder: Path


def postgres_folder() -> str:
    """Return the folder with PostgreSQL's programs."""
    return str(Path(_postgres_program("postgres")).parent)


def as_server() -> list[str]:
    """Return what runs a command as the user that servers run as here."""
    if _USER is None:
        return []
    return [require("setpriv"), f"--reuid={_USER}", f"--regid={_GROUP}", "--clear-groups", "--"]


def _initdb(folder: Path) -> list[str]:
    (folder / "initial").write_text(ROOT_PASSWORD)
    (folder / "initial").chmod(0o644)
    options = ["-U", "postgres", "-A", "scram-sha-256", "--no-sync", "--no-locale", "-E", "UTF8"]
    return [_postgres_program("initdb"), f"--pgdata={folder}/data", f"--pwfile={folder}/initial", *options]


@contextlib.contextmanager
def postgres_data() -> Iterator[Data]:
    """Make data of PostgreSQL, in which the superuser postgres has ROOT_PASSWORD."""
    with _folder() as folder:
        _prepare(_initdb(folder), folder)
        yield Data(folder / "data")


@contextlib.contextmanager
def postgres_half_made() -> Iterator[Data]:
    """Make what is left of PostgreSQL's data when its making is killed at the start."""
    with _folder() as folder:
        made, quiet = folder / "data", subprocess.DEVNULL
        making = subprocess.Popen(
            _initdb(folder), stdout=quiet, stderr=quiet, user=_USER, group=_GROUP, start_new_session=True
        )
        deadline = time.monotonic() + 60
        while not (made / "PG_VERSION").exists():
            assert time.monotonic() < deadline, "initdb writes no PG_VERSION"
        os.killpg(making.pid, signal.SIGKILL)
        making.wait()
        assert not (made / "global" / "pg_control").exists()
        yield Data(made)


@contextlib.contextmanager
def postgres_of(data: Data, port: int = 0) -> Iterator[Server]:
    """Run PostgreSQL on its data, on a free port or the one it had before."""
    folder = data.folder.parent
    port = port or free_port()
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder), "fsync": "off"}
    options = [option for item in settings.items() for option in ("-c", "=".join(item))]
    argv = [_postgres_program("postgres"), "-D", str(data.folder), "-p", str(port), *options]
    with _running(argv, folder, port, signal.SIGQUIT) as it:
        while not _postgres_answers(it):
            time.sleep(0.05)
        yield it


@contextlib.contextmanager
def postgres_with_tls(programs: Path, key: Path, certificate: Path, then: str) -> Iterator[Server]:
    """Run the PostgreSQL in ``programs`` that takes nobody without TLS, as a managed one.

    ``then`` is SQL of its superuser.
    """
    with _folder() as folder:
        # What is below the home of root is not for the user that servers run as.
        shutil.copytree(programs, folder / "programs")
        for path, name in ((key, "key"), (certificate, "certificate")):
            shutil.copy(path, folder / name)
            (folder / name).chmod(0o600)
            if _USER is not None:
                shutil.chown(folder / name, _USER, _GROUP)
        (folder / "initial").write_text(ROOT_PASSWORD)
        (folder / "initial").chmod(0o644)
        (folder / "then.sql").write_text(then)
        (folder / "then.sql").chmod(0o644)
        (folder / "hba").write_text("hostssl all all all scram-sha-256\nhostnossl all all all reject\n")
        (folder / "hba").chmod(0o644)
        options = ["-U", "postgres", "-A", "scram-sha-256", "--no-sync", "--no-locale", "-E", "UTF8"]
        initdb = f"{folder}/programs/bin/initdb"
        _prepare([initdb, f"--pgdata={folder}/data", f"--pwfile={folder}/initial", *options], folder)
        single = [f"{folder}/programs/bin/postgres", "--single", "-D", f"{folder}/data", "postgres"]
        _prepare(["sh", "-c", '"$@" < then.sql', "sh", *single], folder)
        port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": f"{folder}/certificate",
            "ssl_key_file": f"{folder}/key",
            "hba_file": f"{folder}/hba",
        }
        argv = [f"{folder}/programs/bin/postgres", "-D", f"{folder}/data", "-p", str(port)]
        argv += [option for item in settings.items() for option in ("-c", "=".join(item))]
        with _running(argv, folder, port, signal.SIGQUIT) as it:
            while not _postgres_answers(it):
                time.sleep(0.05)
            yield it


@contextlib.contextmanager
def postgres() -> Iterator[Server]:
    """Run PostgreSQL whose superuser postgres has ROOT_PASSWORD."""
    with postgres_data() as data, postgres_of(data) as server:
        yield server


def _postgres_answers(server: Server) -> bool:
    return process.run([_postgres_program("pg_isready"), "-h", "127.0.0.1", "-p", str(server.port)]).ok


@contextlib.contextmanager
def mariadb(then: str = "") -> Iterator[Server]:
    """Run MariaDB whose root has ROOT_PASSWORD, from here and from anywhere, as in the image of MySQL.

    ``then`` is more that it runs when it starts.
    """
    install, server = require("mariadb-install-db"), require("mariadbd")
    require("mysql")
    literal = ROOT_PASSWORD.replace("\\", "\\\\").replace("'", "''")
    with _folder() as folder:
        options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
        _prepare([install, "--no-defaults", f"--datadir={folder}/data", *options], folder)
        (folder / "init.sql").write_text(
            "DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';\n"
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{literal}';\n"
            f"CREATE USER 'root'@'%' IDENTIFIED BY '{literal}';\n"
            f"GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;\n{then}"
        )
        (folder / "init.sql").chmod(0o644)
        port = free_port()
        argv = [server, "--no-defaults", f"--datadir={folder}/data", f"--socket={folder}/s", f"--port={port}"]
        argv += ["--bind-address=127.0.0.1", f"--init-file={folder}/init.sql", "--skip-name-resolve"]
        argv += ["--performance-schema=on", "--innodb-flush-log-at-trx-commit=0"]
        with _running(argv, folder, port, signal.SIGTERM) as it:
            yield it
