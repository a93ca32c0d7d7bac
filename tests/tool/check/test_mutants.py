"""Mistakes planted into every example: all are found, at their line.

``python -m tests.tool.check.test_mutants`` prints the shares.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import checking, mutants

LEAST = 400

EXPLAINED = {
    ("webservice-trait", "spec.components[0].traits[0].properties.streaming.topics[0]"),
    ("webservice-trait", "spec.components[0].traits[0].properties.streaming.topics[1]"),
}
"""Mistakes that cannot be seen: topics of a platform that is in another Application, which is not looked at."""


@dataclass(frozen=True)
class Verdict:
    """A mutant and what became of it."""

    example: str
    mutant: mutants.Mutant
    found: bool
    at_its_line: bool


def verdicts(path: Path, folder: Path) -> list[Verdict]:
    """Plant every mistake into one example, and check what comes out by the layers that need no ``vela``."""
    result = []
    file = folder / path.name
    for mutant in mutants.of(path.read_text(), *checking.parts()):
        file.write_text(mutant.text)
        findings = checking.check_files(file).findings
        at_its_line = any(finding.line in mutant.lines for finding in findings)
        result.append(Verdict(path.stem, mutant, bool(findings), at_its_line))
    return result


@pytest.mark.parametrize("path", checking.EXAMPLES, ids=lambda path: path.stem)
def test_every_mistake_is_found_at_its_line(path: Path, tmp_path: Path) -> None:
    found = verdicts(path, tmp_path)
    missed = [(item.mutant.sort, item.mutant.path) for item in found if not item.at_its_line]
    assert missed == [("topic", place) for example, place in sorted(EXPLAINED) if example == path.stem]


def test_there_are_enough_mutants_of_every_sort() -> None:
    sorts = Counter(
        mutant.sort for path in checking.EXAMPLES for mutant in mutants.of(path.read_text(), *checking.parts())
    )
    assert sum(sorts.values()) >= LEAST
    assert set(sorts) == {"type", "key", "missing", "wrong-type", "enum", "bound", "pattern", "link", "topic"}


def main() -> None:
    """Print how many mistakes of each sort were planted, found, and found at their line."""
    with tempfile.TemporaryDirectory() as folder:
        every = [item for path in checking.EXAMPLES for item in verdicts(path, Path(folder))]
    print(f"{'sort':12} {'planted':>8} {'found':>8} {'at line':>8}")
    for sort in [*sorted({item.mutant.sort for item in every}), ""]:
        some = [item for item in every if sort in {"", item.mutant.sort}]
        found, exact = sum(item.found for item in some), sum(item.at_its_line for item in some)
        print(f"{sort or 'all':12} {len(some):8} {found:8} {exact:8}")
    for item in every:
        if not item.at_its_line:
            print(
                f"{'not at its line' if item.found else 'missed'}: {item.example} {item.mutant.sort} {item.mutant.path}"
            )


if __name__ == "__main__":
    main()
