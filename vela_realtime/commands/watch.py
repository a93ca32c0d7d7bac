"""``vela-realtime watch``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vela_realtime.commands.common import count, library_option, no_cache_option, show

if TYPE_CHECKING:
    from pathlib import Path

    from vela_realtime.library.watch import Run

EPILOG = """\b
Examples:
  vela-realtime watch
  vela-realtime watch realtime-platform iot-broker
  vela-realtime watch iot-broker --fixtures
"""


@click.command(epilog=EPILOG)
@click.argument("names", nargs=-1, metavar="[DEFINITION]...")
@click.option(
    "--fixtures/--no-fixtures",
    default=False,
    show_default=True,
    help="Render all fixtures of what changed, and not only those of a file of fixtures that is saved.",
)
@library_option
@no_cache_option
def command(names: tuple[str, ...], fixtures: bool, root: Path | None, no_cache: bool) -> None:
    """Build and vet on save what an edit of the library can change, until Ctrl-C.

    Begins with all definitions, or those that are named. After that an edit of a part concerns the definitions that
    have the part, and no others; their files in definitions/ are written as by `vela-realtime build`.
    """
    from vela_realtime import library
    from vela_realtime.files import display
    from vela_realtime.library.watch import Watch

    found = library.find(root)
    watch = Watch(found, names, fixtures=fixtures, use_cache=not no_cache)
    schemas = False
    try:
        for edited in watch.saves():
            run = watch.run(edited)
            if not edited and run.failure is not None:
                raise run.failure
            _tell(run)
            schemas |= bool(edited) and any(path.suffix == ".json" for path in run.written)
            if not edited:
                click.echo(f"watching {display(found.cue)}; Ctrl-C ends it")
    except KeyboardInterrupt:
        click.echo()  # behind the terminal's own ^C
        if schemas:
            click.echo("run vela-realtime build: it brings definitions/schemas/application.json up to date too")


def _tell(run: Run) -> None:
    from vela_realtime.files import display

    show(run.findings, "text")
    if run.failure is not None:
        click.echo(f"error: {run.failure}")
    files = [display(path) for path in run.edited]
    head = f"{files[0]} and {len(files) - 1} more: " if len(files) > 1 else f"{files[0]}: " if files else ""
    if not files:
        head += count(len(run.names), "definition")
    elif run.names:
        head += ", ".join(run.names)
    else:
        head += "nothing to build"
    if run.written:
        head += f", {count(len(run.written), 'file')} written"
    found = count(len(run.findings), "problem") if run.findings else "no problems"
    click.echo(f"{head}: {'not done' if run.failure is not None else found} ({run.seconds:.1f} s)")
