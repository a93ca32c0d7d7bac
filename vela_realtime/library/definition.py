"""What a definition says about itself, and the two files that it is built into.

``definitions/<name>.cue`` is KubeVela's own format, for ``vela def apply``; ``definitions/<name>.yaml`` is the
Kubernetes object, for ``kubectl apply`` and GitOps. Both hold the same template.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vela_realtime import cue, process
from vela_realtime.cue import syntax
from vela_realtime.cue.syntax.tree import ListLiteral, Struct
from vela_realtime.documents import dump
from vela_realtime.errors import SourceError, ToolError
from vela_realtime.files import display, read_text
from vela_realtime.findings import Finding
from vela_realtime.findings.suggest import did_you_mean, nearest, shown
from vela_realtime.library import METADATA_FILE, compact, embed, health

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vela_realtime.library import Library
    from vela_realtime.library.bundle import Bundle

KINDS = {"component": "ComponentDefinition", "trait": "TraitDefinition"}

_COMMON = {"version", "revisionEnabled", "controlPlaneOnly"}
ATTRIBUTES = {
    "component": _COMMON | {"workload", "childResourceKinds", "podSpecPath", "revisionLabel"},
    "trait": _COMMON
    | {
        "appliesToWorkloads",
        "conflictsWith",
        "definitionRef",
        "manageWorkload",
        "podDisruptive",
        "stage",
        "workloadRefPath",
    },
}
"""What KubeVela knows beside name, type, description and labels; each goes to the object's ``spec`` as it is."""

_OWN = {"name", "type", "alias", "description", "labels", "annotations", "open", "optional", "parts"}
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Definition:
    """A definition's metadata, from the field ``definition`` of its folder."""

    name: str
    type: str
    version: str
    folder: Path
    description: str = ""
    alias: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    optional: bool = False
    """Whether it is installed only by those who ask for it: it takes the place of one of KubeVela's own."""

    parts: tuple[health.Part, ...] = ()
    open: bool = False
    """Whether parameters may be open, as those of KubeVela's own that it takes the place of."""

    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The Kubernetes kind."""
        return KINDS[self.type]

    @property
    def stem(self) -> str:
        """Where the built files go below ``definitions/``, without their ending."""
        return f"optional/{self.name}" if self.optional else self.name


def load(library: Library, folders: Sequence[Path] | None = None) -> list[Definition]:
    """Return the metadata of definitions, all or those in ``folders``, sorted by folder.

    Raises:
        SourceError: a folder does not compile, or says something that KubeVela does not know.
        ToolError: there is no ``cue``.
    """
    folders = library.folders() if folders is None else folders
    if not folders:
        return []
    names = [f"./{folder.name}" for folder in folders]
    done = cue.run(["export", "-e", "definition", *names], folder=library.cue)
    if not done.ok:
        raise SourceError(cue.findings(cue.failure(done, library.cue), "cue", prefer=library.cue))
    answers = cue.answers(done)
    if len(answers) != len(folders):
        raise ToolError(f"cue was asked for {len(folders)} definitions, and printed {len(answers)}")
    result, found = list[Definition](), list[Finding]()
    for folder, data in zip(folders, answers, strict=True):
        faults = _faults(data)
        if faults:
            places = _Places(folder / METADATA_FILE)
            found += [places.finding(*fault) for fault in faults]
        else:
            result.append(_from_data(folder, data))
    if found:
        raise SourceError(found)
    return result


def load_sound(library: Library) -> tuple[list[Definition], list[Finding]]:
    """Return the metadata of the definitions that have no fault, and the faults of the others.

    Raises:
        ToolError: there is no ``cue``.
    """
    try:
        return load(library), []
    except SourceError:
        pass  # cue answers for all or for none: ask for each

    def one(folder: Path) -> tuple[list[Definition], list[Finding]]:
        try:
            return load(library, [folder]), []
        except SourceError as error:
            return [], list(error.findings)

    results = process.in_parallel(one, library.folders())
    return [item for items, _ in results for item in items], [item for _, items in results for item in items]


def _faults(data: dict[str, Any]) -> list[tuple[str, int, str, str]]:
    """Return what is wrong with a definition's metadata: the key, the item in it or -1, the message and a hint."""
    faults = []
    kind = data.get("type")
    if kind not in KINDS:
        given = f", not {shown(kind)}" if "type" in data else ""
        message = f"definition.type must be one of {', '.join(KINDS)}{given}"
        return [("type", -1, message, did_you_mean([str(kind)], KINDS))]
    if not _NAME.fullmatch(str(data.get("name", ""))):
        faults.append(("name", -1, "definition.name must be a DNS label of at most 63 characters", ""))
    if not _VERSION.fullmatch(str(data.get("version", ""))):
        faults.append(("version", -1, 'definition.version must have the form "1.2.3"', "KubeVela takes no other"))
    known = sorted(_OWN | ATTRIBUTES[kind])
    for key in sorted(set(data) - set(known)):
        hint = did_you_mean([key], [name for name in known if name not in data], f"it has {', '.join(known)}")
        faults.append((key, -1, f"the definition of a {kind} has no {key}", hint))
    if kind == "component" and "workload" not in data:
        hint = 'without a kind of its own: workload: type: "autodetects.core.oam.dev"'
        faults.append(("", -1, "definition.workload is missing", hint))
    for index, part in enumerate(data.get("parts", [])):
        faults += [("parts", index, message, hint) for message, hint in _part_faults(part)]
    return faults


