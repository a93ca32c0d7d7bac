"""``mosquitto_passwd`` as Mosquitto 2.1 has it, on top of the one that is installed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tests.support.doubles.scripts import require

if TYPE_CHECKING:
    from pathlib import Path


def install_mosquitto_passwd(folder: Path) -> Path:
    """Write a ``mosquitto_passwd`` that opens files as Mosquitto 2.1 does, and return its folder.

    2.1 creates with ``O_EXCL`` and never follows a link (v2.1.2, ``libcommon/file_common.c``, ``mosquitto_fopen``; the
    message is that of ``apps/mosquitto_passwd/mosquitto_passwd.c``); Debian's 2.0 writes over what is there.
    """
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
    echo "Error: Unable to open file $before for writing. File exists." >&2
    exit 1
  fi
elif [ -L "$before" ]; then
  echo "Error: Unable to open password file $before. Symbolic link loop." >&2
  exit 1
fi
exec {shlex.quote(require("mosquitto_passwd"))} "$@"
"""
    )
    program.chmod(0o755)
    return folder
