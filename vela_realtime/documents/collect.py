"""Layer 1: files into documents. Whatever is in a file becomes a document or a finding."""

from __future__ import annotations

import codecs
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vela_realtime.documents import kustomize
from vela_realtime.documents.application import OURS, STDIN, SUFFIXES, Document, parse
from vela_realtime.errors import InputError
from vela_realtime.files import display
from vela_realtime.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LARGEST_DOCUMENT = 200_000
"""Values that a document may have once its aliases are written out. Kubernetes takes no object over 1.5 MB."""

DEEPEST_DOCUMENT = 200
"""Levels that a document may have."""


@dataclass
class Files:
    """What was read: texts by file, documents, and what keeps the rest from being read."""

    texts: dict[str, str] = field(default_factory=dict)
    documents: list[Document] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


_FOREIGN = re.compile(r"""\{\{|\{%|^[^#'"\n]*[:-]\s+!!?\w""", re.MULTILINE)


def read(sources: Sequence[str], *, allow_none: bool = False) -> Files:
    """Read files, folders and ``-`` for standard input.

    With ``allow_none``, files that are not about Applications are passed over, where they are lists, templates or have
    another tool's tags: no YAML that Kubernetes knows.

    Raises:
        InputError: a file cannot be read at all, or a folder has no YAML and no JSON in it.
    """
    return gathered(_contents(sources, allow_none=allow_none), allow_none=allow_none)


def none_found(sources: Sequence[str]) -> InputError:
    """Return what to say of files without an Application of KubeVela."""
    return InputError(
        f"no Application found in {', '.join(sources)}",
        "an Application has apiVersion: core.oam.dev/v1beta1 and kind: Application; "
        "those of Argo CD and wasmCloud are passed over",
    )


def gathered(contents: Iterable[tuple[str, bytes]], *, allow_none: bool = False) -> Files:
    """Return what some files hold, each given by its name and its content; see ``read``."""
    files = Files()
    for file, data in contents:
        if file in files.texts:
            continue
        text = _text(file, data, files)
        if text is None:
            continue
        files.texts[file] = text
        documents, findings = parse(file, text)
        if findings and allow_none and _is_foreign(text):
            continue
        files.findings += findings
        for document in documents:
            if fault := _too_much(document):
                # What others keep in their files may be as large as they like.
                files.findings += [fault] if OURS.search(document.text) else []
            else:
                files.documents.append(document)
    for file, kustomization in kustomize.patches(files.documents).items():
        if file in files.texts:
            files.documents = [document for document in files.documents if document.file != file]
            files.findings = [finding for finding in files.findings if finding.file != file]
            files.findings.append(kustomize.note(file, kustomization))
    return files


def _text(file: str, data: bytes, files: Files) -> str | None:
    """Return a file's text; None, and a finding, where it is not UTF-8."""
    try:
        if not _is_utf16(data):
            return data.decode("utf-8")
        # With a mark at its beginning, vela and kubectl read it, and see its first document alone; else they refuse it.
        message = "the file is UTF-16, of which Kubernetes' tools read the first document or nothing"
        hint = "save it as UTF-8; in PowerShell, by Set-Content -Encoding utf8"
        fault = Finding(file, 0, 0, "yaml", message, hint=hint)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        fault = Finding(file, line, column, "yaml", "not UTF-8 text", hint="save it as UTF-8")
    files.texts[file] = ""
    files.findings.append(fault)
    return None


def _is_utf16(data: bytes) -> bool:
    """Tell whether a file begins with UTF-16's mark, or has two bytes for each of its first letters."""
    if data[2:4] != b"\0\0" and data[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        return True
    return len(data) >= 4 and [byte == 0 for byte in data[:4]] in ([False, True] * 2, [True, False] * 2)


def _is_foreign(text: str) -> bool:
    """Tell whether a text with faults is another tool's."""
    if OURS.search(text):
        return False
    lines = (line.strip() for line in text.split("\n"))
    first = next((line for line in lines if line and line != "---" and not line.startswith("#")), "")
    return first.startswith(("- ", "[")) or bool(_FOREIGN.search(text))


def _contents(sources: Sequence[str], *, allow_none: bool) -> Iterator[tuple[str, bytes]]:
    for source in sources:
        if source == "-":
            yield STDIN, sys.stdin.buffer.read()
            continue
        path = Path(source)
        paths = [path]
        if path.is_dir():
            paths = sorted(_inside(path))
            if not paths and not allow_none:
                raise InputError(f"no YAML or JSON file in {display(path)}")
        for item in paths:
            try:
                data = item.read_bytes()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise InputError(f"cannot read {display(item)}: {reason}") from error
            if item == path or item.suffix != ".json" or _OBJECT.search(data):
                yield display(item), data


_OBJECT = re.compile(rb"""apiVersion|core\.oam\.dev|"kind"\s*:\s*"Application"|\0""")
"""What a JSON file of Kubernetes' objects has somewhere, or one in UTF-16: the rest is other tools', and not parsed."""


def is_looked_at(path: Path) -> bool:
    """Tell whether a file of a folder may have Applications: not what packages and version control keep in theirs."""
    return path.suffix in SUFFIXES and not any(_is_left_out(name) for name in path.parts[:-1])


def _is_left_out(folder: str) -> bool:
    return folder == "node_modules" or folder.startswith(".")


def _inside(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _is_left_out(name)]
        yield from (path for name in names if (path := Path(root, name)).suffix in SUFFIXES and path.is_file())


def _too_much(document: Document) -> Finding | None:
    """Report a document that is too deep or too large to be looked at, as one whose aliases lead back to it is."""
    sizes: dict[int, int] = {}
    node: Any = document.node

    def size(node: Any, depth: int) -> int:
        if depth > DEEPEST_DOCUMENT:
            raise RecursionError
        if id(node) not in sizes:
            sizes[id(node)] = LARGEST_DOCUMENT + 1  # until it is known: an alias inside of itself
            children = list(node.value) if isinstance(node, yaml.CollectionNode) else []
            if isinstance(node, yaml.MappingNode):
                children = [item for pair in children for item in pair]
            sizes[id(node)] = 1 + sum(size(child, depth + 1) for child in children)
        return sizes[id(node)]

    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    try:
        if size(node, 0) <= LARGEST_DOCUMENT:
            return None
        message = f"this has more than {LARGEST_DOCUMENT} values, and Kubernetes takes no object that large"
        if len(sizes) <= LARGEST_DOCUMENT:  # each once
            message = f"aliases make this more than {LARGEST_DOCUMENT} values, or lead back to where they are"
    except RecursionError:
        message = f"lists or objects are nested more than {DEEPEST_DOCUMENT} levels deep"
    return Finding(document.file, line, column, "yaml", message)
