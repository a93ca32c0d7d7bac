"""What commands share: options, and the way findings end a command."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from vela_realtime.findings import has_errors, report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vela_realtime.check.load import Loaded
    from vela_realtime.findings import Finding
    from vela_realtime.kubevela.catalog import Catalog
    from vela_realtime.kubevela.dryrun import Outcome

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(sorted(report.FORMATS)),
    default="text",
    show_default=True,
    help="How findings are written.",
)

definitions_option = click.option(
    "--definitions",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Folder or file with definitions that win over the library's. Can be given several times.",
)

library_option = click.option(
    "--library",
    "root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder with cue/ and definitions/. Default: the current one or one above, else the installed library.",
)

kubevela_version_option = click.option(
    "--kubevela-version",
    default="",
    metavar="VERSION",
    callback=lambda _context, _parameter, value: _kubevela_version(value),
    help="Version of KubeVela that Applications are for: 1.10 or 1.11. Default: the newest.",
)

optional_option = click.option(
    "--optional",
    multiple=True,
    metavar="NAME",
    help="Take the library's own in place of KubeVela's, as where it is installed: webservice.",
)

no_cache_option = click.option("--no-cache", is_flag=True, help="Do everything anew, and leave what is cached alone.")


def _kubevela_version(value: str) -> str:
    from vela_realtime.errors import ToolError
    from vela_realtime.kubevela import builtins

    try:
        return builtins.version(value) if value else ""
    except ToolError as error:
        raise click.BadParameter(f"{error.message}; {error.hint}") from error


def catalog_of(
    root: Path | None, folders: Sequence[Path], kubevela: str = "", optional: Sequence[str] = (), *, cluster: str = ""
) -> Catalog:
    """Return the definitions that a command works with: those that are named, the library's, KubeVela's own.

    ``cluster`` is a namespace of kubectl's current context whose definitions win too.
    """
    from vela_realtime import library, toolchain
    from vela_realtime.kubevela import catalog
    from vela_realtime.kubevela.builtins import Builtins

    first = [found for folder in folders for found in catalog.read_folder(folder)]
    if cluster:
        first += catalog.read_cluster(cluster)
    definitions = library.find(root).definitions
    known = sorted(path.stem for path in (definitions / "optional").glob("*.yaml"))
    if missing := [name for name in optional if name not in known]:
        message = f"there is no optional definition {', '.join(missing)}; there are {', '.join(known)}"
        raise click.BadParameter(message, param_hint="--optional")
    builtins = Builtins(kubevela)
    return catalog.Catalog(
        first, definitions, builtins, lambda: toolchain.kubevela_source(builtins.version), frozenset(optional)
    )


def render_all(
    loaded: Loaded,
    catalog: Catalog,
    *,
    namespace: str = "",
    kubevela: str = "",
    use_cache: bool = True,
    label: str = "rendering",
) -> list[Outcome]:
    """Render what was loaded, in parallel, and show how far it is: what it says that others bring may be missing.

    What cannot be rendered without a cluster is in each outcome's ``left``.
    """
    from vela_realtime.check import external
    from vela_realtime.kubevela import dryrun

    with progress(label) as start:
        return dryrun.render_all(
            loaded.applications,
            catalog,
            beside=loaded.beside,
            companions=loaded.companions,
            elsewhere=external.declared,
            namespace=namespace,
            version=kubevela or None,
            use_cache=use_cache,
            done=start(len(loaded.applications)),
        )


def use_color(stream: object = None) -> bool:
    """Tell whether a stream is a terminal that wants colours."""
    stream = stream or sys.stdout
    return not os.environ.get("NO_COLOR") and bool(getattr(stream, "isatty", lambda: False)())


def width_of(stream: object) -> int:
    """Return the columns of a terminal, 0 for anything else."""
    if not getattr(stream, "isatty", lambda: False)():
        return 0
    import shutil

    return shutil.get_terminal_size().columns


def show(findings: Sequence[Finding], form: str, *, err: bool = False) -> None:
    """Print findings in a format."""
    if form == "text":
        stream = sys.stderr if err else sys.stdout
        color = use_color(stream)
        text = report.text(findings, color=color, width=width_of(stream))
        click.echo(text, nl=False, err=err, color=color)
    else:
        click.echo(report.FORMATS[form](findings), nl=False, err=err)


def finish(context: click.Context, findings: Sequence[Finding], form: str, summary: str = "") -> NoReturn:
    """Print findings and, as text, a last line; end with 1 when any is an error, else with 0."""
    show(findings, form)
    if form == "text" and summary:
        click.echo(summary)
    context.exit(1 if has_errors(findings) else 0)


def count(number: int, noun: str) -> str:
    """Return ``1 file`` or ``3 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@contextmanager
def progress(label: str) -> Iterator[Callable[[int], Callable[[], None]]]:
    """Show on a terminal how far a command is; elsewhere nothing.

    What it gives takes the number of things to do, and returns the function to call after each.
    """
    if not use_color(sys.stderr):
        yield lambda _: lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as display:

        def start(total: int) -> Callable[[], None]:
            task = display.add_task(label, total=total)
            return lambda: display.advance(task)

        yield start
