"""``vela-realtime schema``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vela_realtime.commands.common import definitions_option, library_option, no_cache_option

if TYPE_CHECKING:
    from vela_realtime.kubevela.catalog import Found

EPILOG = """\b
Examples:
  vela-realtime schema > application.json
  vela-realtime schema iot-broker
  vela-realtime schema --all -o schemas/
  vela-realtime schema --definitions ours/ -o application.json

\b
In an Application, for editors with the YAML language server:
  # yaml-language-server: $schema=application.json
"""


@click.command(epilog=EPILOG)
@click.argument("names", nargs=-1, metavar="[DEFINITION]...")
@click.option("--all", "everything", is_flag=True, help="Write the schema of every definition, and of Applications.")
@definitions_option
@click.option("--builtins/--no-builtins", default=True, help="KubeVela's own definitions too. Default: yes.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; with several schemas, a folder.")
@library_option
@no_cache_option
def command(
    names: tuple[str, ...],
    everything: bool,
    folders: tuple[Path, ...],
    builtins: bool,
    output: Path | None,
    root: Path | None,
    no_cache: bool,
) -> None:
    """Write JSON Schemas for editors.

    Without a name: the schema of whole Applications, where properties depend on the type. With names: those of
    definitions' parameters.
    """
    from vela_realtime import schema
    from vela_realtime.errors import InputError

    schemas = _schemas(root, folders, builtins or bool(names), not no_cache)
    if everything:
        chosen = {found.name: made for found, made in schemas if builtins or found.source != "KubeVela"}
    else:
        chosen = {found.name: made for found, made in schemas if found.name in names}
    if missing := [name for name in names if name not in chosen]:
        from vela_realtime.findings.suggest import did_you_mean

        known = sorted({found.name for found, _ in schemas})
        hint = did_you_mean(missing, known, f"there are schemas of {', '.join(known)}")
        raise InputError(f"there is no schema of {', '.join(missing)}", hint)
    if everything or not names:
        from vela_realtime.schema import application

        wanted = {(found.type, found.name): made for found, made in schemas if builtins or found.source != "KubeVela"}
        chosen[schema.APPLICATION] = application.of_application(wanted)
    _write({name: schema.write(made) for name, made in chosen.items()}, output)


def _schemas(
    root: Path | None, folders: tuple[Path, ...], builtins: bool, use_cache: bool
) -> list[tuple[Found, dict[str, Any]]]:
    """Return every definition that has a schema; of one name, the one that an Application would get."""
    from vela_realtime import library, process, toolchain
    from vela_realtime.kubevela import catalog
    from vela_realtime.kubevela.builtins import Builtins
    from vela_realtime.schema.store import Store

    definitions = library.find(root).definitions
    first = [found for folder in folders for found in catalog.read_folder(folder)]
    # Those that are optional take the place of KubeVela's own only where they are asked for; all have a schema.
    optional = frozenset(path.stem for path in (definitions / "optional").glob("*.yaml"))
    known = catalog.Catalog(first, definitions, Builtins() if builtins else None, toolchain.kubevela_source, optional)
    store = Store(definitions, use_cache=use_cache)
    found = [
        item
        for kind in catalog.KINDS.values()
        for name in known.names(kind)
        if (item := known.find(kind, name)) is not None
    ]
    made = process.in_parallel(store.of, found)
    return [(item, schema) for item, schema in zip(found, made, strict=True) if schema is not None]


def _write(texts: dict[str, str], output: Path | None) -> None:
    from vela_realtime.errors import InputError
    from vela_realtime.files import display, write_text

    if output is None:
        if len(texts) > 1:
            raise InputError("several schemas need a folder", "name one with --output")
        click.echo(next(iter(texts.values())), nl=False)
        return
    if len(texts) == 1 and not output.is_dir():
        write_text(output, next(iter(texts.values())))
        click.echo(f"wrote {display(output)}")
        return
    for name, text in texts.items():
        path = output / f"{name}.json"
        write_text(path, text)
        click.echo(f"wrote {display(path)}")
