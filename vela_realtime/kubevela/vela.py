"""Running ``vela`` without a cluster, and reading what it prints."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime import cue, process
from vela_realtime.documents import loader
from vela_realtime.errors import ToolError
from vela_realtime.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TIMEOUT = 120.0
"""Seconds for one call; it takes about 0.2."""

# Every vela command wants a kubeconfig, and without one fails and says nothing. This one leads to a closed port, so
# that no command can reach the user's cluster by accident.
_KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: none, user: {}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
current-context: none
"""

_NOISE = re.compile(r"^(?:\S+ )?ERR\s+Failed to load external packages\b|^W\d{4} ")


# The evaluator that KubeVela's chart gives the controller of 1.11 (featureGates.enableCueExpVariable). The vela
# program by itself takes CUE's newer one, which can differ; 1.10 has only the older, and no such setting.
_AS_THE_CONTROLLER = {"CUE_EXPERIMENT": "evalv3=0,keepvalidators=0"}


def run(arguments: Sequence[str | Path], *, version: str | None = None) -> process.Completed:
    """Run ``vela`` without a cluster; its harmless complaints about that are left out.

    Raises:
        ToolError: there is no such ``vela``, or it does not finish.
    """
    from vela_realtime import toolchain

    program = toolchain.vela(version)
    with tempfile.TemporaryDirectory(prefix="vela-realtime-") as home:
        env = environment(Path(home), version) | process.quick_go()
        done = process.run([program, *arguments], env=env, timeout=TIMEOUT)
    stderr = "".join(line for line in done.stderr.splitlines(keepends=True) if not _NOISE.match(line))
    return process.Completed(done.returncode, done.stdout, stderr)


def environment(home: Path, version: str | None = None) -> dict[str, str]:
    """Return the variables for ``vela`` with a kubeconfig that leads nowhere, written into a folder.

    CUE is evaluated as the controller of that version does, in the way that its chart sets it up.
    """
    from vela_realtime.toolchain import pins

    kubeconfig = home / "kubeconfig"
    write_text(kubeconfig, _KUBECONFIG)
    evaluator = {} if pins.vela(version).version.startswith("1.10.") else _AS_THE_CONTROLLER
    # HOME too: vela keeps files of its own below it.
    return {"KUBECONFIG": str(kubeconfig), "HOME": str(home), "VELA_HOME": str(home), "CUE_EXPERIMENT": "", **evaluator}


REPLICA_KEY = "app.oam.dev/replicaKey"
"""The label in which KubeVela writes the key of a component's copy."""


