"""The command line: finds the command, runs it, and turns every error into a message and an exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import click
from click.shell_completion import shell_complete

from vela_realtime import __version__
from vela_realtime.errors import RealtimeError, Terminated

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "vela-realtime"
COMPLETION = "_VELA_REALTIME_COMPLETE"

INTERRUPTED = 130
"""The exit code that shells expect after Ctrl-C."""

TERMINATED = 143
"""The exit code that shells expect after SIGTERM."""

BROKEN_PIPE = 141
"""The exit code of a program whose reader went away."""

COMMANDS = {
    "build": "Bundle the CUE library into self-contained definitions.",
    "vet": "Find what is wrong in the library and the definitions.",
    "watch": "Build and vet on save what an edit of the library can change.",
    "dry-run": "Render Applications to Kubernetes objects, without a cluster.",
    "check": "Find what is wrong with Applications, without a cluster.",
    "graph": "Draw what Applications create, and who may talk to whom.",
    "explain": "Say in words what an Application lacks on a cluster, why, and what to do next.",
    "docs": "Build the documentation as a site.",
    "schema": "Write JSON Schemas for editors.",
    "diff": "Tell what changed between two versions of the definitions, and what can break.",
    "publish": "Publish the definitions: an archive, an addon, a registry, a cluster.",
    "new": "Begin a new Application or definition.",
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


# Stand for the commands where only their names are asked for, as in "did you mean".
_NAMES = {name: click.Command(name, short_help=line) for name, line in COMMANDS.items()}


@click.command(
    NAME, cls=_LazyGroup, commands=_NAMES, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name=NAME, message="%(prog)s %(version)s")
def cli() -> None:
    """Build and check the vela-realtime KubeVela definitions, and Applications that use them.

    Commands end with 0 when all is well, 1 when something was found, 2 when they could not do their work.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    _end_with_children()
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
    except Terminated:
        return _complain("told to end", TERMINATED)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _complain("interrupted", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except RealtimeError as error:
        return _complain(str(error), error.exit_code)
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:
            raise  # of standard output: main() says so
        return _complain(_unexpected(error, arguments))
    return 0


def _end_with_children() -> None:
    """From now on, turn what tells this process to end into ``Terminated``, so that nothing goes on without it."""

    def end(number: int, frame: object) -> None:
        del frame
        signal.signal(number, signal.SIG_IGN)  # once is enough
        raise Terminated

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores SIGHUP, and means it
            signal.signal(number, end)


def _unexpected(error: Exception, arguments: Sequence[str]) -> str:
    """Write what a report of a fault needs into a file, and return one line that names it."""
    import platform
    import tempfile
    import traceback

    what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    head = f"{NAME} {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    head += f"arguments: {list(arguments)}\n"
    trace = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix=f"{NAME}-", suffix=".txt", delete=False) as file:
            file.write(f"{head}\n{trace}")
    except OSError:
        return f"a fault of {NAME} itself: {what}"
    return f"a fault of {NAME} itself: {what}; please report it with {file.name}"


def _complain(message: str, code: int = 2) -> int:
    click.echo(f"error: {message}", err=True)
    return code
