"""A repository of an OCI registry: manifests and blobs by their digests, and the definitions that lie in it.

The client is PyPI's ``oras``, an optional dependency: logins, tokens and uploads are its work. Manifests are put by
their own bytes, since their digest is part of what is signed and referred to.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vela_realtime.errors import InputError, ToolError

PREFIX = "oci://"
ARTIFACT = "application/vnd.vela-realtime.definitions.v1"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
"""The layer's type: the one that Argo CD and Flux unpack."""

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
NOTHING = b"{}"

_REFERENCE = re.compile(
    r"(?P<registry>[A-Za-z0-9.-]+(?::\d+)?)/(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_LOOPBACK = re.compile(r"(?:localhost|127\.0\.0\.1)(?::\d+)?")


@dataclass(frozen=True)
class Reference:
    """Where an artifact is: ``oci://REGISTRY/NAME``, with a tag, a digest, or neither."""

    registry: str
    name: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference.

        Raises:
            InputError: it is none.
        """
        match = _REFERENCE.fullmatch(text.removeprefix(PREFIX))
        if match is None:
            raise InputError(f"{text} is no reference to a registry", f"it has the form {PREFIX}REGISTRY/NAME:TAG")
        return cls(match["registry"], match["name"], match["tag"] or "", match["digest"] or "")

    def at(self, pointer: str) -> str:
        """Return the reference as text, at a tag or a digest."""
        return f"{self.registry}/{self.name}{'@' if pointer.startswith('sha256:') else ':'}{pointer}"


class Registry:
    """One repository of a registry. A registry on this machine is spoken to without TLS."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self._client = _client(bool(_LOOPBACK.fullmatch(reference.registry)))
        self._container = self._client.get_container(f"{reference.registry}/{reference.name}")
        self._client.auth.load_configs(self._container)
        self._answered = False

    def manifest(self, pointer: str) -> tuple[bytes, str] | None:
        """Return the manifest at a tag or a digest, and its digest; None where there is none.

        Raises:
            ToolError: the registry does not answer, or refuses.
            InputError: what it answers is not what the digest says.
        """
        response = self._ask("GET", f"manifests/{pointer}", headers={"Accept": f"{MANIFEST}, {INDEX}"})
        if response.status_code == 404:
            return None
        self._expect(response, 200)
        data = bytes(response.content)
        digest = digest_of(data)
        if pointer.startswith("sha256:") and pointer != digest:
            raise InputError(f"{self.reference.at(pointer)} has another content than its digest says")
        return data, digest

    def blob(self, digest: str) -> bytes:
        """Return a blob, checked against its digest.

        Raises:
            ToolError: the registry does not answer, or refuses.
            InputError: what it answers is not what the digest says.
        """
        response = self._ask("GET", f"blobs/{digest}")
        self._expect(response, 200)
        data = bytes(response.content)
        if digest_of(data) != digest:
            raise InputError(f"{self.reference.at(digest)} has another content than its digest says")
        return data

    def put_blob(self, data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        """Send a blob that the registry does not have; return its descriptor.

        Raises:
            ToolError: the registry does not answer, or refuses.
        """
        descriptor = {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}
        if self._ask("HEAD", f"blobs/{descriptor['digest']}").status_code != 200:
            with tempfile.TemporaryDirectory(prefix="vela-realtime-") as folder:
                path = Path(folder) / "blob"
                path.write_bytes(data)
                try:
                    response = self._client.upload_blob(str(path), self._container, descriptor)
                except Exception as error:  # what requests and oras raise has no common base
                    raise self._unreachable(error) from error
            self._expect(response, 200, 201)
        return descriptor

    def put_manifest(self, data: bytes, media_type: str, pointer: str) -> bool:
        """Put a manifest at a tag or its digest; tell whether the registry takes note of what it refers to.

        Raises:
            ToolError: the registry does not answer, or refuses.
        """
        response = self._ask("PUT", f"manifests/{pointer}", data=data, headers={"Content-Type": media_type})
        self._expect(response, 200, 201)
        return "OCI-Subject" in response.headers

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        url = f"{self._client.prefix}://{self.reference.registry}/v2/{self.reference.name}/{path}"
        try:
            if not self._answered:
                # The client itself tries for two minutes before it says that nobody is there.
                self._client.session.get(f"{self._client.prefix}://{self.reference.registry}/v2/", timeout=30)
                self._answered = True
            return self._client.do_request(url, method, **more)
        except Exception as error:  # what requests and oras raise has no common base
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> ToolError:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        return ToolError(
            f"{self.reference.registry} does not answer: {said}", "is the address right, and is it reachable?"
        )

    def _expect(self, response: Any, *codes: int) -> None:
        if response.status_code in codes:
            return
        hint = f"log in first: docker login {self.reference.registry}" if response.status_code in {401, 403} else ""
        said = " ".join(response.text.split())[:200]
        where = f"{self.reference.registry}/{self.reference.name}"
        raise ToolError(f"{where} answered {response.status_code}: {said or 'it said nothing'}", hint)


def _client(insecure: bool) -> Any:
    try:
        from oras.client import OrasClient
    except ImportError as error:
        raise ToolError(
            "PyPI's oras is missing, which speaks to registries", "pip install 'vela-realtime[oci]'"
        ) from error
    return OrasClient(insecure=insecure)


def digest_of(data: bytes) -> str:
    """Return the digest that a registry knows data by."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def pull(text: str) -> bytes:
    """Return the archive at a reference; by a tag, whatever it leads to at this moment.

    Raises:
        InputError: there is none, it is no release, or its content is not what its digest says.
        ToolError: the registry does not answer, or refuses.
    """
    reference = Reference.parse(text)
    registry = Registry(reference)
    pointer = reference.digest or reference.tag or "latest"
    found = registry.manifest(pointer)
    if found is None:
        raise InputError(f"there is no {reference.at(pointer)}")
    manifest = json.loads(found[0])
    layers = manifest.get("layers") or []
    if manifest.get("artifactType") != ARTIFACT or len(layers) != 1:
        raise InputError(f"{reference.at(pointer)} is no set of definitions that vela-realtime publish oci pushed")
    return registry.blob(layers[0]["digest"])
