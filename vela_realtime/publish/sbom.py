"""What a release is made of, as CycloneDX: its definitions with their checksums, and the images that they run."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from vela_realtime import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILE = "sbom.cdx.json"
MEDIA_TYPE = "application/vnd.cyclonedx+json"

_IMAGE = re.compile(r"(?P<name>[^@]+):(?P<tag>[^:@/]+)(?:@(?P<digest>sha256:[0-9a-f]{64}))?")
_NAMESPACE = uuid.UUID("2f0b2c1e-6d3c-5f8a-9a55-0f6a4f6f7f11")


def of_release(name: str, version: str, texts: Mapping[str, str], references: Sequence[str]) -> dict[str, Any]:
    """Return the bill of materials in CycloneDX 1.6. The same release has the same one: no time, no random number.

    ``texts`` are a release's files by their paths, ``references`` the images that it can ask for.
    """
    whole = f"{name}@{version}"
    definitions = [_definition(path, text) for path, text in sorted(texts.items()) if _is_definition(path)]
    images = [_image(image) for image in references]
    content = "\0".join(item["bom-ref"] + str(item.get("hashes")) for item in definitions + images)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, whole + content)}",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "vela-realtime", "version": __version__}]},
            "component": {"type": "application", "bom-ref": whole, "name": name, "version": version},
        },
        "components": definitions + images,
        "dependencies": [
            {"ref": whole, "dependsOn": sorted(item["bom-ref"] for item in definitions + images)},
        ],
    }


def _is_definition(path: str) -> bool:
    return path.startswith("definitions/") and path.endswith(".yaml")


def _definition(path: str, text: str) -> dict[str, Any]:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"type": "file", "bom-ref": path, "name": path, "hashes": [{"alg": "SHA-256", "content": digest}]}


def _image(image: str) -> dict[str, Any]:
    match = _IMAGE.fullmatch(image)
    if match is None:
        return {"type": "container", "bom-ref": image, "name": image}
    name, tag, digest = match["name"], match["tag"], match["digest"]
    where = f"?repository_url={quote(name, safe='')}&tag={quote(tag, safe='')}"
    version = f"@{quote(digest, safe='')}" if digest else ""
    purl = f"pkg:oci/{quote(name.rpartition('/')[2])}{version}{where}"
    return {"type": "container", "bom-ref": image, "name": name, "version": tag, "purl": purl}
