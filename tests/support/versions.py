"""Which pinned programs of other versions are on this machine. In CI none may be missing."""

from __future__ import annotations

import os
from typing import Any

import pytest

from vela_realtime import toolchain
from vela_realtime.errors import ToolError
from vela_realtime.toolchain import pins


def _param(name: str, version: str) -> Any:
    try:
        getattr(toolchain, name)(version)
    except ToolError as error:
        if not os.environ.get("CI"):
            reason = f"{error.message}: scripts/setup --tools compat brings it"
            return pytest.param(version, marks=pytest.mark.skip(reason=reason), id=f"{name}-{version}")
    return pytest.param(version, id=f"{name}-{version}")


CUE_VERSIONS = [_param("cue", version) for version in pins.CUE]
VELA_VERSIONS = [_param("vela", version) for version in pins.VELA]
DEFAULT_CUE = pins.DEFAULT_CUE
