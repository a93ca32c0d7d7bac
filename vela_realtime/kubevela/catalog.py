"""Finding the definitions that an Application names: in given folders, in the library, in KubeVela itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime.errors import InputError
from vela_realtime.files import display, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from vela_realtime.documents.application import Document
    from vela_realtime.kubevela.builtins import Builtins

KINDS = {
    "ComponentDefinition": "component",
    "TraitDefinition": "trait",
    "PolicyDefinition": "policy",
    "WorkflowStepDefinition": "workflow-step",
}

KUBEVELA = "KubeVela"
"""What is said to be the source of its own definitions."""

_CHART = Path("charts", "vela-core", "templates", "defwithtemplate")
_NAMESPACE = re.compile(r"^  namespace: \{\{.*\}\}\n", re.MULTILINE)


_AFTER = re.compile(r"""^\s*"?stage"?:\s*["']?PostDispatch\b""", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """A definition: its type and name, its text in the form of ``suffix``, and its version where it has one."""

    type: str
    name: str
    version: str
    text: str
    suffix: str
    source: str
    """Where it was found, for people."""

    deprecated: bool = False
    optional: bool = False
    """Whether it is installed by its name alone, and takes the place of one of KubeVela's own."""

    library: bool = False
    """Whether it is one of the library's, which promise more than others do."""

    @property
    def renderable(self) -> bool:
        """Whether there is a text for ``vela``: of KubeVela's own, only names and parameters are always at hand."""
        return bool(self.text)

    @cached_property
    def after_dispatch(self) -> bool:
        """Whether it is a trait of the stage ``PostDispatch``, which KubeVela makes when the component is there."""
        return self.type == "trait" and _AFTER.search(self.text) is not None


class Catalog:
    """Definitions by type and name. What stands in ``first`` wins over the library's, and those over KubeVela's.

    ``builtins`` has what is known of KubeVela's own; ``source`` is the folder with their texts and KubeVela's chart,
    or what finds it when it is needed. The library's ``optional`` definitions are found by those who name them.
    """

    def __init__(
        self,
        first: Sequence[Found] = (),
        library: Path | None = None,
        builtins: Builtins | None = None,
        source: Path | Callable[[], Path | None] | None = None,
        optional: AbstractSet[str] = frozenset(),
    ) -> None:
        self._first = {(item.type, item.name): item for item in reversed(first)}
        self._known: dict[tuple[str, str], Found | None] = {}
        self._names: dict[str, list[str]] = {}
        self._library = library
        self.builtins = builtins
        self._find_source = source
        self._optional = optional

    @cached_property
    def _source(self) -> Path | None:
        return self._find_source() if callable(self._find_source) else self._find_source

    @cached_property
    def _of_library(self) -> list[Found]:
        paths = sorted(self._library.glob("*.yaml")) if self._library is not None else []
        return [item for path in paths for item in read_file(path)]

    def find(
        self, kind: str, name: str, beside: Sequence[Found] = (), optional: AbstractSet[str] = frozenset()
    ) -> Found | None:
        """Return a definition, None where it is nowhere.

        ``beside`` has those that stand beside the Application, the nearest first; ``optional`` names the library's
        optional ones that it asks for.

        Raises:
            InputError: its file cannot be read.
        """
        if (kind, name) in self._first:
            return self._first[kind, name]
        for item in beside:
            if (item.type, item.name) == (kind, name):
                return item
        if name in self._optional | optional and (found := self._in_library(kind, name, "optional")) is not None:
            return found
        if (kind, name) not in self._known:
            self._known[kind, name] = self._in_library(kind, name) or self._builtin(kind, name)
        return self._known[kind, name]

    def names(self, kind: str) -> list[str]:
        """Return the names of all definitions of a type, sorted."""
        if kind not in self._names:
            self._names[kind] = self._all_names(kind)
        return self._names[kind]

    def _all_names(self, kind: str) -> list[str]:
        names = {name for known, name in self._first if known == kind}
        if self._library is not None:
            names.update(item.name for item in self._of_library if item.type == kind)
        if self.builtins is not None:
            names.update(self.builtins.names(kind))
        return sorted(names)

    def _in_library(self, kind: str, name: str, folder: str = "") -> Found | None:
        # Names come from Applications: nothing that is no plain name may become a path.
        if self._library is None or not _PLAIN_NAME.fullmatch(name):
            return None
        path = self._library / folder / f"{name}.yaml"
        found = read_file(path) if path.is_file() else []
        return next(
            (
                replace(item, optional=bool(folder), library=True)
                for item in found
                if (item.type, item.name) == (kind, name)
            ),
            None,
        )

    def _builtin(self, kind: str, name: str) -> Found | None:
        item = self.builtins.find(kind, name) if self.builtins is not None else None
        if item is None:
            return None
        path = self._source / _CHART / f"{name}.yaml" if self._source is not None else None
        text = _NAMESPACE.sub("", read_text(path)) if path is not None and path.is_file() else ""
        return Found(kind, name, "", text, ".yaml", KUBEVELA, deprecated=item.deprecated)


_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,240}")
"""What may become the name of a file: file systems take 255 bytes."""


