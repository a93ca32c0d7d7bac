"""The few calls to the API server that kubectl would be too slow for."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.hermetic.state import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hermetic.control_plane import ControlPlane


class Api:
    """The API of a control plane, as its administrator."""

    def __init__(self, url: str, trusted: ssl.SSLContext, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._paths: dict[str, str] = {}
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
        )

    @staticmethod
    def of(plane: ControlPlane) -> Api:
        """Return the API of a control plane that this process has started."""
        return Api(plane.url, plane.keys.trusted(), plane.token)

    @staticmethod
    def at(kubeconfig: Path) -> Api | None:
        """Return the API that a kubeconfig of ours leads to; None for one of somebody else's."""
        try:
            config = json.loads(kubeconfig.read_text())
            cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
            authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
            return Api(cluster["server"], ssl.create_default_context(cadata=authority), user["token"])
        except (ValueError, LookupError, TypeError):
            return None

    def path(self, kind: str, namespace: str = "") -> str | None:
        """Return where objects of a kind are, which is named as for ``kubectl``; None when there is no such kind."""
        if kind not in self._paths:
            self._discover()
        if kind not in self._paths:
            return None
        group, _, plural = self._paths[kind].rpartition("/")
        return f"{group}/namespaces/{namespace}/{plural}" if namespace else self._paths[kind]

    def _discover(self) -> None:
        groups = [item["preferredVersion"]["groupVersion"] for item in self.get("/apis")["groups"]]
        for prefix in ("/api/v1", *(f"/apis/{group}" for group in groups)):
            for resource in self.get(prefix)["resources"]:
                if "/" not in resource["name"]:
                    for name in (resource["name"], resource["singularName"]):
                        self._paths.setdefault(name, f"{prefix}/{resource['name']}")

    def get(self, path: str) -> dict[str, Any]:
        """Return an object or a list."""
        return self._call("GET", path)

    def find(self, path: str) -> dict[str, Any]:
        """Return an object, or an empty one where there is none."""
        return self._call("GET", path, accepted=(404,))

    def merge(self, path: str, patch: dict[str, Any]) -> dict[str, Any]:
        """Change an object, if it is there."""
        return self._call("PATCH", path, patch, accepted=(404,))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object. One that is there already stays."""
        return self._call("POST", path, body, accepted=(409,))

    def delete(self, path: str) -> dict[str, Any]:
        """Delete an object, if it is there."""
        return self._call("DELETE", path, accepted=(404,))

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, accepted: tuple[int, ...] = ()
    ) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, self._headers, method=method)  # noqa: S310 - https
        if method == "PATCH":
            request.add_header("Content-Type", "application/merge-patch+json")
        try:
            with self._opener.open(request, timeout=60) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            if error.code in accepted:
                return {}
            raise ClusterError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        except OSError as error:
            raise ClusterError(f"{method} {path}: {error}") from error
