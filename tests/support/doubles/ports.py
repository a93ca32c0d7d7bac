"""Ports on this machine for servers under test."""

from __future__ import annotations

import contextlib
import random
import socket
import urllib.error
import urllib.request


def free_port() -> int:
    """Return a port that nothing listens on.

    It lies below those that the kernel gives to outgoing connections, so that none is taken before it is used.
    """
    while True:
        port = random.randint(20000, 29999)  # noqa: S311 - no secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def listens(port: int) -> bool:
    """Tell whether somebody on this machine takes a connection."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def status(request: str | urllib.request.Request, timeout: float = 30) -> int:
    """Return the status of an HTTP request, 0 where nobody answers."""
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
