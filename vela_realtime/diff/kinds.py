"""The kinds of change: what each means for those who use the definitions, and the version that it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Bump(IntEnum):
    """Which number of a semantic version a change raises."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


@dataclass(frozen=True)
class Kind:
    """A kind of change. ``reason`` says, in words that fit behind every change of the kind, why it matters."""

    id: str
    bump: Bump
    reason: str

    @property
    def breaking(self) -> bool:
        """Whether an Application that worked can stop working, or lose something."""
        return self.bump is Bump.MAJOR


@dataclass(frozen=True)
class Change:
    """One change, at one place of one definition."""

    kind: Kind
    definition: str
    """Type and name: ``component iot-broker``."""

    where: str
    """The parameter's path, or the object and the path in it; empty for the definition itself."""

    message: str
    cases: tuple[str, ...] = ()
    """Names of the examples and fixtures whose objects show it; empty for parameters."""

    @property
    def breaking(self) -> bool:
        """Whether it is of a breaking kind."""
        return self.kind.breaking


_MAJOR, _MINOR, _PATCH = Bump.MAJOR, Bump.MINOR, Bump.PATCH

_ALL = (
    # Definitions.
    Kind("definition-removed", _MAJOR, "Applications that name it are refused"),
    Kind("definition-added", _MINOR, "nobody used it yet"),
    Kind("definition-optional", _MAJOR, "it is installed only where it is asked for"),
    Kind("attributes-tightened", _MAJOR, "KubeVela refuses what it admitted before, or takes it for something else"),
    Kind("attributes-changed", _MINOR, "KubeVela treats what is rendered in another way"),
    Kind("status-changed", _PATCH, "health and status are told in another way"),
    Kind("template-changed", _PATCH, "the text differs; what it makes is compared below"),
    # Parameters.
    Kind("parameter-removed", _MAJOR, "Applications that set it are refused"),
    Kind("parameter-renamed", _MAJOR, "Applications that set the old name are refused"),
    Kind("parameter-added", _MINOR, "it may be left out"),
    Kind("parameter-required", _MAJOR, "Applications that leave it out are refused"),
    Kind("parameter-not-required", _MINOR, "what set it still may"),
    Kind("parameter-deprecated", _MINOR, "it is accepted until the next major version"),
    Kind("type-changed", _MAJOR, "values of the old type are refused"),
    Kind("type-widened", _MINOR, "values of the old type are still accepted"),
    Kind("values-removed", _MAJOR, "Applications with such a value are refused"),
    Kind("values-added", _MINOR, "the old values are still accepted"),
    Kind("bound-tightened", _MAJOR, "values that were accepted are refused"),
    Kind("bound-loosened", _MINOR, "values that were accepted still are"),
    Kind("pattern-changed", _MAJOR, "values that were accepted may be refused"),
    Kind("default-changed", _MINOR, "Applications that leave it out get the new value"),
    Kind("default-removed", _MINOR, "Applications that leave it out get what the template makes of nothing"),
    Kind("default-added", _MINOR, "Applications that leave it out get this value"),
    Kind("immutable-added", _MAJOR, "a change of it, which was allowed, is refused by KubeVela 1.11"),
    Kind("immutable-removed", _MINOR, "it may be changed from now on"),
    Kind("closed", _MAJOR, "names that are not known, which were ignored, are refused"),
    Kind("opened", _MINOR, "names that are not known are accepted"),
    # What is rendered of examples and fixtures.
    Kind("render-fails", _MAJOR, "it was rendered before and is refused now"),
    Kind("object-added", _MINOR, "nobody used it yet"),
    Kind("object-removed", _MINOR, "KubeVela deletes it at the upgrade"),
    Kind("object-renamed", _MAJOR, "whoever names it finds it no more"),
    Kind("object-renewed", _PATCH, "its name has a hash of its content, and who uses it is told"),
    Kind("object-changed", _PATCH, "it is changed in place"),
    Kind("endpoint-removed", _MAJOR, "other workloads may reach or read it"),
    Kind("port-removed", _MAJOR, "other workloads may connect to it"),
    Kind("port-added", _MINOR, "nobody used it yet"),
    Kind("key-removed", _MAJOR, "other workloads may read it"),
    Kind("key-added", _MINOR, "nobody used it yet"),
    Kind("variable-removed", _MAJOR, "the program in the container may read it"),
    Kind("variable-added", _MINOR, "nobody used it yet"),
    Kind("immutable-field", _MAJOR, "the API server refuses the change: the object must be deleted first"),
    Kind("volume-lost", _MAJOR, "what is stored on it is used no more"),
    Kind("volume-moved", _MAJOR, "the program looks for what is stored in another place"),
    Kind("volume-released", _MAJOR, "the volume is deleted, which was kept, when its owner goes"),
    Kind("volume-grows", _MINOR, "the storage class must allow it"),
    Kind("restart", _PATCH, "its pods are replaced at the upgrade"),
    Kind("job-again", _PATCH, "a Job of another name runs once more"),
    Kind("image-changed", _PATCH, "another image is pulled"),
    Kind("image-added", _MINOR, "a registry without access to the outside needs it"),
    Kind("image-removed", _PATCH, "it is needed no more"),
    Kind("image-major", _MAJOR, "a new major version may not read what the old one stored, and there is no way back"),
)

KINDS = {kind.id: kind for kind in _ALL}
"""All kinds by their ids, in the order in which changes are told."""


def change(kind: str, definition: str, where: str, message: str, cases: tuple[str, ...] = ()) -> Change:
    """Return a change of a kind that must be among ``KINDS``."""
    return Change(KINDS[kind], definition, where, message, cases)
