"""``vela-realtime doctor``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vela_realtime.toolchain.doctor import Check
    from vela_realtime.toolchain.stage import Progress

INTERRUPTED = 130
"""The exit code that shells expect after Ctrl-C."""

EPILOG = """\b
Examples:
  vela-realtime doctor
  vela-realtime doctor --install
  vela-realtime doctor --install --tools compat
  vela-realtime doctor --cluster
  vela-realtime doctor --format json
"""


@click.command(epilog=EPILOG)
@click.option("--install", is_flag=True, help="Build what is missing first: minutes the first time, then nothing.")
@click.option(
    "--tools",
    type=click.Choice(["default", "compat"]),
    default="default",
    show_default=True,
    help="compat adds the older cue and vela that the definitions are tried with too.",
)
@click.option(
    "--cluster",
    is_flag=True,
    help="Look at the KubeVela of kubectl's cluster too: its version, what it may use, and what it keeps.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the report.",
)
@click.pass_context
def command(context: click.Context, install: bool, tools: str, cluster: bool, form: str) -> None:
    """Show which cue and vela are used, whether they fit, and what is missing.

    With --cluster it says of the cluster's KubeVela whether it is one that the definitions are tried with, how many
    platforms its memory holds at once, and how much of etcd the stored revisions take.

    Exits with 0 when everything needed is there, 1 when something is missing, 2 when something is set up
    in a way that cannot work.
    """
    from vela_realtime.toolchain import doctor

    if install:
        _install(context, tools)
    checks = doctor.examine(tools, _library())
    if cluster:
        from vela_realtime.kubevela import controller

        checks += controller.examine()
    if form == "json":
        click.echo(json.dumps({"checks": [check.to_dict() for check in checks]}, indent=2))
    else:
        for line in _lines(checks):
            click.echo(line)
    context.exit(doctor.exit_code(checks))


def _library() -> Check:
    from vela_realtime import library
    from vela_realtime.errors import RealtimeError
    from vela_realtime.toolchain.doctor import Check, State

    try:
        found = library.find()
    except RealtimeError as error:
        return Check("library", State.ERROR, error.message, error.hint)
    kind = "the installed package's" if found.packaged else "a checkout"
    return Check("library", State.OK, f"{kind}: {found.root}", path=str(found.root))


def _install(context: click.Context, tools: str) -> None:
    from vela_realtime.toolchain import install

    try:
        if sys.stderr.isatty():
            _on_terminal(tools)
        else:
            install.ensure(tools, lambda message: click.echo(message, err=True))
    except KeyboardInterrupt:
        click.echo("interrupted: nothing half-built is left, and the next run goes on from here", err=True)
        context.exit(INTERRUPTED)


def _on_terminal(tools: str) -> None:
    from rich.console import Console
    from rich.progress import Progress as Display
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    from vela_realtime.toolchain import install

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Display(*columns, console=console, transient=True) as display:
        task = display.add_task("looking for what is missing", total=None)

        def show(message: str) -> None:
            console.print(message, markup=False, highlight=False)
            display.reset(task, description=message)

        progress: Progress = show
        install.ensure(tools, progress)


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    width = max(len(check.name) for check in checks)
    for check in checks:
        yield f"{check.state.value:<8}{check.name:<{width}}  {check.detail}"
        if check.hint:
            yield f"{'':<8}{'':<{width}}  hint: {check.hint}"
