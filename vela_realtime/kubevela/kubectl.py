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


HINT = "look at kubectl config current-context"
"""What to do when the cluster does not answer."""


def run(
    arguments: Sequence[str],
    *,
    stdin: str | None = None,
    ok: Sequence[int] = (0,),
    failing: str | None = None,
    hint: str = HINT,
) -> process.Completed:
    """Run ``kubectl``; any exit code that is not among ``ok`` is an error.

    ``failing`` is how the message of that error starts, in place of the name of kubectl's subcommand.

    Raises:
        ToolError: there is no ``kubectl``, or the cluster does not answer or refuses.
    """
    done = process.run(["kubectl", *arguments, f"--request-timeout={TIMEOUT}"], stdin=stdin)
    if done.returncode not in ok:
        raise failed(done, failing or f"kubectl {arguments[0]} failed", hint)
    return done


def failed(done: process.Completed, failing: str, hint: str = HINT) -> ToolError:
    """Return what a run that failed is told as: its last line says what is wrong; those before it are its log."""
    said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1].strip()
    return ToolError(f"{failing}: {said}", hint)


def get(resources: str, namespace: str, *arguments: str, hint: str = HINT) -> dict[str, Any]:
    """Return the list of some kinds of definitions in a namespace, as the API server has them.

    Raises:
        ToolError: there is no ``kubectl``, or the cluster does not answer.
    """
    failing = f"kubectl cannot read the definitions in {namespace}"
    done = run(["get", resources, "--namespace", namespace, "--output", "json", *arguments], failing=failing, hint=hint)
    try:
        data: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise ToolError(f"kubectl get {resources} answered something that is no JSON") from error
    return data
