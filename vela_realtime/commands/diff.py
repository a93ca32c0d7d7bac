"""``vela-realtime diff``."""

from __future__ import annotations

from pathlib import Path

import click

from vela_realtime.commands.common import finish, library_option, no_cache_option, progress

EPILOG = """\b
Examples:
  vela-realtime diff v1.0.0
  vela-realtime diff v1.0.0 v1.1.0 --format markdown
  vela-realtime diff oci://registry.example.com/team/realtime:1.0.0
  vela-realtime diff cluster --site site.yaml

\b
OLD and NEW are one of:
  a commit, a tag or a branch of the library's repository
  a folder with a library, or with definitions alone
  an archive that `vela-realtime publish tarball` made
  oci://REGISTRY/NAME:TAG, which `vela-realtime publish oci` pushed
  cluster, for the definitions that kubectl's current context has
"""


@click.command(epilog=EPILOG)
@click.argument("old")
@click.argument("new", required=False)
@click.option(
    "--site",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Site file that the working tree is built with, where that is NEW.",
)
@click.option(
    "--no-render", is_flag=True, help="Compare parameters only: what examples and fixtures render takes minutes."
)
@click.option(
    "--any-version", is_flag=True, help="Do not ask for a version that is high enough: end with 0 all the same."
)
@click.option(
    "-n", "--namespace", default="vela-system", show_default=True, help="Where a cluster has the definitions."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "markdown"]),
    default="text",
    show_default=True,
    help="How the changes are written.",
)
@library_option
@no_cache_option
@click.pass_context
def command(
    context: click.Context,
    old: str,
    new: str | None,
    site: Path | None,
    no_render: bool,
    any_version: bool,
    namespace: str,
    form: str,
    root: Path | None,
    no_cache: bool,
) -> None:
    """Compare two versions of the definitions: what can break, and the version that it asks for.

    NEW is what a build of the working tree makes, unless another one is named. Parameters are compared, and the objects
    that all examples and fixtures of both versions render. Ends with 1 when NEW has a version that is too low for what
    changed.
    """
    from vela_realtime import library
    from vela_realtime.diff import report, run, sources
    from vela_realtime.errors import InputError, SourceError

    if site is not None and new is not None:
        raise InputError("--site belongs to the working tree, which is not compared", f"leave out {new}")
    found = library.find(root)
    try:
        after = sources.read(new, found, namespace=namespace) if new else sources.working_tree(found, site)
    except SourceError as error:
        finish(context, error.findings, "text" if form == "markdown" else form)
    names = {name for _, name in after.definitions}
    before = sources.read(old, found, namespace=namespace, names=names)
    with progress("rendering") as start:
        result = run.compare(before, after, found, render=not no_render, use_cache=not no_cache, start=start)
    click.echo(report.FORMATS[form](result), nl=False)
    context.exit(1 if result.too_small and not any_version else 0)
