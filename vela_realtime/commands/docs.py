"""``vela-realtime docs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vela_realtime.commands.common import catalog_of, count, library_option, no_cache_option, progress

if TYPE_CHECKING:
    from vela_realtime.library import Library

EPILOG = """\b
Examples:
  vela-realtime docs --output site/
  python -m http.server --directory site/
"""


@click.command(epilog=EPILOG)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the site."
)
@click.option("--pictures/--no-pictures", default=True, show_default=True, help="Draw what each example creates.")
@library_option
@no_cache_option
def command(output: Path, pictures: bool, root: Path | None, no_cache: bool) -> None:
    """Build the documentation as a site, with search and a picture of each example.

    It needs no program to run it: any web server, or GitHub Pages, can serve the folder. Pictures need Graphviz and
    vela.
    """
    from vela_realtime import library
    from vela_realtime.docs import site

    source = library.find(root)
    number = site.build(source, output, _pictures(source, use_cache=not no_cache) if pictures else {})
    click.echo(f"wrote {output}: {count(number, 'page')}")


def _pictures(source: Library, *, use_cache: bool) -> dict[str, tuple[str, str]]:
    from vela_realtime.check.load import load
    from vela_realtime.errors import SourceError
    from vela_realtime.graph import dot, page
    from vela_realtime.graph.model import graph
    from vela_realtime.kubevela import dryrun

    examples = sorted(source.examples.glob("*.yaml"))
    catalog = catalog_of(source.root, ())
    drawn = {}
    with progress("drawing") as start:
        done = start(len(examples))
        for example in examples:
            loaded = load([str(example)])
            outcomes = dryrun.render_all(
                loaded.applications,
                catalog,
                beside=loaded.beside,
                companions=loaded.companions,
                use_cache=use_cache,
            )
            findings = [*loaded.findings, *(finding for outcome in outcomes for finding in outcome.findings)]
            if findings:
                raise SourceError(findings)
            picture = graph(example.stem, [item for outcome in outcomes for item in outcome.objects])
            drawn[example.stem] = (dot.svg(picture), page.page(picture))
            done()
    return drawn
