"""The Applications of some files, as far as they have to be looked at before they can be rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vela_realtime.check import envelope, form
from vela_realtime.documents import collect
from vela_realtime.kubevela.catalog import beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vela_realtime.documents.application import Document
    from vela_realtime.findings import Finding
    from vela_realtime.kubevela.catalog import Found


@dataclass(frozen=True)
class Loaded:
    """The Applications of some files, the Policies and Workflows beside them, and what is wrong with the files."""

    applications: list[Document]
    companions: list[Document]
    findings: list[Finding]
    beside: dict[str, list[Found]]
    """The definitions among the documents, by the file of the Applications that they stand beside."""


def load(sources: Sequence[str]) -> Loaded:
    """Read files, folders and ``-`` for standard input.

    Raises:
        InputError: a file cannot be read, or there is no Application in any of them.
    """
    read = collect.read(sources)
    applications: list[Document] = []
    findings = list(read.findings)
    for document in read.documents:
        if form.is_application(document):
            faults = form.check(document)
            findings += faults
            if not faults:
                applications.append(envelope.conformed(document, envelope.schema_of("Application")))
    if not applications and not findings:
        raise collect.none_found(sources)
    return Loaded(applications, envelope.companions(read.documents), findings, beside(read.documents))
