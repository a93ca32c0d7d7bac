"""The command behind ``scripts/cluster``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import get_args

import click

from tests.hermetic import lifecycle, programs, supervisor
from tests.hermetic.state import ClusterError, Folder, Role, State, named
from vela_realtime.errors import RealtimeError
from vela_realtime.toolchain import pins

name_option = click.option("--name", default="default", show_default=True, help="Which of several clusters.")
vela_option = click.option(
    "--vela",
    type=click.Choice(list(pins.VELA)),
    default=pins.DEFAULT_VELA,
    show_default=True,
    help="KubeVela's version.",
)
real_node_option = click.option("--real-node", is_flag=True, help="Also a node that really runs pods; needs root.")

role_option = click.option(
    "--role",
    type=click.Choice(get_args(Role)),
    default="alone",
    show_default=True,
    help="A hub has KubeVela's cluster gateway, a member that is joined to it no KubeVela.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """A real Kubernetes control plane with KubeVela on this machine, for tests and for trying things.

    \b
    scripts/cluster up
    export KUBECONFIG=$(scripts/cluster kubeconfig)
    kubectl get applications --all-namespaces
    scripts/cluster down

    \b
    Two that are one to KubeVela:
    scripts/cluster up --name hub --role hub
    scripts/cluster up --name production --role member
    export KUBECONFIG=$(scripts/cluster kubeconfig --name hub)
    vela cluster join $(scripts/cluster kubeconfig --name production) --name production
    """


@cli.command()
@click.option("--vela", "versions", type=click.Choice(list(pins.VELA)), multiple=True, help="Only this version.")
@real_node_option
def build(versions: tuple[str, ...], real_node: bool) -> None:
    """Build every program that is missing. It takes a quarter of an hour on two cores, once."""
    programs.ensure(versions or tuple(pins.VELA), real_node=real_node, progress=_progress)


@cli.command()
@name_option
@vela_option
@real_node_option
@role_option
def up(name: str, vela: str, real_node: bool, role: Role) -> None:
    """Start a cluster, building what is missing, and print its kubeconfig's path."""
    programs.ensure((vela,), real_node=real_node, hub=role == "hub", progress=_progress)
    folder = named(name)
    lifecycle.ensure(folder, vela, bound=False, real_node=real_node, role=role)
    click.echo(folder.kubeconfig)


@cli.command()
@name_option
def down(name: str) -> None:
    """End a cluster and remove everything of it, its logs too."""
    if not lifecycle.stop(named(name)):
        click.echo(f"no cluster {name} was running", err=True)


@cli.command()
def status() -> None:
    """List the clusters that ``up`` started."""
    for path in sorted(named("x").path.parent.iterdir()):
        state = Folder(path).read()
        if state is not None:
            phase = state.phase if state.alive else "ended"
            click.echo(f"{path.name}: {phase}, {state.description}, {path}")


@cli.command()
@name_option
def kubeconfig(name: str) -> None:
    """Print the path of a cluster's kubeconfig."""
    folder = named(name)
    state = folder.read()
    if state is None or not state.alive:
        raise ClusterError(f"no cluster {name} is running", "start one: scripts/cluster up")
    click.echo(folder.kubeconfig)


@cli.command()
@name_option
@click.argument("program", required=False)
def logs(name: str, program: str | None) -> None:
    """Print the log of a program; without one, list the logs."""
    folder = named(name)
    if program is None:
        for file in sorted(folder.logs.glob("*.log")):
            click.echo(f"{file.stem}: {file}")
    else:
        click.echo(folder.tail(program, lines=10_000))


@cli.command(hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
@vela_option
@click.option("--bound", is_flag=True)
@real_node_option
@role_option
def keep(folder: Path, vela: str, bound: bool, real_node: bool, role: Role) -> None:
    """Keep a cluster in a folder."""
    state = State(os.getpid(), vela, real_node=real_node, role=role)
    Folder(folder).write(state)
    keep_it = supervisor.supervise_real_node if real_node else supervisor.supervise
    keep_it(Folder(folder), state, bound=bound)


@cli.command(hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--cgroup", required=True)
def keep_inside(folder: Path, cgroup: str) -> None:
    """Keep a cluster in a folder, inside of the namespaces of its real node."""
    supervisor.inside(Folder(folder), cgroup)


def _progress(line: str) -> None:
    click.echo(line, err=True)


def main() -> None:
    """Run the command; problems become one message."""
    try:
        cli(prog_name="scripts/cluster")
    except RealtimeError as error:
        click.echo(f"scripts/cluster: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
