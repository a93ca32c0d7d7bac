"""``vela-realtime build``."""

from __future__ import annotations

from pathlib import Path

import click

from vela_realtime.commands.common import count, finish, format_option, library_option, no_cache_option

EPILOG = """\b
Examples:
  vela-realtime build
  vela-realtime build iot-broker
  vela-realtime build --check
  vela-realtime build --site site.yaml --output out/
"""


@click.command(epilog=EPILOG)
@click.argument("names", nargs=-1, metavar="[DEFINITION]...")
@library_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the definitions. Default: definitions/ of the library.",
)
@click.option(
    "--site",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="YAML file with your organisation's settings (docs/site.md lists them); they become part of the definitions.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; fail when what is there is not what a build would write, and say what changed since the last "
    "release without a new version.",
)
@no_cache_option
@format_option
@click.pass_context
def command(
    context: click.Context,
    names: tuple[str, ...],
    root: Path | None,
    output: Path | None,
    site: Path | None,
    check: bool,
    no_cache: bool,
    form: str,
) -> None:
    """Bundle the CUE library into self-contained definitions.

    Each folder below cue/ becomes NAME.cue, for `vela def apply`, and NAME.yaml, for `kubectl apply` and GitOps.
    Its JSON Schema goes to schemas/, and in a checkout its page to docs/reference/.
    A file that would not change is not touched.
    """
    from vela_realtime import library
    from vela_realtime.library import unchanged

    found = library.find(root)
    plain = not (names or output or site or check or no_cache or found.packaged)
    before = unchanged.state(found) if plain else {}
    if plain and (summary := unchanged.summary(before)) is not None:
        finish(context, [], form, summary)

    from vela_realtime.errors import SourceError
    from vela_realtime.files import display
    from vela_realtime.library import build

    try:
        result = build.build(found, names=names, output=output, site=site, check=check, use_cache=not no_cache)
    except SourceError as error:
        finish(context, error.findings, form)
    if form == "text":
        for path in result.changed:
            click.echo(f"wrote {display(path)}")
        for path in result.removed:
            click.echo(f"removed {display(path)}")
    definitions = [item for item in result.outputs if item.size]
    size = sum(item.size for item in definitions)
    summary = f"{count(len(definitions), 'definition')}, {size / 1000:.0f} kB"
    if definitions:
        largest = max(definitions, key=lambda item: item.size)
        left = (build.SIZE_LIMIT - largest.size) / 1000
        summary += f", {left:.0f} kB left in the largest, {largest.path.stem}"
    settled = f"{summary}, up to date"
    if plain and not result.findings:
        unchanged.remember(found, before, [*result.changed, *result.removed], settled)
    if not result.findings and not result.changed:
        summary = settled
    finish(context, result.findings, form, summary)