@dataclass(frozen=True)
class Rendered:
    """One object of a dry-run, and what it comes from."""

    component: str
    """The component's name, or the policy's."""

    origin: str
    """``workload``, ``auxiliary``, ``trait NAME`` or ``policy``."""

    topology: str
    """The topology policy that the object was rendered for, empty without one."""

    object: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; the object is the same one."""
        return {
            "component": self.component, "origin": self.origin, "topology": self.topology, "object": self.object
        }  # fmt: skip


_HEADER = re.compile(
    r"^# Application\((?P<app>.*?)(?: with topology (?P<topology>\S+)| only with override policies)?\)"
    r" -- (?P<what>Component|Policy)\((?P<name>.*)\) *$",
    re.MULTILINE,
)
_ORIGIN = re.compile(r"^## From the (?:auxiliary (?P<auxiliary>workload)|trait (?P<trait>\S+)) *$", re.MULTILINE)
_SEPARATOR = re.compile(r"^--- *$", re.MULTILINE)


def parse_dry_run(stdout: str) -> list[Rendered]:
    """Read the objects that ``vela dry-run`` printed, in its order."""
    if not _HEADER.search(stdout):
        raise ToolError("vela dry-run ended well, and printed nothing of the Application", "is this KubeVela's vela?")
    found: list[Rendered] = []
    component = topology = what = ""
    for section in _SEPARATOR.split(stdout):
        if header := _HEADER.search(section):
            component, topology, what = header["name"], header["topology"] or "", header["what"]
            section = section[header.end() :]
        data = loader.load(section)
        if data is None:
            continue
        if not isinstance(data, dict):
            raise ToolError(f"vela printed something that is no object: {section.strip()[:80]}")
        source = _ORIGIN.search(section)
        if source is None:
            origin = "policy" if what == "Policy" else "workload"
        else:
            origin = f"trait {source['trait']}" if source["trait"] else "auxiliary"
        found.append(Rendered(component, origin, topology, data))
    return found


@dataclass(frozen=True)
class Failure:
    """Why ``vela`` failed: the component and the trait it was at, where it says so, and the problems it names."""

    component: str
    trait: str
    problems: tuple[cue.Problem, ...]


_AT_TRAIT = re.compile(r"(?:evaluate template trait=(?P<trait>\S+) app=(?P<component>\S+?):)")
_AT_COMPONENT = re.compile(
    r"(?:validation failed for workload |template of workload |template (?:for )?component="
    r"|manifests from component |component/policy type of )(?P<component>[^\s:=]+)"
)
_PREFIXES = re.compile(
    r"^(?:Error: |cannot generate manifests from components and traits: "
    r"|evaluate base template \S+ in namespace=\S+: "
    r"|evaluate template trait=\S+ app=\S+: |evaluate base template component=\S+ app=\S+: "
    r"|evaluate trait=\S+ template for component=\S+ app=\S+: "
    r"|invalid (?:cue )?template of \S+ \S+ after merge (?:with )?parameter and context: "
    r"|failed to have the workload/trait unstructured: |cue: marshal error: )+"
)
_MORE = re.compile(r" \(and (\d+) more errors\)$")
_HEADLINES = {"Parameter errors:", "Template errors:", "User Errors:"}


def failure(stderr: str) -> Failure:
    """Read vela's last words; everything before its ``Error:`` line is a dump that nobody needs."""
    start = stderr.rfind("\nError: ") + 1
    if not stderr.startswith("Error: ", start):
        lines = [line for line in stderr.splitlines() if line.strip()]
        message = lines[-1].strip() if lines else "vela failed and said nothing"
        return Failure("", "", (cue.Problem("", message, ()),))
    text = stderr[start:].strip()
    at_trait = _AT_TRAIT.search(text)
    at_component = at_trait or _AT_COMPONENT.search(text)
    first, _, rest = text.partition("\n")
    lines = [line.strip() for line in rest.splitlines() if line.strip() and line.strip() not in _HEADLINES]
    if not lines:
        lines = [_MORE.sub("", _PREFIXES.sub("", first))]
    found = tuple(dict.fromkeys(_plain_words(cue.problems("\n".join(lines), Path()))))
    return Failure(at_component["component"] if at_component else "", at_trait["trait"] if at_trait else "", found)


MISSING = "is missing"
"""What is said of a value that nobody gave."""

_TYPES = {
    "string": "a text",
    "int": "a whole number",
    "bool": "true or false",
    "number": "a number",
    "float": "a number",
}
_NAMES = "|".join(_TYPES)
_WORDS = (
    (r"(?:cannot convert )?incomplete value .+?(?: to JSON)?", MISSING),
    (r"(?:invalid interpolation: )?cannot reference optional field: (?P<name>\S+)", "needs {name}, which is not given"),
    (r"invalid interpolation: (?:\S+: )?(?:non-concrete|incomplete) value .*", "is made of a value that is not given"),
    (r"invalid interpolation: (?P<rest>.+)", "{rest}"),
    (
        r"conflicting values (?P<value>.+) and (?P<type>string|int|bool|number|float) \(mismatched types .*\)",
        "{wanted}",
    ),
    (
        r"conflicting values (?P<type>string|int|bool|number|float) and (?P<value>.+) \(mismatched types .*\)",
        "{wanted}",
    ),
    (r"invalid value (?P<value>.+) \(out of bound =~.*\)", "{value} has not the form that the definition asks for"),
    (r"field not allowed", "there is no such property"),
)
"""What CUE says of a value, and what to tell somebody who never saw CUE."""

_FOLDER = re.compile(r"[^\s:\"']*/vela-realtime-[^/\s]+/(?:definitions/)?")
"""The folder that a rendering works in: it is gone when anybody reads of it."""


def _plain_words(found: Sequence[cue.Problem]) -> Iterator[cue.Problem]:
    """Drop what only follows from a wrong parameter, and say the rest in plain words."""
    causes = [item for item in found if not item.path.startswith(("output.", "outputs.", "patch."))]
    for item in causes or found:
        yield cue.Problem(item.path, item.message if item.rule else plain(item.message), item.places)


def plain(message: str) -> str:
    """Return what CUE says of a value in words for people."""
    message = _FOLDER.sub("", message)
    for pattern, words in _WORDS:
        if match := re.fullmatch(pattern, message, re.DOTALL):
            said = match.groupdict()
            if words == "{wanted}":
                return f"must be {_TYPES[said['type']]}, not {said['value']}"
            return words.format(**said)
    return message
