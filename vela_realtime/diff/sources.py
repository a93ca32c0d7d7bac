"""Reading a version of the definitions from where it lies: this tree, a commit, a folder, an archive, a cluster."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime.diff.snapshot import Definition, Snapshot, definitions_of, objects_in
from vela_realtime.documents import application
from vela_realtime.errors import InputError, ToolError
from vela_realtime.files import display, read_text
from vela_realtime.library import fixtures

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vela_realtime.library import Library

CLUSTER = "cluster"
"""What stands for the definitions in the current cluster."""

_ARCHIVES = (".tgz", ".tar.gz", ".tar")
_SIZE_LIMIT = 100_000_000
"""Bytes that an archive may hold, unpacked: a set of definitions has three million."""

_FOLDERS = ("definitions", "examples", "tests/fixtures")
"""What of a library is compared."""


def read(reference: str, library: Library, *, namespace: str = "vela-system", names: Collection[str] = ()) -> Snapshot:
    """Return the version of the definitions that a reference leads to.

    It is ``cluster``, an address that begins with ``oci://``, a file or a folder, or a commit of the library's
    repository, in this order. ``namespace`` is where a cluster has them; ``names`` are the definitions to take from
    a cluster, which has KubeVela's own as well.

    Raises:
        InputError: there is nothing of the kind, or no definition in it.
        ToolError: a program that is needed is missing or fails.
    """
    path = Path(reference)
    if reference == CLUSTER:
        found = from_cluster(namespace, names)
    elif reference.startswith("oci://"):
        from vela_realtime import registry

        found = from_files(reference, _unpacked(registry.pull(reference), reference))
    elif path.is_dir():
        found = from_files(display(path), _in_folder(path))
    elif path.is_file():
        if not reference.endswith(_ARCHIVES):
            raise InputError(f"{display(path)} is no archive", f"it must end in one of {', '.join(_ARCHIVES)}")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read {display(path)}: {error.strerror}") from error
        found = from_files(display(path), _unpacked(data, display(path)))
    else:
        found = from_commit(reference, library)
    if not found.definitions:
        raise InputError(f"there is no definition in {reference}")
    return found


def working_tree(library: Library, site: Path | None = None) -> Snapshot:
    """Return what a build of the library makes now, with its examples and fixtures.

    Raises:
        SourceError: the library or the site file has faults.
    """
    return from_files("the working tree", library_files(library, site))


def library_files(library: Library, site: Path | None = None) -> dict[str, str]:
    """Return what a build of the library makes now, its examples and fixtures, by their paths in a checkout.

    Raises:
        SourceError: the library or the site file has faults.
    """
    from vela_realtime.library import build

    files = {f"definitions/{item.path.as_posix()}": item.text for item in build.render(library, site=site)}
    for folder in ("examples", "tests/fixtures"):
        files |= {f"{folder}/{name}": text for name, text in _in_folder(library.root / folder, ".").items()}
    return files


def from_files(label: str, files: Mapping[str, str]) -> Snapshot:
    """Return a version from files by their paths: those of a library, or of a folder with definitions alone."""
    inside = {
        name.removeprefix("definitions/"): text for name, text in files.items() if name.startswith("definitions/")
    }
    alone = not inside
    inside = inside or dict(files)
    schemas: dict[str, Any] = {}
    for name, text in inside.items():
        if name.startswith("schemas/") and name.endswith(".json"):
            schemas[Path(name).stem] = _json(name, text)
    texts = {
        name: text
        for name, text in inside.items()
        if name.endswith((".yaml", ".yml")) and "Definition" in text and not name.startswith("schemas/")
    }
    examples = [] if alone else _examples(files)
    return Snapshot(label, definitions_of(texts, schemas), examples, [] if alone else _fixtures(files))


def from_cluster(namespace: str, names: Collection[str] = ()) -> Snapshot:
    """Return the definitions of the current cluster, all or those of some names.

    Raises:
        ToolError: there is no ``kubectl``, or the cluster does not answer.
    """
    from vela_realtime.kubevela import kubectl

    found = {}
    for item in objects_in([kubectl.get("componentdefinitions,traitdefinitions", namespace)]):
        made = Definition(item)
        if not names or made.name in names:
            found[made.type, made.name] = made
    return Snapshot("the cluster", found)


def from_commit(reference: str, library: Library) -> Snapshot:
    """Return the definitions of a commit of the library's repository, as they are committed.

    Raises:
        InputError: there is no such commit, or the library is in no repository.
        ToolError: there is no ``git``.
    """
    from vela_realtime import git

    commit = git.commit(library.root, reference)
    if not commit:
        if not git.is_repository(library.root):
            raise InputError(
                f"there is no file or folder {reference}, and {display(library.root)} is in no git repository",
                "name a folder, an archive, oci://REGISTRY/NAME:TAG, or cluster",
            )
        raise InputError(
            f"{reference} is no file, no folder, and no commit of this repository",
            "git fetch --tags brings the tags; git tag lists them",
        )
    # A commit can be of a time before one of the folders: git archive would fail.
    listed = git.run(library.root, "ls-tree", "--name-only", commit, *(f"{name}" for name in _FOLDERS))
    present = [name for name in listed.stdout.splitlines() if name]
    if not present:
        raise InputError(f"{reference} has no definitions/")
    return from_files(reference, _from_git(library.root, commit, present))


def _from_git(root: Path, commit: str, folders: list[str]) -> dict[str, str]:
    import tempfile

    from vela_realtime import git

    with tempfile.TemporaryDirectory(prefix="vela-realtime-") as temporary:
        archive = Path(temporary) / "commit.tar"
        done = git.run(root, "archive", "--format=tar", f"--output={archive}", commit, *folders)
        if not done.ok:
            raise ToolError(f"git archive failed: {done.stderr.strip() or 'it did not say why'}")
        return _unpacked(archive.read_bytes(), commit)


def _in_folder(folder: Path, ending: str = "") -> dict[str, str]:
    """Return the texts below a folder by their paths; of a library, those of the folders that are compared."""
    library = (folder / "cue" / "cue.mod").is_dir()
    tops = [folder / name for name in _FOLDERS] if library and not ending else [folder]
    return {
        path.relative_to(folder).as_posix(): read_text(path)
        for top in tops
        for path in sorted(top.rglob("*"))
        if path.is_file() and path.suffix in {".yaml", ".yml", ".json"}
    }


def _unpacked(data: bytes, label: str) -> dict[str, str]:
    """Return the texts in an archive by their paths. Nothing is written: no path and no link can lead anywhere."""
    found: dict[str, str] = {}
    size = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if not member.isfile() or Path(name).suffix not in {".yaml", ".yml", ".json"}:
                    continue
                size += member.size
                if size > _SIZE_LIMIT:
                    raise InputError(f"{label} holds more than {_SIZE_LIMIT // 1_000_000} MB")
                content = archive.extractfile(member)
                found[name] = content.read().decode("utf-8") if content else ""
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"{label} is no archive that can be read: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{label} has a file that is not UTF-8 text") from error
    return found


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{name} is not JSON: {error}") from error


def _examples(files: Mapping[str, str]) -> list[application.Document]:
    from vela_realtime.check import envelope, form

    found = []
    for name, text in files.items():
        if name.startswith("examples/") and name.endswith((".yaml", ".yml")):
            documents, _ = application.parse(name, text)
            found += [item for item in documents if item.kind == "Application" and application.is_of_kubevela(item)]
    schema = envelope.schema_of("Application")
    return [envelope.conformed(item, schema) for item in found if not form.check(item)]


def _fixtures(files: Mapping[str, str]) -> list[fixtures.Case]:
    """Return the parameter sets that must render. What this version of the tool cannot read is left out."""
    found: list[fixtures.Case] = []
    for name, text in files.items():
        parts = Path(name).parts
        if len(parts) == 5 and parts[:2] == ("tests", "fixtures") and parts[3] == "valid":
            with suppress(InputError):
                found += fixtures.read(Path(name), text, parts[2], valid=True)
    return found
