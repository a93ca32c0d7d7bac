"""Talking to a cluster through ``kubectl``, with the context that its user has chosen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vela_realtime import process
from vela_realtime.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT = "20s"
"""How long one request may take."""


def run(arguments: Sequence[str], *, stdin: str | None = None, ok: Sequence[int] = (0,)) -> process.Completed:
    """Run ``kubectl``; any exit code that is not among ``ok`` is an error.

    Raises:
        ToolError: there is no ``kubectl``, or the cluster does not answer or refuses.
    """
    done = process.run(["kubectl", *arguments, f"--request-timeout={TIMEOUT}"], stdin=stdin)
    if done.returncode not in ok:
        # Its last line says what is wrong; those before it are its log.
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1].strip()
        raise ToolError(f"kubectl {arguments[0]} failed: {said}", "look at kubectl config current-context")
    return done


def get(resources: str, namespace: str, *arguments: str) -> dict[str, Any]:
    """Return the list of some kinds of objects in a namespace, as the API server has them.

    Raises:
        ToolError: there is no ``kubectl``, or the cluster does not answer.
    """
    done = run(["get", resources, "--namespace", namespace, "--output", "json", *arguments])
    try:
        data: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise ToolError(f"kubectl get {resources} answered something that is no JSON") from error
    return data
