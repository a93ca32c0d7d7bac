"""Running ``check`` the way its command does, and the small broken Applications of ``tests/fixtures/check``.

A case is an Application with comments above it: ``# expect: LINE:COLUMN SEVERITY RULE: MESSAGE | HINT`` for each
finding, and ``# options: ...`` for what the command line would say.
"""

from __future__ import annotations

import functools
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests import ROOT
from vela_realtime import check, library, toolchain
from vela_realtime.check import previous
from vela_realtime.kubevela import catalog
from vela_realtime.kubevela.builtins import Builtins
from vela_realtime.schema.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from vela_realtime.findings import Finding

EXAMPLES = [
    path
    for path in sorted(library.find(ROOT).examples.rglob("*.yaml"))
    if re.search(r"^apiVersion: core\.oam\.dev/.*\nkind: Application$", path.read_text(), re.MULTILINE)
]
"""Those that are Applications, rather than what brings one into a cluster."""

CASES = ROOT / "tests" / "fixtures" / "check"
ACCEPTED = "accepted"
"""The folder of cases that nothing is said of."""

BEFORE = "before"
"""The folder beside cases that has what their Applications were, each under the case's own name."""

RENDERED = {"render", "objects", "not-rendered", "change-rendered"}
"""The folders of cases that need ``vela``."""

_EXPECTED = re.compile(r"^# expect: (.*)$", re.MULTILINE)
_OPTIONS = re.compile(r"^# options: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """One broken Application: its file, what is said of it, and the options of the command."""

    path: Path
    expected: list[str]
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """Its layer and its name."""
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def rendered(self) -> bool:
        """Whether it is about what comes out of rendering."""
        return self.path.parent.name in RENDERED


def accepted() -> list[Path]:
    """Return the cases that nothing is said of."""
    return sorted((CASES / ACCEPTED).glob("*.yaml"))


def cases() -> list[Case]:
    """Return all cases."""
    return [_read(path) for path in sorted(CASES.glob("*/*.yaml")) if path.parent.name != ACCEPTED]


def _read(path: Path) -> Case:
    text = path.read_text()
    match = _OPTIONS.search(text)
    words = shlex.split(match[1]) if match else []
    named = dict(zip(words[::2], words[1::2], strict=True))
    known = {"--profile": "profile", "--kubernetes-version": "kubernetes_version", "--optional": "optional"}
    options: dict[str, Any] = {known[key]: value for key, value in named.items()}
    if (before := path.parent / BEFORE / path.name).is_file():
        options["previous"] = previous.read(str(before), [str(path)])
    return Case(path, _EXPECTED.findall(text), options)


def shown(finding: Finding) -> str:
    """Write a finding as a case does."""
    text = f"{finding.line}:{finding.column} {finding.severity.value} {finding.rule}: {finding.message}"
    return (f"{text} | {finding.hint}" if finding.hint else text).replace("\n", "\\n")


@functools.cache
def parts(optional: str = "") -> tuple[catalog.Catalog, Store]:
    """Return the library's definitions with KubeVela's own, and their schemas; ``optional`` is taken too."""
    definitions = library.find(ROOT).definitions
    source = toolchain.kubevela_source()
    assert source is not None
    names = frozenset({optional} - {""})
    return catalog.Catalog([], definitions, Builtins(), source, names), Store(definitions)


def check_files(
    *files: Path | str, mend: bool = False, allow_none: bool = False, optional: str = "", **options: Any
) -> check.Result:
    """Check files; without ``render=True``, by the layers that need no ``vela``."""
    options.setdefault("render", False)
    names = [str(file) for file in files]
    return check.check(names, *parts(optional), check.Options(**options), mend=mend, allow_none=allow_none)


def check_text(folder: Path, text: str, **options: Any) -> list[Finding]:
    """Check a text as a file."""
    file = folder / "app.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    return check_files(file, **options).findings
