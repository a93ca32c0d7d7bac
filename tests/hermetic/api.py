"""The few calls to the API server that kubectl would be too slow for."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.hermetic.state import ClusterError

if TYPE_CHECKING:
    from tests.hermetic.control_plane import ControlPlane


class Api:
    """The API of a control plane, as its administrator."""

    def __init__(self, plane: ControlPlane) -> None:
        trusted = ssl.create_default_context(cafile=str(plane.keys.certificate))
        self._url = plane.url
        self._headers = {"Authorization": f"Bearer {plane.token}", "Content-Type": "application/json"}
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
        )

    def get(self, path: str) -> dict[str, Any]:
        """Return an object or a list."""
        return self._call("GET", path)

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
        try:
            with self._opener.open(request, timeout=10) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            if error.code in accepted:
                return {}
            raise ClusterError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        except OSError as error:
            raise ClusterError(f"{method} {path}: {error}") from error
