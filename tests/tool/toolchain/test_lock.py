"""``requirements.lock`` has every package that this environment is made of, at the version that is installed."""

from __future__ import annotations

import re
from importlib import metadata

from tests import ROOT

LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==\S+")
OURS = {"vela-realtime", "pip", "setuptools", "wheel"}
"""This package itself, and what comes with a virtual environment."""


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(name: str, extra: str, found: dict[str, str]) -> None:
    """Collect what a package needs here, directly or not."""
    from packaging.requirements import Requirement

    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        key = normalised(requirement.name)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        if key not in found:
            found[key] = metadata.version(key)
            needed(key, "", found)
        for inner in requirement.extras:
            needed(key, inner, found)


def test_every_package_is_locked_at_the_version_that_is_installed() -> None:
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert lines == sorted(lines, key=str.lower)
    locked = {normalised(line.partition("==")[0]): line.partition("==")[2] for line in lines}
    found: dict[str, str] = {}
    for extra in ("", "dev", "oci", "docs", "watch"):
        needed("vela-realtime", extra, found)
    wanted = {name: version for name, version in found.items() if name not in OURS}
    assert {name: locked.get(name, "not locked") for name in wanted} == wanted
