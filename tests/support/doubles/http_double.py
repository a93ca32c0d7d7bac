"""A small HTTP server that answers as a product would, as far as the scripts can tell."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.support import contracts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def line(self) -> str:
        """The method and the path: ``GET /connectors``."""
        return f"{self.method} {self.path}"

    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What the server says: JSON, nothing, or bytes as they are."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _no_opinion(_: Request) -> Answer | None:
    return None


@dataclass
class Double:
    """A server on a free port. Subclasses say what it answers, one request at a time.

    One with a ``contract`` may take and answer nothing that the product does not promise there.
    """

    contract: ClassVar[str] = ""
    requests: list[Request] = field(default_factory=list)
    before: Callable[[Request], Answer | None] = _no_opinion
    """Looks at a request first; what it answers takes the place of what the server would."""
    host: str = "127.0.0.1"
    """Where it listens. For curl a page of 127.0.0.1 is as good as one of https; 127.0.0.2 is not."""

    def __post_init__(self) -> None:
        double = self
        self._lock = threading.Lock()
        self._misses: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                target = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(
                    self.command, target.path, parse_qs(target.query), dict(self.headers), self.rfile.read(length)
                )
                with double._lock:
                    double.requests.append(request)
                    answer = double.before(request) or double._promised(request)
                text = b"" if answer.body is None else answer.body
                if not isinstance(text, bytes):
                    text = json.dumps(text).encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer((self.host, 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def answer(self, request: Request) -> Answer:
        """Return what the product would answer."""
        raise NotImplementedError

    def _promised(self, request: Request) -> Answer:
        answer = self.answer(request)
        if self.contract:
            self._misses += contracts.load(self.contract).misses(request, answer)
        return answer

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self._server.server_address[1]}"

    @property
    def lines(self) -> list[str]:
        """The requests so far: ``GET /connectors``."""
        return [request.line for request in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        assert not self._misses, f"tests/contracts/{self.contract}.yaml: " + "; ".join(sorted(set(self._misses)))
