"""Kubernetes' own schemas, for the versions and kinds that ``schemas.json`` has.

The file is written by ``scripts/kubernetes-schemas``. Every type stands in it with its history: the version that a
form holds from, and the form, ``null`` where the type is gone.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import Any

_QUANTITY = {
    "type": ["string", "number"],
    "pattern": r"^[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$",
    "patternErrorMessage": "must be a quantity (500m, 4Gi)",
}

DEFAULT_VERSION = "1.34"
"""The version that objects are checked against where nobody names one."""


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((Path(__file__).parent / "schemas.json").read_bytes())
    return data


def versions() -> list[str]:
    """Return the versions that there are schemas for, the oldest first."""
    return list(_data()["versions"])


@lru_cache(maxsize=8)
def of_version(version: str) -> Schemas:
    """Return the schemas of a version: always the same ones, since they take long to make."""
    return Schemas(version)


class Schemas:
    """The schemas of one version, made when they are asked for, in any thread."""

    def __init__(self, version: str = DEFAULT_VERSION) -> None:
        self._index = versions().index(version)
        self._made: dict[str, dict[str, Any]] = {}
        self._making = RLock()

    def of(self, api_version: str, kind: str) -> dict[str, Any] | None:
        """Return the JSON Schema of a kind, None where this version does not have it."""
        name = self._at(_data()["kinds"].get(f"{api_version}/{kind}", ()))
        if name is None:
            return None
        with self._making:  # a schema is there before it is complete: it can be inside of itself
            return self._type(str(name))

    def other_versions(self, api_version: str, kind: str) -> list[str]:
        """Return the API versions in which a kind of the same group is there."""
        group = api_version.rpartition("/")[0]
        found = []
        for key, history in _data()["kinds"].items():
            version, _, name = key.rpartition("/")
            if name == kind and version.rpartition("/")[0] == group and self._at(history) is not None:
                found.append(version)
        return found

    @staticmethod
    @lru_cache(maxsize=1)
    def groups() -> set[str]:
        """Return the API groups whose kinds are known; the core group is an empty text."""
        return {key.rpartition("/")[0].rpartition("/")[0] for key in _data()["kinds"]}

    def _at(self, history: Any) -> Any:
        value = None
        for version, form in history:
            if versions().index(version) <= self._index:
                value = form
        return value

    def _type(self, name: str) -> dict[str, Any]:
        if name == "resource.Quantity":
            return _QUANTITY
        if name not in self._made:
            self._made[name] = made = {}
            made.update(self._expanded(self._at(_data()["types"][name])))
        return self._made[name]

    def _expanded(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            return self._type(schema["$ref"])
        result = dict(schema)
        if "properties" in schema:
            result["properties"] = {key: self._expanded(value) for key, value in schema["properties"].items()}
            result.setdefault("additionalProperties", False)
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                result[key] = self._expanded(schema[key])
        return result
