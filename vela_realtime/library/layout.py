"""Where the CUE library, the built definitions and the examples are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vela_realtime.errors import InputError

CONTEXT_FILE = "context.cue"
"""The typed stand-in for KubeVela's ``context``. It is never part of a built definition."""

METADATA_FILE = "definition.cue"
"""What each definition says about itself: name, type, version. It becomes the envelope, not the template."""


@dataclass(frozen=True)
class Library:
    """A folder with ``cue/``, and ``definitions/`` and ``examples/`` beside it."""

    root: Path
    packaged: bool = False
    """Whether it is the copy inside an installed package, which nothing may write to."""

    @property
    def cue(self) -> Path:
        """The CUE module."""
        return self.root / "cue"

    @property
    def definitions(self) -> Path:
        """The built definitions."""
        return self.root / "definitions"

    @property
    def examples(self) -> Path:
        """Applications that people copy."""
        return self.root / "examples"

    @property
    def fixtures(self) -> Path:
        """Valid and invalid parameter sets, one folder a definition."""
        return self.root / "tests" / "fixtures"

    def folders(self) -> list[Path]:
        """Return the definitions' source folders, sorted by name."""
        return sorted(path.parent for path in self.cue.glob(f"*/{METADATA_FILE}"))

    def shared_files(self) -> list[Path]:
        """Return the library's own files, sorted by name, without the stand-in for ``context``."""
        return sorted(path for path in self.cue.glob("*.cue") if path.name != CONTEXT_FILE)


def find(root: Path | None = None) -> Library:
    """Return the library at ``root``, else around the current folder, else the one that came with the tool.

    Raises:
        InputError: ``root`` has no library.
    """
    if root is not None:
        if not _holds_library(root):
            raise InputError(
                f"{root} holds no library: it has no cue/cue.mod/module.cue",
                "give the folder that has cue/ in it",
            )
        return Library(root.absolute())
    here = Path.cwd()
    for folder in (here, *here.parents):
        if _holds_library(folder):
            return Library(folder)
    package = Path(__file__).absolute().parent.parent
    if _holds_library(package.parent):
        return Library(package.parent)
    if _holds_library(package / "_data"):
        return Library(package / "_data", packaged=True)
    raise InputError(
        "no library found: neither here, nor in a folder above, nor in the installed package",
        "change to a checkout of vela-realtime, or name it with --library",
    )


def _holds_library(folder: Path) -> bool:
    return (folder / "cue" / "cue.mod" / "module.cue").is_file()
