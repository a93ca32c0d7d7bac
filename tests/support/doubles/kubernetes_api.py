"""The part of a Kubernetes API server that serves the Secrets of one namespace.

Paths, status codes and messages are those of a real one: an unknown token 401, what the Role does not allow 403, a
missing Secret 404, a merge patch for another version than the current one 409, another kind of patch 415.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.doubles.http_double import Answer, Double, Request

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "token-of-the-job"  # noqa: S105
NAMESPACE = "plant"
USER = f"system:serviceaccount:{NAMESPACE}:credentials"


@dataclass
class KubernetesApi(Double):
    """An API server with Secrets."""

    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    allowed: set[str] | None = None
    """Names of the Secrets that the Role lets the Job get and patch; None: all."""
    history: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Every value that a key of a Secret ever had."""

    def add(self, name: str, data: dict[str, str] | None = None, annotations: dict[str, str] | None = None) -> None:
        """Create a Secret."""
        metadata: dict[str, Any] = {"name": name, "namespace": NAMESPACE, "resourceVersion": "1"}
        if annotations:
            metadata["annotations"] = annotations
        self.secrets[name] = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}
        if data is not None:
            self._set(name, {key: base64.b64encode(value.encode()).decode() for key, value in data.items()})

    def data(self, name: str) -> dict[str, str]:
        """Return what a Secret holds, in clear."""
        return {key: base64.b64decode(value).decode() for key, value in self.secrets[name].get("data", {}).items()}

    def annotations(self, name: str) -> dict[str, str]:
        """Return a Secret's annotations."""
        return dict(self.secrets[name]["metadata"].get("annotations", {}))

    def account(self, folder: Path) -> Path:
        """Write what Kubernetes mounts into a pod for its ServiceAccount."""
        folder.mkdir(exist_ok=True)
        (folder / "token").write_text(TOKEN)
        (folder / "ca.crt").write_text("")
        return folder

    def answer(self, request: Request) -> Answer:
        """Answer as the API server does."""
        root = f"/api/v1/namespaces/{NAMESPACE}/secrets/"
        name = request.path.removeprefix(root)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized", "Unauthorized")
        verb = {"GET": "get", "PATCH": "patch"}.get(request.method, request.method.lower())
        if name == request.path or (self.allowed is not None and name not in self.allowed):
            return _status(
                403,
                "Forbidden",
                f'secrets "{name}" is forbidden: User "{USER}" cannot {verb} resource "secrets" in API group "" in the '
                f'namespace "{NAMESPACE}"',
            )
        if name not in self.secrets:
            return _status(404, "NotFound", f'secrets "{name}" not found')
        if request.method == "GET":
            return Answer(200, self.secrets[name])
        if request.method != "PATCH" or request.headers.get("Content-Type") != "application/merge-patch+json":
            return _status(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        return self._patch(name, request.json())

    def _patch(self, name: str, patch: dict[str, Any]) -> Answer:
        metadata = self.secrets[name]["metadata"]
        version = patch.get("metadata", {}).pop("resourceVersion", metadata["resourceVersion"])
        if version != metadata["resourceVersion"]:
            return _status(
                409,
                "Conflict",
                f'Operation cannot be fulfilled on secrets "{name}": the object has been modified; please apply your '
                "changes to the latest version and try again",
            )
        metadata.setdefault("annotations", {}).update(patch.get("metadata", {}).get("annotations", {}))
        self._set(name, patch.get("data", {}))
        return Answer(200, self.secrets[name])

    def _set(self, name: str, data: dict[str, str | None]) -> None:
        """Set keys; null takes one out, as RFC 7396 says."""
        secret = self.secrets[name]
        for key, value in data.items():
            if value is None:
                secret.get("data", {}).pop(key, None)
                continue
            base64.b64decode(value, validate=True)
            self.history.setdefault((name, key), []).append(value)
            secret.setdefault("data", {})[key] = value
        secret["metadata"]["resourceVersion"] = str(int(secret["metadata"]["resourceVersion"]) + 1)


def _status(code: int, reason: str, message: str) -> Answer:
    return Answer(
        code,
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code},
    )
