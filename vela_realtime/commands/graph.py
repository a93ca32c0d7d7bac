"""``vela-realtime graph``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vela_realtime.commands.common import (
    catalog_of,
    definitions_option,
    finish,
    kubevela_version_option,
    library_option,
    no_cache_option,
    optional_option,
    render_all,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from vela_realtime.graph.model import Graph

EPILOG = """\b
Examples:
  vela-realtime graph app.yaml --output platform.svg
  vela-realtime graph app.yaml --output platform.html   # zoom, and the YAML of each thing
  vela-realtime graph app.yaml                          # Mermaid, for a Markdown file
  vela-realtime graph app.yaml --output platform.md     # tables: who may reach what, who may do what
"""

SUFFIXES = (".svg", ".html", ".md", ".mmd", ".dot")


@click.command("graph", epilog=EPILOG)
@click.argument("apps", nargs=-1, required=True, metavar="APP...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: .svg, .html, .md (tables), .mmd (Mermaid) or .dot (Graphviz). Default: Mermaid to standard "
    "output.",
)
@definitions_option
@kubevela_version_option
@optional_option
@click.option("-n", "--namespace", default="", help="Namespace to render for, instead of the Application's own.")
@library_option
@no_cache_option
@click.pass_context
def command(
    context: click.Context,
    apps: tuple[str, ...],
    output: Path | None,
    folders: tuple[Path, ...],
    kubevela_version: str,
    optional: tuple[str, ...],
    namespace: str,
    root: Path | None,
    no_cache: bool,
) -> None:
    """Draw what Applications create, and who may talk to whom.

    APP is a file, a folder, or - for standard input. The picture comes from the rendered objects: what runs, its
    volumes and ports, every connection that the network policies allow, and what can be reached from outside. The
    tables also tell which policies select which pods, and what each ServiceAccount may do with the Kubernetes API.
    .svg and .html need Graphviz.
    """
    from vela_realtime import files
    from vela_realtime.check.load import load
    from vela_realtime.graph.model import graph

    if output is not None and output.suffix not in SUFFIXES:
        raise click.BadParameter(f"{output} ends with none of {', '.join(SUFFIXES)}", context, param_hint="--output")
    loaded = load(apps)
    catalog = catalog_of(root, folders, kubevela_version, optional)
    outcomes = render_all(loaded, catalog, namespace=namespace, kubevela=kubevela_version, use_cache=not no_cache)
    findings = [*loaded.findings, *(finding for outcome in outcomes for finding in outcome.findings)]
    rendered = [item for outcome in outcomes for item in outcome.objects]
    left = [finding for outcome in outcomes for finding in outcome.left]
    if findings or not rendered:
        finish(context, [*findings, *left], "text", "" if findings else "nothing to draw: no objects are rendered")
    drawn = graph(
        ", ".join(outcome.document.name for outcome in outcomes), rendered, [finding.message for finding in left]
    )
    text = _writer(output)(drawn)
    if output is None:
        click.echo(text, nl=False)
        return
    files.write_text(output, text)
    click.echo(f"wrote {output}: {len(drawn.nodes)} things, {len(drawn.edges)} connections")


def _writer(output: Path | None) -> Callable[[Graph], str]:
    from vela_realtime.graph import dot, mermaid, page, tables

    writers = {".svg": dot.svg, ".html": page.page, ".dot": dot.dot, ".md": tables.tables}
    return writers.get(output.suffix, mermaid.mermaid) if output is not None else mermaid.mermaid
