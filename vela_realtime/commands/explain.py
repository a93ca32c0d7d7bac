"""``vela-realtime explain``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from vela_realtime.explain.text import Explanation

EPILOG = """\b
Examples:
  vela-realtime explain my-realtime-app --namespace default
  vela status my-realtime-app | vela-realtime explain -
  kubectl logs job/JOB | vela-realtime explain -
  vela-realtime explain "kafka 2/3, connect 0/1, topics running"
"""


@click.command(epilog=EPILOG)
@click.argument("app")
@click.option("-n", "--namespace", default="default", show_default=True, help="The Application's namespace.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Where the cluster is. Default: kubectl's current context.",
)
@click.pass_context
def command(context: click.Context, app: str, namespace: str, kubeconfig: Path | None) -> None:
    """Say in words what an Application lacks, why, and what to look at next, in all clusters that it is in.

    APP is the name of one on the cluster, or a status line in quotes. With - it is read from standard input: a status
    line, events, a Job's log.
    Ends with 1 where something is missing. docs/status.md has all that can be said.
    """
    from vela_realtime.explain import cluster, text

    if app == "-" or " " in app:  # no name has a blank
        given = sys.stdin.read() if app == "-" else app
        found = text.explain(given)
        nothing = "nothing is missing, or nothing of it is known" if given.strip() else "nothing was given"
    else:
        options = [f"--kubeconfig={kubeconfig}"] if kubeconfig is not None else []
        phase, found = cluster.look(app, namespace, options)
        nothing = f"{app} is {phase or 'not looked at by KubeVela yet'}, and nothing that is known is missing"
    for item in found:
        _show(item)
    if not found:
        click.echo(nothing)
    context.exit(1 if found else 0)


def _show(item: Explanation) -> None:
    click.echo(item.said)
    if item.where:
        click.echo(f"  where: {item.where}")
    click.echo(f"  means: {item.means}")
    if item.why:
        click.echo(f"  why:   {item.why}")
    if item.command:
        click.echo(f"  next:  {item.command}")
    if item.page:
        click.echo(f"  more:  docs/{item.page}")
