"""The Mosquitto that is installed, and ``mosquitto_passwd`` as 2.1 has it on top of it."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import time
from typing import TYPE_CHECKING

from tests.support import contracts
from tests.support.doubles.ports import listens
from tests.support.doubles.scripts import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def install_mosquitto_passwd(folder: Path) -> Path:
    """Write a ``mosquitto_passwd`` that opens files as Mosquitto 2.1 does, and return its folder.

    What it refuses is in ``tests/contracts/mosquitto.yaml``; Debian's 2.0 writes over what is there.
    """
    (promised,) = contracts.load("mosquitto").each("program")
    existing, link = promised["create_existing"], promised["update_link"]
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "mosquitto_passwd"
    program.write_text(
        f"""#!/bin/sh
creates=
before= last=
for argument; do
  [ "$argument" != -c ] || creates=yes
  before=$last last=$argument
done
if [ -n "$creates" ]; then
  if [ -e "$before" ] || [ -L "$before" ]; then
    echo "{existing["says"] % "$before"}" >&2
    exit {existing["exit"]}
  fi
elif [ -L "$before" ]; then
  echo "{link["says"] % "$before"}" >&2
  exit {link["exit"]}
fi
exec {shlex.quote(require("mosquitto_passwd"))} "$@"
"""
    )
    program.chmod(0o755)
    return folder


@contextlib.contextmanager
def running(config: Path, port: int, log: Path) -> Iterator[None]:
    """Run the Mosquitto that is installed, from when it listens on."""
    with log.open("w") as file:
        broker = subprocess.Popen([require("mosquitto"), "-c", str(config)], stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + 10
        while not listens(port):
            assert broker.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield
    finally:
        broker.terminate()
        broker.wait()