def _part_faults(part: dict[str, Any]) -> Iterator[tuple[str, str]]:
    keys = ("name", "kind", "output")
    for key in part:
        if key not in keys:
            yield f"a part has no {key}", did_you_mean([key], keys, f"it has {', '.join(keys)}")
    for key in keys:
        if key not in part and not any(nearest(other, keys) == key for other in part if other not in keys):
            yield f"a part needs a {key}", ""
    if "kind" in part and part["kind"] not in health.KINDS:
        message = f"a part's kind must be one of {', '.join(health.KINDS)}, not {shown(part['kind'])}"
        yield message, did_you_mean([str(part["kind"])], health.KINDS)


class _Places:
    """Where a definition's file says what of its metadata."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            source = syntax.parse(path, read_text(path))
        except syntax.CueSyntaxError:
            self._fields: list[syntax.Field] = []
            return
        whole = list(source.fields("definition"))
        structs = [item.value for item in whole if isinstance(item.value, Struct)]
        inner = [item for struct in structs for item in struct.declarations]
        self._fields = [*(item for item in inner if isinstance(item, syntax.Field)), *whole]

    def finding(self, key: str, index: int, message: str, hint: str) -> Finding:
        """Return a finding at a key, or at an item of its list; of a key that is not there, at the whole."""
        fields = [item for item in self._fields if item.label.name == key] or self._fields[-1:]
        at = fields[0].at if fields else None
        if fields and index >= 0 and isinstance(fields[0].value, ListLiteral):
            elements = fields[0].value.elements
            at = elements[index].at if index < len(elements) else at
        line, column = (at.line, at.column) if at else (0, 0)
        return Finding(display(self._path), line, column, "definition", message, hint=hint)


def _from_data(folder: Path, data: dict[str, Any]) -> Definition:
    kind = data["type"]
    return Definition(
        name=data["name"],
        type=kind,
        version=data["version"],
        folder=folder,
        description=data.get("description", ""),
        alias=data.get("alias", ""),
        labels=data.get("labels", {}),
        annotations=data.get("annotations", {}),
        optional=data.get("optional", False),
        open=data.get("open", False),
        parts=tuple(dict.fromkeys(health.Part(**part) for part in data.get("parts", []))),
        attributes={key: data[key] for key in sorted(ATTRIBUTES[kind] & set(data))},
    )


def render_cue(definition: Definition, bundle: Bundle, source: str, command: str) -> str:
    """Return ``definitions/<name>.cue``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("vela_realtime.library"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the output is CUE
    )
    environment.filters["cue"] = _cue_value
    environment.filters["text"] = lambda text, depth: _shifted(embed.literal(text.rstrip("\n")), depth)
    environment.filters["tabbed"] = _tabbed
    return environment.get_template("definition.cue.j2").render(
        definition=definition,
        bundle=bundle,
        source=source,
        command=command,
        health=health.health_policy(definition.parts),
        status=health.custom_status(definition.parts),
    )


def render_yaml(definition: Definition, bundle: Bundle, source: str, command: str) -> str:
    """Return ``definitions/<name>.yaml``, equal in meaning to what ``vela def render`` makes of the CUE form."""
    header = f"# Generated from {source} by `{command}`; edit that folder instead.\n"
    # The template's thousands of lines stand four levels deep: each space of indentation is paid for in every one.
    return header + dump.dump(_document(definition, bundle), indent=1)


def size(definition: Definition, bundle: Bundle) -> int:
    """Return how many bytes a definition has as the JSON that ``kubectl apply`` puts into an annotation.

    Go's encoder writes ``<``, ``>`` and ``&`` as six characters.
    """
    text = json.dumps(_document(definition, bundle), ensure_ascii=False, separators=(",", ":"))
    return len(text.encode()) + 5 * sum(text.count(character) for character in "<>&")


def _document(definition: Definition, bundle: Bundle) -> dict[str, Any]:
    annotations = _prefixed(definition.annotations)
    annotations["definition.oam.dev/alias"] = definition.alias
    annotations["definition.oam.dev/description"] = definition.description
    metadata: dict[str, Any] = {"name": definition.name, "annotations": dict(sorted(annotations.items()))}
    if definition.labels:
        metadata["labels"] = dict(sorted(_prefixed(definition.labels).items()))
    spec: dict[str, Any] = {**definition.attributes, "schematic": {"cue": {"template": compact.compact(bundle.text)}}}
    if definition.parts:
        spec["status"] = {
            "customStatus": compact.compact(health.custom_status(definition.parts).rstrip("\n")),
            "healthPolicy": compact.compact(health.health_policy(definition.parts).rstrip("\n")),
        }
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": definition.kind,
        "metadata": metadata,
        "spec": dict(sorted(spec.items())),
    }


def generated_file(text: str) -> bool:
    """Tell whether a file in ``definitions/`` was written by a build."""
    return re.match(r"(//|#) Generated from \S+ by `vela-realtime build", text) is not None


def _prefixed(values: dict[str, str]) -> dict[str, str]:
    """Name labels and annotations as KubeVela does: those outside its own domain get a prefix."""
    return {key if "oam.dev" in key else f"custom.definition.oam.dev/{key}": value for key, value in values.items()}


def _cue_value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _tabbed(text: str) -> str:
    return "\n".join(f"\t{line}" if line else "" for line in text.split("\n"))


def _shifted(text: str, depth: int) -> str:
    return text.replace("\n", "\n" + "\t" * depth).replace("\n" + "\t" * depth + "\n", "\n\n")
