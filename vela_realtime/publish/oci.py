"""Pushing a release to an OCI registry, so that its tag appears last, when everything that it leads to is there."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vela_realtime import process
from vela_realtime.errors import InputError, ToolError
from vela_realtime.publish import archive, release, sbom
from vela_realtime.registry import ARTIFACT, EMPTY, INDEX, LAYER, MANIFEST, NOTHING, Reference, Registry, digest_of

if TYPE_CHECKING:
    from vela_realtime.publish.release import Release


@dataclass(frozen=True)
class Pushed:
    """What came of a push: the reference by digest, and whether anything had to be sent."""

    reference: str
    tag: str
    changed: bool
    signed: bool = False


def push(item: Release, text: str, *, overwrite: bool = False, dry_run: bool = False, source: str = "") -> Pushed:
    """Push a release to ``oci://REGISTRY/NAME``, under its version unless another tag is named.

    First the blobs, then the manifest by its digest, then the bill of materials that refers to it, at last the tag: who
    reads the tag finds everything. What is there already is not sent again. ``source`` is the address of the sources.

    Raises:
        InputError: the tag has another content.
        ToolError: the registry does not answer, or refuses.
    """
    reference = Reference.parse(text)
    if reference.digest:
        raise InputError(f"{text} names a digest, which only its content can have", "name a tag, or none")
    tag = reference.tag or item.version
    data = archive.tgz(item.files)
    manifest = _encoded(_manifest(item, data, source))
    digest = digest_of(manifest)
    registry = Registry(reference)
    present = registry.manifest(tag)
    if present is not None and present[1] != digest and not overwrite:
        raise InputError(
            f"{reference.at(tag)} is there already, with another content",
            "a version that was published stays as it is: raise it, or say --overwrite",
        )
    changed = present is None or present[1] != digest
    if dry_run:
        return Pushed(reference.at(digest), tag, changed)
    registry.put_blob(NOTHING, EMPTY)
    registry.put_blob(data, LAYER)
    registry.put_manifest(manifest, MANIFEST, digest)
    _attach(registry, manifest, item.files[sbom.FILE], sbom.MEDIA_TYPE, sbom.FILE)
    if changed:
        registry.put_manifest(manifest, MANIFEST, tag)
    return Pushed(reference.at(digest), tag, changed)


def sign(reference: str, key: str = "") -> None:
    """Sign an artifact by ``cosign``: with a key, or without one by the identity of who runs it.

    Raises:
        ToolError: there is no ``cosign``, or it fails.
    """
    program = shutil.which("cosign")
    if program is None:
        raise ToolError("cosign is missing, which signs", "install it, or leave out --sign")
    done = process.run([program, "sign", "--yes", *(["--key", key] if key else []), reference])
    if not done.ok:
        said = (done.stderr.strip().splitlines() or ["it did not say why"])[-1]
        raise ToolError(f"cosign could not sign {reference}: {said}")


def _manifest(item: Release, data: bytes, source: str) -> dict[str, Any]:
    annotations = {
        "org.opencontainers.image.title": item.name,
        "org.opencontainers.image.version": item.version,
        "org.opencontainers.image.description": release.DESCRIPTION,
        "org.opencontainers.image.licenses": release.LICENSE,
    }
    if source:
        annotations["org.opencontainers.image.source"] = source
    title = {"org.opencontainers.image.title": archive.file_name(item)}
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": ARTIFACT,
        "config": {"mediaType": EMPTY, "digest": digest_of(NOTHING), "size": len(NOTHING)},
        "layers": [{"mediaType": LAYER, "digest": digest_of(data), "size": len(data), "annotations": title}],
        "annotations": annotations,
    }


def _attach(registry: Registry, subject: bytes, data: bytes, media_type: str, title: str) -> None:
    """Attach a file to a manifest, so that who has its digest finds the file.

    A registry that does not keep the list itself has it under a tag: "Referrers Tag Schema" of the OCI distribution
    specification 1.1.
    """
    layer = registry.put_blob(data, media_type, annotations={"org.opencontainers.image.title": title})
    manifest = _encoded(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": media_type,
            "config": registry.put_blob(NOTHING, EMPTY),
            "layers": [layer],
            "subject": {"mediaType": MANIFEST, "digest": digest_of(subject), "size": len(subject)},
        }
    )
    digest = digest_of(manifest)
    if registry.put_manifest(manifest, MANIFEST, digest):
        return
    tag = digest_of(subject).replace(":", "-")
    known = registry.manifest(tag)
    index: Any = json.loads(known[0]) if known else {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
    if digest not in {entry["digest"] for entry in index["manifests"]}:
        entry = {"mediaType": MANIFEST, "artifactType": media_type, "digest": digest, "size": len(manifest)}
        index["manifests"].append(entry)
        registry.put_manifest(_encoded(index), INDEX, tag)


def _encoded(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()
