"""``vela-realtime new``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vela_realtime.commands.common import library_option

if TYPE_CHECKING:
    from pathlib import Path

EPILOG = """\b
Examples:
  vela-realtime new application plant-streaming
  vela-realtime new application plant-streaming --from iot-sensors
  vela-realtime new component weather-station
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Begin something new."""


@command.command(epilog=EPILOG)
@click.argument("name")
@library_option
def component(name: str, root: Path | None) -> None:
    """Write a definition that runs an image, with its fixtures and an example.

    It passes vet as it is. Change its parameters in parameter.cue, and its parts in parts.cue.
    """
    from vela_realtime import library
    from vela_realtime.files import display
    from vela_realtime.library import scaffold

    for path in scaffold.component(library.find(root), name):
        click.echo(f"wrote {display(path)}")
    click.echo(f"next: vela-realtime build {name} && vela-realtime vet {name}")


@command.command(epilog=EPILOG)
@click.argument("name")
@click.option("--from", "example", default="simple-setup", show_default=True, help="The example to begin with.")
@library_option
def application(name: str, example: str, root: Path | None) -> None:
    """Write NAME.yaml: an example as an Application of your own, called NAME with all that it makes."""
    from vela_realtime import library
    from vela_realtime.files import display
    from vela_realtime.library import application as applications

    path = display(applications.create(library.find(root), name, example))
    click.echo(f"wrote {path}")
    click.echo(f"next: vela-realtime check {path} && vela-realtime dry-run {path}")
