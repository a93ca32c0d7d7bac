"""Ports on this machine for servers under test."""

from __future__ import annotations

import random
import socket


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
