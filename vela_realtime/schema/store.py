"""Where schemas come from: the library's own are built with it, others are exported when they are asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vela_realtime import cache
from vela_realtime.documents import loader
from vela_realtime.errors import ToolError
from vela_realtime.files import display
from vela_realtime.kubevela.builtins import Builtins
from vela_realtime.kubevela.catalog import KUBEVELA
from vela_realtime.schema import FOLDER
from vela_realtime.schema.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

    from vela_realtime.kubevela.catalog import Found
    from vela_realtime.schema.openapi import Schema


class Store:
    """Schemas of definitions.

    ``library`` is the folder of the library's built definitions, ``builtins`` has those of KubeVela's own.
    """

    def __init__(
        self, library: Path | None = None, *, builtins: Builtins | None = None, use_cache: bool = True
    ) -> None:
        self._library = library
        self._builtins = builtins
        self._use_cache = use_cache
        self._known: dict[tuple[str, str, str], Schema | None] = {}
        self._without_cue: set[tuple[str, str, str]] = set()

    def of(self, found: Found) -> Schema | None:
        """Return the schema of a definition's parameters; None where there is no telling.

        That is so for a definition that is not in CUE, for one whose parameters ``cue`` cannot export, and for
        one that would have to be exported where there is no ``cue``.
        """
        key = (found.type, found.name, found.source)
        if key not in self._known:
            self._known[key] = self._load(found)
        return self._known[key]

    def why_not(self, found: Found) -> tuple[str, str]:
        """Return why there is no telling the parameters of a definition, and what can be done, as far as it can."""
        if (found.type, found.name, found.source) in self._without_cue:
            return (
                "cue, which tells a definition's parameters, is not on this machine",
                "run vela-realtime doctor --install",
            )
        if found.source != KUBEVELA and template_of(found) is None:
            return "its definition is not written in CUE", ""
        return "the parameters of its definition cannot be told", ""

    def optional(self, name: str) -> Schema:
        """Return the schema of the library's optional definition of a name; empty where there is none."""
        if self._library is None or not (self._library / "optional" / f"{name}.yaml").is_file():
            return {}
        try:
            schema: Schema = json.loads((self._library / FOLDER / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return schema

    def _load(self, found: Found) -> Schema | None:
        if found.source == KUBEVELA:
            own = (self._builtins or Builtins()).find(found.type, found.name)
            return own.schema if own is not None else None
        if (path := self._built(found)) is not None:
            try:
                schema: Schema = json.loads(path.read_bytes())
            except (OSError, ValueError):
                pass
            else:
                return schema
        text = template_of(found)
        if text is None:
            return None
        key = cache.key(text, code="vela_realtime.schema.parameters")
        try:
            made: Schema | None = json.loads(
                cache.cached("schemas", key, lambda: _export(text), enabled=self._use_cache)
            )
        except ToolError:
            self._without_cue.add((found.type, found.name, found.source))
            return None
        return made

    def _built(self, found: Found) -> Path | None:
        """Return the file of the schema that was built together with a definition."""
        if self._library is None:
            return None
        for stem in (found.name, f"optional/{found.name}"):
            if found.source == display(self._library / f"{stem}.yaml"):
                path = self._library / FOLDER / f"{found.name}.json"
                return path if path.is_file() else None
        return None


def _export(text: str) -> str:
    from vela_realtime.schema import parameters

    try:
        return json.dumps(parameters.of_template(text))
    except ExportError:
        return "null"


def template_of(found: Found) -> str | None:
    """Return the CUE template of a definition, None where it has another kind of template."""
    if found.suffix == ".cue":
        return found.text
    data = loader.load(found.text)
    try:
        template = data["spec"]["schematic"]["cue"]["template"]
    except (KeyError, TypeError):
        return None
    return template if isinstance(template, str) else None
