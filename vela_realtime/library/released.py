"""Definitions that changed since the last release and still have its version: KubeVela makes no revision of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime import git
from vela_realtime.errors import ToolError
from vela_realtime.files import display, read_text
from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from vela_realtime.library import Library

TAGS = "v[0-9]*"
"""Which tags are releases."""

_VERSION = re.compile(r'^ {1,2}version: "?([^"\n]+)"?$', re.MULTILINE)


def unraised(library: Library) -> list[Finding]:
    """Return a warning for each built definition that differs from the last release's and has its version.

    The last release is the nearest tag that is called as one. Nothing is found where there is none, or no git.
    """
    folder = library.root
    try:
        described = git.run(folder, "describe", "--tags", "--abbrev=0", f"--match={TAGS}")
    except ToolError:
        return []
    if not described.ok:
        return []
    tag = described.stdout.strip()
    changed = git.run(folder, "diff", "--name-only", "--diff-filter=M", "--relative", tag, "--", "definitions/*.yaml")
    found = []
    for name in changed.stdout.splitlines():
        before = git.run(folder, "show", f"{tag}:./{name}")
        old, new = _VERSION.search(before.stdout), _VERSION.search(read_text(folder / name))
        if old is not None and new is not None and old[1] == new[1]:
            message = f"{Path(name).stem} changed since {tag} and still has version {new[1]}"
            hint = f"vela-realtime diff {tag} says which version that asks for: #Version in cue/version.cue"
            found.append(Finding(display(folder / name), 1, 1, "version", message, Severity.WARNING, hint=hint))
    return found
