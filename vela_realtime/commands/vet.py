"""``vela-realtime vet``."""

from __future__ import annotations

from pathlib import Path

import click

from vela_realtime.commands.common import count, finish, format_option, library_option, no_cache_option, progress

EPILOG = """\b
Examples:
  vela-realtime vet
  vela-realtime vet iot-broker
  vela-realtime vet --no-fixtures
  vela-realtime vet --format github
"""


@click.command(epilog=EPILOG)
@click.argument("names", nargs=-1, metavar="[DEFINITION]...")
@click.option("--fixtures/--no-fixtures", default=True, show_default=True, help="Render the fixtures too.")
@click.option(
    "--built",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with the built definitions. Default: definitions/ of the library.",
)
@library_option
@no_cache_option
@format_option
@click.pass_context
def command(
    context: click.Context,
    names: tuple[str, ...],
    fixtures: bool,
    built: Path | None,
    root: Path | None,
    no_cache: bool,
    form: str,
) -> None:
    """Find what is wrong in the library and the definitions.

    Looks at formatting, compiles every definition with a typed context, checks what only shows once a definition
    is bundled or its schema generated, renders the fixtures, compares what is built with its sources, and ends with
    vela's own check. Every finding names the source's line.
    """
    from vela_realtime import library
    from vela_realtime.library import vet

    with progress("checking") as start:
        result = vet.vet(
            library.find(root), names=names, fixtures=fixtures, built=built, use_cache=not no_cache, progress=start
        )
    problems = count(len(result.findings), "problem") if result.findings else "no problems"
    summary = f"{count(result.definitions, 'definition')}, {count(result.cases, 'fixture')}: {problems}"
    finish(context, result.findings, form, summary)
