"""Rules for the scripts that definitions carry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vela_realtime.files import display, read_text
from vela_realtime.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = "script-lists-folder"

_LOOP = re.compile(r"""^\s*for\s+\w+\s+in\s+.*\$\{?[A-Z][A-Z_]*_DIR\b[^;]*\*""")
_LIST = re.compile(r"""(^|[|;&(]\s*|\s)(ls|find)\s[^|;&]*\$\{?[A-Z][A-Z_]*_DIR\b""")

VOLUMES = ("PLUGINS_DIR",)
"""Folders that a script fills itself."""


def check(file: Path) -> Iterator[Finding]:
    """Yield the lines of a shell script that take what a mounted folder holds for what is declared.

    KubeVela never takes a key out of a ConfigMap or a Secret (kubevela pull request 3939), so what is mounted may have
    more. A line below a comment that speaks of `the user's own` may list: such an object is not KubeVela's.
    """
    before = ""
    for number, line in enumerate(read_text(file).split("\n"), 1):
        found = _LOOP.search(line) or _LIST.search(line)
        if found and "the user's own" not in before and not any(name in line for name in VOLUMES):
            yield Finding(
                display(file),
                number,
                1,
                RULE,
                "a mounted folder's content is no list of what is declared: KubeVela takes no key out of a ConfigMap",
                hint="read the names from a file or a variable",
            )
        before = line if line.lstrip().startswith("#") else ""
