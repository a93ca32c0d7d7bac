"""``vela-realtime publish``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vela_realtime.commands.common import count, finish, library_option, no_cache_option, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from vela_realtime.publish.release import Release

EPILOG = """\b
Examples:
  vela-realtime publish tarball --output dist/
  vela-realtime publish addon --site site.yaml --output dist/
  vela-realtime publish oci oci://registry.example.com/team/realtime --since v1.0.0
  vela-realtime publish cluster --dry-run
"""

_output = click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("dist"),
    show_default=True,
    help="Folder for the files.",
)


def _common(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that all of them have."""
    for option in reversed(
        [
            click.option(
                "--site",
                type=click.Path(path_type=Path, dir_okay=False, exists=True),
                help="YAML file with your organisation's settings, which become part of the definitions.",
            ),
            click.option("--name", default="vela-realtime", show_default=True, help="What the set is called."),
            click.option(
                "--since", help="Compare with this version first, as `diff` does, and refuse a version that is too low."
            ),
            click.option("--overwrite", is_flag=True, help="Replace what was published under this version."),
            click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing."),
            library_option,
            no_cache_option,
        ]
    ):
        function = option(function)
    return function


@click.group(epilog=EPILOG)
def command() -> None:
    """Publish the definitions: as an archive, as a KubeVela addon, to an OCI registry, to a cluster.

    What was published stays as it is: the same version with another content is refused. Everything can be
    interrupted and run again, and does nothing where nothing is to be done.
    """


@command.command()
@_output
@_common
@click.pass_context
def tarball(context: click.Context, /, output: Path, overwrite: bool, dry_run: bool, **given: Any) -> None:
    """Write an archive with everything in it, and its checksum. It is the same, byte for byte, every time."""
    from vela_realtime.publish import archive

    _tell_files(archive.publish(_release(context, **given), output, overwrite=overwrite, dry_run=dry_run), dry_run)


@command.command()
@_output
@_common
@click.pass_context
def addon(context: click.Context, /, output: Path, overwrite: bool, dry_run: bool, **given: Any) -> None:
    """Write a KubeVela addon: a folder for `vela addon enable`, and the package that addon registries serve.

    The settings of the site file are the addon's parameters.
    """
    from vela_realtime import library
    from vela_realtime.publish import addon as addons

    item = _release(context, **given)
    _tell_files(
        addons.publish(item, library.find(given["root"]), output, overwrite=overwrite, dry_run=dry_run), dry_run
    )
    if not dry_run:
        click.echo(f"vela addon enable {output / item.name}")


@command.command()
@click.argument("reference")
@click.option("--source", default="", help="Address of the sources, for the artifact's annotations.")
@click.option("--sign", is_flag=True, help="Sign it by cosign, with the identity of who runs this.")
@click.option("--key", default="", help="Sign it by cosign with this key instead.")
@_common
@click.pass_context
def oci(
    context: click.Context,
    /,
    reference: str,
    source: str,
    sign: bool,
    key: str,
    overwrite: bool,
    dry_run: bool,
    **given: Any,
) -> None:
    """Push an artifact to oci://REGISTRY/NAME[:TAG], under its version where no tag is named.

    Its one layer is the archive of `publish tarball`, which Argo CD and Flux unpack; its bill of materials refers to
    it. Logins are those of docker, podman or oras.
    """
    from vela_realtime.publish import oci as registries

    item = _release(context, **given)
    pushed = registries.push(item, reference, overwrite=overwrite, dry_run=dry_run, source=source)
    what = ("would push" if dry_run else "pushed") if pushed.changed else "is there already:"
    click.echo(f"{what} {pushed.reference} as {pushed.tag}")
    if (sign or key) and not dry_run:
        registries.sign(pushed.reference, key)
        click.echo(f"signed {pushed.reference}")


@command.command()
@click.option("-n", "--namespace", default="vela-system", show_default=True, help="Namespace for the definitions.")
@click.option("--optional", multiple=True, help="An optional definition to install too. Can be given several times.")
@click.option("--take-over", is_flag=True, help="Take over definitions of the same names that others have installed.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait for KubeVela to take them in.")
@_common
@click.pass_context
def cluster(
    context: click.Context,
    /,
    namespace: str,
    optional: tuple[str, ...],
    take_over: bool,
    timeout: float,
    overwrite: bool,
    dry_run: bool,
    **given: Any,
) -> None:
    """Apply the definitions to the cluster of kubectl's current context, and wait until each is ready.

    Shows first what it creates, updates and removes. It removes what a former version of the set had, unless an
    Application uses it, and leaves alone what it did not install.
    """
    from vela_realtime.publish import cluster as clusters

    item = _release(context, **given)
    found = clusters.plan(item, namespace, optional=optional, take_over=take_over, overwrite=overwrite)
    clusters.apply(found, dry_run=dry_run, timeout=timeout, tell=click.echo)
    changed = len(found.steps) - len(found.chosen("keep"))
    click.echo(f"{item.name} {item.version}: {count(changed, 'change')}{', nothing done' if dry_run else ''}")


def _release(
    context: click.Context,
    *,
    site: Path | None,
    name: str,
    since: str | None,
    root: Path | None,
    no_cache: bool,
) -> Release:
    """Return what is to be published, compared with a former version where one is named."""
    from vela_realtime import library
    from vela_realtime.diff import report, run, sources
    from vela_realtime.errors import InputError, SourceError
    from vela_realtime.publish import release

    found = library.find(root)
    try:
        item = release.assemble(found, site=site, name=name)
    except SourceError as error:
        finish(context, error.findings, "text")
    if since:
        names = {key[1] for key in item.snapshot.definitions}
        before = sources.read(since, found, names=names)
        with progress("comparing") as start:
            result = run.compare(before, item.snapshot, found, use_cache=not no_cache, start=start)
        if result.too_small:
            click.echo(report.text(result), nl=False, err=True)
            raise InputError(f"version {item.version} is too low for what changed since {since}")
    return item


def _tell_files(changed: list[Path], dry_run: bool) -> None:
    from vela_realtime.files import display

    for path in changed:
        click.echo(f"{'would write' if dry_run else 'wrote'} {display(path)}")
    if not changed:
        click.echo("everything is there already")
