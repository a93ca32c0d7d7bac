"""The names of images, as the definitions have them."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from vela_realtime import process, toolchain

ROOT = Path(__file__).parents[3]


@lru_cache
def reference(key: str) -> str:
    """Return what a container's ``image`` says for a key of ``#Images``."""
    image = _export("#Images")[key]
    return "/".join(part for part in (image["registry"], f"{image['repository']}:{image['tag']}") if part)


@lru_cache
def plugin(key: str) -> dict[str, str]:
    """Return where a Connect plugin comes from when a site says nothing."""
    found: dict[str, str] = _export("#ShippedPlugins")[key]
    return found


@lru_cache
def _export(expression: str) -> dict[str, dict[str, str]]:
    done = process.run([toolchain.cue(), "export", ".", "--expression", expression, "--out", "json"], cwd=ROOT / "cue")
    assert done.ok, done.stderr
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found
