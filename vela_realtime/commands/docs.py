"""``vela-realtime docs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vela_realtime.commands.common import catalog_of, count, library_option, no_cache_option, progress, render_all

if TYPE_CHECKING:
    from vela_realtime.library import Library

EPILOG = """\b
Examples:
  vela-realtime docs --output site/
  vela-realtime docs --output site/ --url https://platform.example.com/
  python -m http.server --directory site/
"""


@click.command(epilog=EPILOG)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the site."
)
@click.option("--pictures/--no-pictures", default=True, show_default=True, help="Draw what each example creates.")
@click.option("--url", default="", help="Address that the site will have: it names the JSON Schemas on it.")
@library_option
@no_cache_option
def command(output: Path, pictures: bool, url: str, root: Path | None, no_cache: bool) -> None:
    """Build the documentation as a site, with search and a picture of each example.

    It needs no program to run it: any web server, or GitHub Pages, can serve the folder. Pictures need Graphviz and
    vela.
    """
    from vela_realtime import library
    from vela_realtime.docs import site
    from vela_realtime.errors import InputError

    source = library.find(root)
    if url and not url.startswith(("https://", "http://")):
        raise InputError(f"--url {url} is no address", "it begins with https://")
    number = site.build(source, output, _pictures(source, use_cache=not no_cache) if pictures else {}, url)
    click.echo(f"wrote {output}: {count(number, 'page')}")


def _pictures(source: Library, *, use_cache: bool) -> dict[str, tuple[str, str]]:
    from vela_realtime import process
    from vela_realtime.check.load import load
    from vela_realtime.errors import SourceError
    from vela_realtime.graph import dot, page
    from vela_realtime.graph.model import graph

    examples = sorted(source.examples.glob("*.yaml"))
    loaded = load([str(path) for path in examples])
    outcomes = render_all(loaded, catalog_of(source.root, ()), use_cache=use_cache)
    findings = [*loaded.findings, *(finding for outcome in outcomes for finding in outcome.findings)]
    if findings:
        raise SourceError(findings)

    def draw(example: Path) -> tuple[str, tuple[str, str]]:
        of = [outcome for outcome in outcomes if Path(outcome.document.file).resolve() == example.resolve()]
        rendered = [item for outcome in of for item in outcome.objects]
        picture = graph(example.stem, rendered, [finding.message for outcome in of for finding in outcome.left])
        return example.stem, (dot.svg(picture), page.page(picture))

    with progress("drawing") as start:
        return dict(process.in_parallel(draw, examples, done=start(len(examples))))
