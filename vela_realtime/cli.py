"""The command line: finds the command, runs it, and turns every error into a message and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import click
from click.shell_completion import shell_complete

from vela_realtime import __version__
from vela_realtime.errors import RealtimeError

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "vela-realtime"
COMPLETION = "_VELA_REALTIME_COMPLETE"

INTERRUPTED = 130
"""The exit code that shells expect after Ctrl-C."""

BROKEN_PIPE = 141
"""The exit code of a program whose reader went away."""

COMMANDS = {
    "build": "Bundle the CUE library into self-contained definitions.",
    "vet": "Find what is wrong in the library and the definitions.",
    "dry-run": "Render Applications to Kubernetes objects, without a cluster.",
    "check": "Find what is wrong with Applications, without a cluster.",
    "graph": "Draw what Applications create, and who may talk to whom.",
    "docs": "Build the documentation as a site.",
    "schema": "Write JSON Schemas for editors.",
    "diff": "Tell what changed between two versions of the definitions, and what can break.",
    "publish": "Publish the definitions: an archive, an addon, a registry, a cluster.",
    "new": "Begin a new definition.",
    "doctor": "Show which cue and vela are used, and what is missing.",
}
"""Every command with its line in the help. The module is imported when the command runs, so that --help is quick."""

EPILOG = """\b
Examples:
  vela-realtime doctor --install
  vela-realtime vet
  vela-realtime dry-run examples/

\b
Shell completion (zsh and fish alike):
  eval "$(_VELA_REALTIME_COMPLETE=bash_source vela-realtime)"
"""


class _LazyGroup(click.Group):
    """A group whose commands are modules of ``vela_realtime.commands``, each with a ``command`` in it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click gives it
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click gives it
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"vela_realtime.commands.{cmd_name.replace('-', '_')}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(args[0], self.list_commands(ctx), n=1)
            message = f"there is no command {args[0]}" + (f"; did you mean {close[0]}?" if close else "")
            raise click.UsageError(message, error.ctx) from error


@click.command(NAME, cls=_LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=NAME, message="%(prog)s %(version)s")
def cli() -> None:
    """Build and check the vela-realtime KubeVela definitions, and Applications that use them.

    Commands end with 0 when all is well, 1 when something was found, 2 when they could not do their work.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more on its way out, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = BROKEN_PIPE
    except OSError as error:
        # Standard output itself, on a full disk.
        code = _complain(f"cannot write the output: {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _run(arguments: Sequence[str]) -> int:
    # Not cli.main(): it hides a reader that went away behind exit code 1, which means that something was found.
    if instruction := os.environ.get(COMPLETION):
        return shell_complete(cli, {}, NAME, COMPLETION, instruction)
    try:
        with cli.make_context(NAME, list(arguments)) as context:
            cli.invoke(context)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _complain("interrupted", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except RealtimeError as error:
        return _complain(str(error), error.exit_code)
    return 0


def _complain(message: str, code: int = 2) -> int:
    click.echo(f"error: {message}", err=True)
    return code
