"""What is published: the definitions of a library, and what goes with them, as files that are the same every time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vela_realtime import __version__
from vela_realtime.diff import sources, versions
from vela_realtime.errors import InputError
from vela_realtime.files import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vela_realtime.diff.snapshot import Definition, Snapshot
    from vela_realtime.library import Library

NAME = "vela-realtime"
"""What a set is called where nothing else is said."""

DESCRIPTION = "Streaming platforms for KubeVela: Kafka, MQTT, stream processing, dashboards"
LICENSE = "Apache-2.0"

MANIFEST = "release.json"
CHECKSUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Release:
    """A set of definitions under a name and a version, as it is published everywhere."""

    name: str
    version: str
    snapshot: Snapshot
    texts: Mapping[str, str]
    """The built files and the examples, by their paths in the archive."""

    images: tuple[str, ...]
    """Every image that the definitions can ask for."""

    @property
    def definitions(self) -> list[Definition]:
        """The definitions, sorted by kind and name."""
        return [item for _, item in sorted(self.snapshot.definitions.items())]

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Everything in the archive by its path, the checksums of all of it among it."""
        from vela_realtime.publish import sbom

        found = {path: text.encode() for path, text in self.texts.items()}
        found["images.txt"] = "".join(f"{image}\n" for image in self.images).encode()
        found[MANIFEST] = _json(self._manifest())
        found[sbom.FILE] = _json(sbom.of_release(self.name, self.version, self.texts, self.images))
        found[CHECKSUMS] = checksums(found).encode()
        return dict(sorted(found.items()))

    def _manifest(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "tool": __version__,
            "definitions": [
                {"kind": item.object["kind"], "name": item.name, "version": item.version, "optional": item.optional}
                for item in self.definitions
            ],
        }


def assemble(library: Library, *, site: Path | None = None, name: str = NAME) -> Release:
    """Return what a library publishes, with a site file's settings where there is one.

    Raises:
        SourceError: the library or the site file has faults.
        InputError: its definitions have several versions, or there are none.
        ToolError: there is no ``cue``.
    """
    texts = sources.library_files(library, site)
    snapshot = sources.from_files("the working tree", texts)
    if not snapshot.definitions:
        raise InputError("there is no definition to publish")
    found = {item.version: item.title for item in snapshot.definitions.values()}
    if len(found) > 1:
        listed = ", ".join(f"{title} has {version or 'none'}" for version, title in sorted(found.items()))
        raise InputError(
            f"the set has several versions: {listed}", "give all definitions the same: #Version in cue/version.cue"
        )
    version = next(iter(found))
    if versions.parse(version) is None:
        raise InputError(f"{version or 'an empty text'} is no version", "a version has the form 1.2.3")
    kept = {path: text for path, text in texts.items() if not path.startswith("tests/")}
    licence = library.root / "LICENSE"
    if licence.is_file():
        kept["LICENSE"] = read_text(licence)
    return Release(name, version, snapshot, kept, images(library))


def images(library: Library) -> tuple[str, ...]:
    """Return every image of the library's table, ``#Images``; none where it has no such table.

    Raises:
        ToolError: there is no ``cue``.
    """
    from vela_realtime import cue

    if not (library.cue / "images.cue").is_file():
        return ()
    done = cue.run(["export", "images.cue", "-e", "#Images"], folder=library.cue)
    if not done.ok:
        return ()
    return tuple(sorted({_reference(item) for item in json.loads(done.stdout).values()}))


def _reference(image: Mapping[str, str]) -> str:
    name = "/".join(part for part in (image.get("registry") or "docker.io", image["repository"]) if part)
    digest = f"@{image['digest']}" if image.get("digest") else ""
    return f"{name}:{image['tag']}{digest}"


def checksums(files: Mapping[str, bytes]) -> str:
    """Return checksums in the form that ``sha256sum --check`` reads."""
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in sorted(files.items()))


def _json(data: object) -> bytes:
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()
