"""Reading what the Applications were before: from a file, a folder, or a commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vela_realtime.check import envelope, form
from vela_realtime.documents import collect
from vela_realtime.errors import InputError
from vela_realtime.files import display
from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vela_realtime.documents.application import Document

Key: TypeAlias = "tuple[str, str]"
"""What an Application is known by in a cluster: namespace and name."""

_GROUP = "core.oam.dev"
"""What every file has that is looked at: the API group of Applications and of all that belongs to them."""


@dataclass(frozen=True)
class Previous:
    """The Applications as they were, and the documents that stood beside them."""

    applications: Mapping[Key, Document] = field(default_factory=dict)
    documents: Sequence[Document] = ()
    faults: Sequence[Finding] = ()
    """What kept some of it from being read."""

    complete: bool = True
    """Whether an Application that is not in the new state is gone: not where one file is held against a folder."""

    def of(self, document: Document, namespace: str) -> Document | None:
        """Return what an Application was, None where it is new."""
        return self.applications.get(key(document, namespace))

    def unread(self) -> list[Finding]:
        """Return a note for all that kept some of it from being read."""
        message = "what it was before cannot be read: "
        return [
            Finding(fault.file, 0, 0, "not-compared", f"{message}{fault.message}", Severity.NOTE)
            for fault in self.faults
            if fault.severity is Severity.ERROR
        ]


def key(document: Document, namespace: str) -> Key:
    """Return what an Application is known by; ``namespace`` wins over its own."""
    return namespace or str(document.data["metadata"].get("namespace") or "default"), document.name


def read(reference: str, sources: Sequence[str], namespace: str = "") -> Previous:
    """Return what ``sources`` were: in a file or a folder where there is one of that name, else in a commit.

    ``namespace`` is the one that all Applications are for, in place of their own.

    Raises:
        InputError: nothing is named, there is no such file and no such commit, or standard input is to be looked for in
            a commit.
        ToolError: there is no ``git``, or it fails.
    """
    if not reference:  # which would be the current folder
        raise InputError("--previous names nothing", "is the variable empty that has the commit?")
    path = Path(reference)
    if path.exists():
        files, complete = collect.read([reference], allow_none=True), True
        if path.is_dir():
            complete = any(Path(source).is_dir() for source in sources)
    else:
        files, complete = collect.gathered(_committed(reference, sources), allow_none=True), True
    faults = list(files.findings)
    applications = {}
    for document in files.documents:
        if form.is_application(document):
            if wrong := form.check(document):
                faults += wrong
            else:
                document = envelope.conformed(document, envelope.schema_of("Application"))
                applications[key(document, namespace)] = document
    return Previous(applications, files.documents, faults, complete)


def _committed(reference: str, sources: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield what a commit has at the paths of ``sources``: names as the files have now, and contents."""
    from vela_realtime import git

    for source in sources:
        if source == "-":
            raise InputError(
                f"there is no {reference}, and standard input is in no commit",
                "name the files to check, or the file or folder that has what they were",
            )
        path = Path(source)
        if not path.exists():
            continue  # whoever reads the sources says so
        folder, name = (path, ".") if path.is_dir() else (path.parent, path.name)
        commit = _commit(folder, reference)
        for file, text in git.texts(folder, commit, name, _GROUP).items() if commit else ():
            if name != "." or collect.is_looked_at(Path(file)):
                yield display(folder / file), text.encode()


def _commit(folder: Path, reference: str) -> str:
    """Return the commit's hash, empty in a repository that has none yet."""
    from vela_realtime import git

    if found := git.commit(folder, reference):
        return found
    if not git.is_repository(folder):
        raise InputError(
            f"there is no file or folder {reference}, and {display(folder)} is in no git repository",
            "--previous takes a file, a folder, or a commit of the repository that has the Applications",
        )
    if reference == "HEAD" and git.is_empty(folder):
        return ""
    raise InputError(
        f"{reference} is no file, no folder, and no commit of this repository",
        "git fetch brings other branches; GitHub's checkout takes one commit, and fetch-depth: 2 the one before too",
    )
