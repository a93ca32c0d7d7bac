"""``vela-realtime dry-run``."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vela_realtime.commands.common import (
    catalog_of,
    count,
    definitions_option,
    format_option,
    kubevela_version_option,
    library_option,
    no_cache_option,
    optional_option,
    render_all,
    show,
    use_color,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vela_realtime.check.load import Loaded
    from vela_realtime.documents.application import Document
    from vela_realtime.kubernetes.requests import Requests
    from vela_realtime.kubevela.catalog import Catalog
    from vela_realtime.kubevela.dryrun import Outcome

EPILOG = """\b
Examples:
  vela-realtime dry-run app.yaml
  vela-realtime dry-run examples/ -o rendered
  vela-realtime dry-run app.yaml -o - | kubectl apply --dry-run=server -f -
  helm template chart/ | vela-realtime dry-run -
  vela-realtime dry-run app.yaml --from-cluster --namespace shop
"""


@click.command("dry-run", epilog=EPILOG)
@click.argument("apps", nargs=-1, metavar="[APP]...")
@click.option(
    "-o",
    "--output",
    help="Write the objects: to a file, to a folder (one file an Application; made where several go into a name without"
    " .yaml), or to standard output with -.",
)
@definitions_option
@click.option("--from-cluster", is_flag=True, help="Take the definitions from kubectl's current context first.")
@kubevela_version_option
@optional_option
@click.option("-n", "--namespace", default="", help="Namespace to render for, instead of the Application's own.")
@library_option
@no_cache_option
@format_option
@click.pass_context
def command(
    context: click.Context,
    apps: tuple[str, ...],
    output: str | None,
    folders: tuple[Path, ...],
    from_cluster: bool,
    kubevela_version: str,
    optional: tuple[str, ...],
    namespace: str,
    root: Path | None,
    no_cache: bool,
    form: str,
) -> None:
    """Render Applications to Kubernetes objects by the real vela, without a cluster.

    APP is a file, a folder, or - for standard input (the default where that is no terminal); YAML or JSON, with one
    Application or many. Definitions come from the library, then from KubeVela's own.
    """
    from vela_realtime.check.load import load
    from vela_realtime.findings import has_errors

    if not apps:
        if sys.stdin.isatty():
            raise click.UsageError("name a file or a folder, or - for standard input", context)
        apps = ("-",)
    loaded = load(apps)
    catalog = catalog_of(
        root, folders, kubevela_version, optional, cluster=(namespace or "default") if from_cluster else ""
    )
    outcomes = render_all(loaded, catalog, namespace=namespace, kubevela=kubevela_version, use_cache=not no_cache)
    outcomes = [_in_plain_words(item, loaded, catalog, root, use_cache=not no_cache) for item in outcomes]
    findings = [
        *loaded.findings,
        *(finding for outcome in outcomes for finding in (*outcome.findings, *outcome.left)),
    ]
    to_stdout = output == "-"
    if form == "json" and not to_stdout:
        click.echo(json.dumps(_as_json(outcomes, loaded.findings), indent=2, ensure_ascii=False))
    else:
        show(findings, form, err=to_stdout)
    if output is not None:
        _write(outcomes, output)
    if form == "text" and not to_stdout:
        _summary(outcomes)
    context.exit(1 if has_errors(findings) else 0)


def _in_plain_words(
    outcome: Outcome, loaded: Loaded, catalog: Catalog, root: Path | None, *, use_cache: bool
) -> Outcome:
    """Return an outcome of which is said what ``check`` says of it, rather than what CUE does."""
    if outcome.ok:
        return outcome
    from vela_realtime import library
    from vela_realtime.check import external, render
    from vela_realtime.schema.store import Store

    document = outcome.document
    schemas = Store(library.find(root).definitions, builtins=catalog.builtins, use_cache=use_cache)
    near = loaded.beside[document.file]
    return replace(outcome, findings=tuple(render.told(outcome, catalog, schemas, near, external.declared(document))))


def _write(outcomes: Sequence[Outcome], output: str) -> None:
    from vela_realtime import files
    from vela_realtime.documents import dump
    from vela_realtime.documents.application import SUFFIXES
    from vela_realtime.errors import InputError

    if output == "-":
        click.echo(dump.dump_all([item.object for outcome in outcomes for item in outcome.objects]), nl=False)
        return
    path = Path(output)
    # Several Applications go into a folder, unless the name is one of a file.
    several = len(outcomes) > 1 and not path.exists() and path.suffix not in SUFFIXES
    if not (output.endswith("/") or path.is_dir() or several):
        objects = [item.object for outcome in outcomes for item in outcome.objects]
        files.write_text(path, dump.dump_all(objects))
        return
    written: dict[Path, Document] = {}
    for outcome in outcomes:
        if not outcome.ok:
            continue
        name, file = outcome.document.name, outcome.document.file
        target = path / (re.sub(r"[^A-Za-z0-9._-]", "_", name) + ".yaml")
        if target in written:
            raise InputError(
                f"{file} and {written[target].file} both have an Application {name}",
                "write them to two folders",
            )
        written[target] = outcome.document
        files.write_text(target, dump.dump_all([item.object for item in outcome.objects]))


def _as_json(outcomes: Sequence[Outcome], faults: Sequence[object]) -> dict[str, object]:
    return {
        "applications": [
            {
                "file": outcome.document.file,
                "name": outcome.document.name,
                "objects": len(outcome.objects),
                "requests": asdict(_requests(outcome)),
                "seconds": round(outcome.seconds, 3),
                "findings": [finding.to_dict() for finding in (*outcome.findings, *outcome.left)],
            }
            for outcome in outcomes
        ],
        "findings": [finding.to_dict() for finding in faults],  # type: ignore[attr-defined]
    }


def _requests(outcome: Outcome) -> Requests:
    from vela_realtime.kubernetes import requests

    return requests.total([item.object for item in outcome.objects])


def _summary(outcomes: Sequence[Outcome]) -> None:
    rows = [
        (
            outcome.document.name,
            outcome.document.file,
            str(len(outcome.objects)) if outcome.ok else "-",
            str(_requests(outcome)),
            f"{outcome.seconds * 1000:.0f} ms",
            "ok" if outcome.ok else count(len(outcome.findings), "problem"),
        )
        for outcome in outcomes
    ]
    if use_color():
        _table(rows)
        return
    for name, file, objects, requests, duration, verdict in rows:
        number = f"{objects} {'object' if objects == '1' else 'objects'}"
        click.echo("  ".join(part for part in (name, file, number, requests, duration, verdict) if part))


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False)
    titles = (
        ("application", False),
        ("file", False),
        ("objects", True),
        ("requests", False),
        ("time", True),
        ("", False),
    )
    for title, right in titles:
        table.add_column(title, justify="right" if right else "left")
    for row in rows:
        style = "green" if row[-1] == "ok" else "red"
        table.add_row(*(Text(cell) for cell in row[:-1]), Text(row[-1], style=style))
    Console().print(table)