def read_folder(folder: Path) -> list[Found]:
    """Return all definitions below a folder, or in one file; a YAML form wins over a CUE form.

    Raises:
        InputError: a file cannot be read, or there is no definition at all.
    """
    if not folder.exists():
        raise InputError(f"there is no {display(folder)}")
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    order = {".yaml": 0, ".yml": 0, ".json": 0, ".cue": 1}
    found = [
        item
        for path in sorted((path for path in files if path.suffix in order), key=lambda path: order[path.suffix])
        for item in read_file(path)
    ]
    if not found:
        raise InputError(f"no definition in {display(folder)}")
    return list({(item.type, item.name): item for item in reversed(found)}.values())


def beside(documents: Sequence[Document]) -> dict[str, list[Found]]:
    """Return, for each file, the definitions among some documents, those that stand nearest to it first."""
    found = [
        (document.file, item)
        for document in documents
        if document.kind in KINDS
        for item in from_object(document.data, document.file)
    ]

    def distance(one: str, other: str) -> tuple[bool, int]:
        first, second = Path(one).parts[:-1], Path(other).parts[:-1]
        common = sum(1 for a, b in zip(first, second, strict=False) if a == b)
        return one != other, len(first) + len(second) - 2 * common

    return {
        file: [item for _, item in sorted(found, key=lambda pair, file=file: distance(file, pair[0]))]  # type: ignore[misc]
        for file in dict.fromkeys(document.file for document in documents)
    }


def read_file(path: Path) -> list[Found]:
    """Return the definitions in one file, none where it holds something else.

    Raises:
        InputError: the file cannot be read.
    """
    text = read_text(path)
    return _from_cue(path, text) if path.suffix == ".cue" else _from_yaml(path, text)


def _from_cue(path: Path, text: str) -> list[Found]:
    from vela_realtime.cue import syntax

    try:
        source = syntax.parse(path, text)
    except syntax.CueSyntaxError as error:
        raise InputError(f"{display(path)}:{error.line}:{error.column}: {error.message}") from error
    fields = {item.label.name: item.value for item in source.declarations if isinstance(item, syntax.Field)}
    names = [name for name in fields if name and name != "template"]
    if source.package or "template" not in fields or len(names) != 1:
        return []
    (name,) = names
    kind = _literal(fields[name], "type")
    version = _literal(fields[name], "attributes", "version")
    return [Found(kind, name, version, text, ".cue", display(path))] if kind in KINDS.values() else []


def _literal(value: object, *route: str) -> str:
    from vela_realtime.cue.syntax.tree import Field, Struct, Text

    for step in route:
        if not isinstance(value, Struct):
            return ""
        fields = [item for item in value.declarations if isinstance(item, Field) and item.label.name == step]
        if not fields:
            return ""
        value = fields[0].value
    return value.value or "" if isinstance(value, Text) else ""


# What our own builds look like. Reading 100 KB of YAML for three short fields would cost more than rendering it.
_OWN = re.compile(
    r"\A# Generated from \S+ by `vela-realtime build.*\napiVersion: core\.oam\.dev/v1beta1\n"
    r"kind: (?P<kind>\w+)\nmetadata:\n +name: (?P<name>\S+)\n"
)
_OWN_VERSION = re.compile(r'^ {1,2}version: "?([^"\n]+)"?$', re.MULTILINE)


def _from_yaml(path: Path, text: str) -> list[Found]:
    if (own := _OWN.match(text)) and own["kind"] in KINDS:
        version = _OWN_VERSION.search(text, own.end())
        name = own["name"].strip('"')
        return [Found(KINDS[own["kind"]], name, version[1] if version else "", text, ".yaml", display(path))]
    if "Definition" not in text:
        return []
    import yaml

    from vela_realtime.documents import loader

    try:
        documents = list(loader.load_all(text))
    except (yaml.YAMLError, ValueError) as error:
        message = " ".join(str(error).split())
        raise InputError(f"{display(path)} is not YAML: {message}") from error
    return [found for document in documents for found in from_object(document, display(path))]


def from_object(data: Any, source: str) -> list[Found]:
    """Return the definition that a Kubernetes object is, or the definitions in a list; none for other objects."""
    if not isinstance(data, dict):
        return []
    if isinstance(data.get("items"), list):
        return [found for item in data["items"] for found in from_object(item, source)]
    if data.get("kind") not in KINDS or not str(data.get("apiVersion")).startswith("core.oam.dev/"):
        return []
    from vela_realtime.documents import dump

    metadata, spec = data.get("metadata") or {}, data.get("spec") or {}
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        return []  # no definition, and nobody else's fault
    kept = {key: metadata[key] for key in ("name", "annotations", "labels") if key in metadata}
    clean = {"apiVersion": data["apiVersion"], "kind": data["kind"], "metadata": kept, "spec": spec}
    kind, version = KINDS[data["kind"]], str(spec.get("version", ""))
    return [Found(kind, str(metadata.get("name")), version, dump.dump(clean), ".yaml", source)]


def read_cluster(namespace: str) -> list[Found]:
    """Return the definitions of the current cluster: the namespace's own first, then those in ``vela-system``.

    Raises:
        ToolError: there is no ``kubectl``, or the cluster does not answer.
    """
    from vela_realtime.kubevela import kubectl

    resources = ",".join(f"{kind.lower()}s.core.oam.dev" for kind in KINDS)
    hint = f"{kubectl.HINT}, or leave out --from-cluster"
    found: list[Found] = []
    for name in dict.fromkeys((namespace, "vela-system")):
        found += from_object(kubectl.get(resources, name, hint=hint), f"cluster, namespace {name}")
    return found
