"""Reading what is committed, by the ``git`` program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime import process
from vela_realtime.errors import ToolError

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, *arguments: str) -> process.Completed:
    """Run ``git`` in a folder.

    Raises:
        ToolError: there is no ``git``.
    """
    return process.run(["git", "-C", folder, *arguments])


def commit(folder: Path, reference: str) -> str:
    """Return the hash of the commit that a name leads to, empty where there is none.

    Raises:
        ToolError: there is no ``git``.
    """
    # A name that begins with a dash would be an option.
    done = run(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    return done.stdout.strip() if done.ok else ""


def is_repository(folder: Path) -> bool:
    """Tell whether a folder lies in a repository.

    Raises:
        ToolError: there is no ``git``.
    """
    return run(folder, "rev-parse", "--git-dir").ok


def is_empty(folder: Path) -> bool:
    """Tell whether a repository has no commit yet.

    Raises:
        ToolError: there is no ``git``.
    """
    done = run(folder, "rev-list", "--max-count=1", "--all")
    return done.ok and not done.stdout


def texts(folder: Path, commit: str, path: str, word: str) -> dict[str, str]:
    """Return the texts that a commit has at a path in a folder, or below it, as far as a word is in them.

    By their paths in the folder. The word keeps the number of programs that run small: all else is not read.

    Raises:
        ToolError: there is no ``git``, or it fails.
    """
    # What the user has set for git must not change how it prints; a file's name is no pattern.
    options = ("--literal-pathspecs", "-c", "grep.fullName=false", "-c", "core.quotePath=false")
    listed = run(folder, *options, "grep", "-l", "-z", "-I", "-F", "--no-color", "-e", word, commit, "--", path)
    if listed.returncode > 1:  # 1: there is none
        raise ToolError(f"git grep failed: {listed.stderr.strip() or 'it did not say why'}")
    names = [name.removeprefix(f"{commit}:") for name in listed.stdout.split("\0") if name]
    found = process.in_parallel(lambda name: run(folder, "show", f"{commit}:./{name}"), names)
    for name, done in zip(names, found, strict=True):
        if not done.ok:
            raise ToolError(f"git show {name} failed: {done.stderr.strip() or 'it did not say why'}")
    return {name: done.stdout for name, done in zip(names, found, strict=True)}
