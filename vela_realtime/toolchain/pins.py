"""The programs that the project needs, at the versions that it is tried with."""

from __future__ import annotations

from pathlib import Path

from vela_realtime.errors import ToolError
from vela_realtime.toolchain.gobuild import GoProgram
from vela_realtime.toolchain.gosource import GoSource

MODULES = Path(__file__).parent / "modules"
"""One folder with ``go.mod`` and ``go.sum`` a program and version: their dependencies do not fit together."""

KUBEVELA = "github.com/oam-dev/kubevela"


def _cue(version: str, seconds: int) -> GoProgram:
    return GoProgram("cue", version, MODULES / f"cue-{version}", "cuelang.org/go/cmd/cue", seconds=seconds)


def _vela(name: str, package: str, version: str, seconds: int) -> GoProgram:
    # KubeVela's own build stamps the version the same way; without it "vela version" says UNKNOWN.
    stamp = f"-X {KUBEVELA}/version.VelaVersion=v{version}"
    module = MODULES / f"vela-{version}"
    return GoProgram(name, version, module, f"{KUBEVELA}/{package}", ldflags=stamp, seconds=seconds)


def _source(version: str) -> GoSource:
    return GoSource(
        "kubevela",
        version,
        MODULES / f"vela-{version}",
        KUBEVELA,
        {"vela-templates/definitions/internal": "definitions", "charts/vela-core": "charts/vela-core"},
    )


CUE = {program.version: program for program in (_cue("0.14.1", 60), _cue("0.9.2", 40))}
"""``cue`` by version, the default first: the language inside KubeVela 1.11, and the one inside 1.10."""

VELA = {
    version: _vela("vela", "references/cmd/cli", version, seconds)
    for version, seconds in (("1.11.0", 220), ("1.10.8", 220))
}
"""``vela`` by version, the default first."""

VELA_CORE = {version: _vela("vela-core", "cmd/core", version, 30) for version in VELA}
"""KubeVela's controller by version. Only the tests against a cluster need it."""

KUBEVELA_SOURCE = {version: _source(version) for version in VELA}
"""KubeVela's built-in definitions and its chart (which has the CRDs), by version."""

DEFAULT_CUE = next(iter(CUE))
DEFAULT_VELA = next(iter(VELA))


def cue(version: str | None = None) -> GoProgram:
    """Return the pinned ``cue`` of a version, the default one unless given.

    Raises:
        ToolError: that version is not pinned.
    """
    return _pick(CUE, "cue", version or DEFAULT_CUE)


def vela(version: str | None = None) -> GoProgram:
    """Return the pinned ``vela`` of a version, the default one unless given.

    Raises:
        ToolError: that version is not pinned.
    """
    return _pick(VELA, "vela", version or DEFAULT_VELA)


def _pick(pins: dict[str, GoProgram], name: str, version: str) -> GoProgram:
    try:
        return pins[version]
    except KeyError:
        raise ToolError(
            f"{name} {version} is not a version that this tool knows", f"choose one of {', '.join(pins)}"
        ) from None
