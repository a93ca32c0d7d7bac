"""Finding the definitions that an Application names: in given folders, in the library, in KubeVela itself."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vela_realtime.errors import InputError, ToolError
from vela_realtime.files import display, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

KINDS = {
    "ComponentDefinition": "component",
    "TraitDefinition": "trait",
    "PolicyDefinition": "policy",
    "WorkflowStepDefinition": "workflow-step",
}

# Where KubeVela's source tree has its own definitions of each type.
_BUILTIN_FOLDERS = {"component": "component", "trait": "trait", "policy": "policy", "workflow-step": "workflowstep"}


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


class Catalog:
    """Definitions by type and name. What stands in ``first`` wins over the library's, and those over KubeVela's.

    ``builtins`` is the folder of KubeVela's own, or what finds it when it is needed.
    """

    def __init__(
        self,
        first: Sequence[Found] = (),
        library: Path | None = None,
        builtins: Path | Callable[[], Path | None] | None = None,
    ) -> None:
        self._known = {(item.type, item.name): item for item in reversed(first)}
        self._library = library
        self._find_builtins = builtins

    @cached_property
    def _builtins(self) -> Path | None:
        return self._find_builtins() if callable(self._find_builtins) else self._find_builtins

    @property
    def has_builtins(self) -> bool:
        """Whether KubeVela's own definitions are at hand."""
        return self._builtins is not None

    def find(self, kind: str, name: str) -> Found | None:
        """Return a definition, None where it is nowhere.

        Raises:
            InputError: its file cannot be read.
        """
        if (kind, name) not in self._known:
            for found in self._candidates(kind, name):
                self._known[kind, name] = found
                break
        return self._known.get((kind, name))

    def names(self, kind: str) -> list[str]:
        """Return the names of all definitions of a type, sorted."""
        names = {name for known, name in self._known if known == kind}
        if self._library is not None:
            for path in (*self._library.glob("*.yaml"), *self._library.glob("optional/*.yaml")):
                names.update(item.name for item in read_file(path) if item.type == kind)
        if self._builtins is not None:
            names.update(path.stem for path in (self._builtins / _BUILTIN_FOLDERS[kind]).glob("*.cue"))
        return sorted(names)

    def _candidates(self, kind: str, name: str) -> Iterator[Found]:
        # Names come from Applications: nothing that is no plain name may become a path.
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            return
        if self._library is not None:
            for path in (self._library / f"{name}.yaml", self._library / "optional" / f"{name}.yaml"):
                if path.is_file():
                    yield from (item for item in read_file(path) if (item.type, item.name) == (kind, name))
        if self._builtins is not None:
            path = self._builtins / _BUILTIN_FOLDERS[kind] / f"{name}.cue"
            if path.is_file():
                yield Found(kind, name, "", read_text(path), ".cue", "KubeVela")


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
    return [Found(kind, name, version, text, ".cue", display(path))] if kind in _BUILTIN_FOLDERS else []


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

    try:
        documents = list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
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
    kept = {key: metadata[key] for key in ("name", "annotations", "labels") if key in metadata}
    clean = {"apiVersion": data["apiVersion"], "kind": data["kind"], "metadata": kept, "spec": spec}
    kind, version = KINDS[data["kind"]], str(spec.get("version", ""))
    return [Found(kind, str(metadata.get("name")), version, dump.dump(clean), ".yaml", source)]


def read_cluster(namespace: str) -> list[Found]:
    """Return the definitions of the current cluster: the namespace's own first, then those in ``vela-system``.

    Raises:
        ToolError: there is no ``kubectl``, or the cluster does not answer.
    """
    from vela_realtime import process

    resources = ",".join(f"{kind.lower()}s.core.oam.dev" for kind in KINDS)
    found: list[Found] = []
    for name in dict.fromkeys((namespace, "vela-system")):
        done = process.run(["kubectl", "get", resources, "-n", name, "-o", "json", "--request-timeout=20s"])
        if not done.ok:
            # Its last line says what is wrong; those before it are kubectl's log.
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1].strip()
            raise ToolError(
                f"kubectl cannot read the definitions in {name}: {said}",
                "look at kubectl config current-context, or leave out --from-cluster",
            )
        found += from_object(json.loads(done.stdout), f"cluster, namespace {name}")
    return found
