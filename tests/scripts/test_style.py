"""Every script of the product is clean, and is read by the shells of the images that it runs in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.doubles.scripts import SCRIPTS, require
from vela_realtime import process

NAMES = sorted(path.name for path in SCRIPTS.glob("*.sh"))

SHELLS = {"#!/bin/bash": [["bash"]], "#!/bin/sh": [["dash"], ["busybox", "ash"]]}


@pytest.mark.parametrize("name", NAMES)
def test_shellcheck(name: str) -> None:
    done = process.run([Path(sys.executable).parent / "shellcheck", "--external-sources", SCRIPTS / name])
    assert done.ok, done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_its_shells_read_it(name: str) -> None:
    lines = (SCRIPTS / name).read_text().splitlines()
    # What is sourced has no first line of its own, and says for which shell it is.
    first = lines[0] if lines[0].startswith("#!") else "#!/bin/sh"
    for shell in SHELLS[first]:
        done = process.run([require(shell[0]), *shell[1:], "-n", SCRIPTS / name])
        assert done.ok, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_its_header_says_what_it_does(name: str) -> None:
    lines = (SCRIPTS / name).read_text().splitlines()
    assert lines[1 if lines[0].startswith("#!") else 0].startswith("# ")
