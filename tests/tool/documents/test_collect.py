"""Files that are no UTF-8 are told in plain words, and without an excerpt of what nobody can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vela_realtime.documents import collect
from vela_realtime.findings import report

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "kind: Application\nname: ä\n"
UTF16 = "the file is UTF-16, of which Kubernetes' tools read the first document or nothing"


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (TEXT.encode("utf-16"), 0, 0, UTF16),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), 0, 0, UTF16),
        (TEXT.encode("utf-16-le"), 0, 0, UTF16),
        (TEXT.encode("utf-16-be"), 0, 0, UTF16),
        (TEXT.encode("latin-1"), 2, 7, "not UTF-8 text"),
        (TEXT.encode("utf-32"), 1, 1, "not UTF-8 text"),
    ],
    ids=["marked", "marked, big end", "unmarked", "unmarked, big end", "latin-1", "utf-32"],
)
def test_another_encoding(tmp_path: Path, data: bytes, line: int, column: int, message: str) -> None:
    file = tmp_path / "app.yaml"
    file.write_bytes(data)
    (found,) = collect.read([str(file)]).findings
    assert (found.line, found.column, found.message) == (line, column, message)
    assert ("·" in report.text([found])) == (message != UTF16 and data[1:2] == b"\xfe")


@pytest.mark.parametrize("data", [b"\0", b"", b"a\0b", TEXT.encode(), b"\xef\xbb\xbf" + TEXT.encode()])
def test_what_is_utf8(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "app.yaml"
    file.write_bytes(data)
    assert all("UTF" not in found.message for found in collect.read([str(file)]).findings)
