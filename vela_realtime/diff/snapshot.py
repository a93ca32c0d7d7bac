"""One version of the definitions, read into memory: what is compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from vela_realtime.documents import loader
from vela_realtime.errors import InputError
from vela_realtime.kubevela import immutable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vela_realtime.documents.application import Document
    from vela_realtime.library.fixtures import Case
    from vela_realtime.schema.openapi import Schema

Key = tuple[str, str]
"""Type and name of a definition: ``("component", "iot-broker")``."""

_TYPES = {"ComponentDefinition": "component", "TraitDefinition": "trait"}


@dataclass(frozen=True)
class Definition:
    """A definition as the API server keeps it, and the JSON Schema that was built with it, where there is one."""

    object: dict[str, Any]
    optional: bool = False
    """Whether it is installed only where it is asked for."""

    built_schema: Schema | None = None

    @property
    def type(self) -> str:
        """``component`` or ``trait``."""
        return _TYPES[self.object["kind"]]

    @property
    def name(self) -> str:
        """The name that an Application has in ``type``."""
        return str(self.object["metadata"]["name"])

    @property
    def title(self) -> str:
        """Type and name, for people."""
        return f"{self.type} {self.name}"

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The object's ``spec`` without what is empty: the API server adds such fields, and they say nothing."""
        spec = _filled(self.object.get("spec"))
        return spec if isinstance(spec, dict) else {}

    @property
    def version(self) -> str:
        """Its version, empty where it has none."""
        return str(self.spec.get("version", ""))

    @property
    def template(self) -> str:
        """The CUE that renders it, empty for another kind of template."""
        try:
            return str(self.spec["schematic"]["cue"]["template"])
        except (KeyError, TypeError):
            return ""

    @cached_property
    def schema(self) -> Schema | None:
        """The JSON Schema of its parameters, None where there is no telling.

        Raises:
            ToolError: it has to be made from the template, and there is no ``cue``.
        """
        if self.built_schema is not None:
            return self.built_schema
        from vela_realtime.schema import ExportError, parameters

        try:
            return parameters.of_template(self.template) if self.template else None
        except ExportError:
            return None

    @cached_property
    def immutable(self) -> frozenset[str]:
        """Paths of the parameters that KubeVela lets nobody change."""
        return immutable.of_template(self.template, self.name)


def _filled(value: Any) -> Any:
    """Return a value without what is empty in it."""
    if not isinstance(value, dict):
        return value
    filled = {key: _filled(inner) for key, inner in value.items()}
    return {key: inner for key, inner in filled.items() if inner or type(inner) is int}


@dataclass(frozen=True)
class Snapshot:
    """One version of the definitions, with the Applications and parameter sets that came with it."""

    label: str
    """What it is called in a report: ``v1.0.0``, ``the working tree``."""

    definitions: Mapping[Key, Definition]
    examples: Sequence[Document] = ()
    fixtures: Sequence[Case] = field(default=())

    @property
    def version(self) -> str:
        """The version of the set: the one that its definitions share, or the highest of theirs."""
        from vela_realtime.diff.versions import parse

        versions = {item.version for item in self.definitions.values()}
        return max(versions, key=lambda text: parse(text) or (0, 0, 0), default="")


def definitions_of(texts: Mapping[str, str], schemas: Mapping[str, Schema]) -> dict[Key, Definition]:
    """Return the definitions in some YAML texts by the name of their files, each with its schema by its own name.

    Other objects are left out.

    Raises:
        InputError: a text is not YAML.
    """
    found: dict[Key, Definition] = {}
    for file, text in texts.items():
        try:
            documents = list(loader.load_all(text))
        except (yaml.YAMLError, ValueError) as error:
            raise InputError(f"{file} is not YAML: {' '.join(str(error).split())}") from error
        for item in objects_in(documents):
            name = str(item["metadata"].get("name"))
            made = Definition(item, "optional/" in file, schemas.get(name))
            found[made.type, made.name] = made
    return found


def objects_in(documents: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Yield the definitions among some objects and lists of objects."""
    for item in documents:
        if not isinstance(item, dict):
            continue
        if isinstance(item.get("items"), list):
            yield from objects_in(item["items"])
        elif item.get("kind") in _TYPES and isinstance(item.get("metadata"), dict):
            yield item
