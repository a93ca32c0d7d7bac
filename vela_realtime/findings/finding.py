"""What a check has to say about a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Severity(str, Enum):
    """How much a finding matters: an error fails the command, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong, and where.

    ``line`` and ``column`` count from 1; 0 means that the place is not known. ``path`` is the property's
    path inside the file (``spec.components[0].properties.kafkaConfig``), empty where there is none.
    """

    file: str
    line: int
    column: int
    rule: str
    message: str
    severity: Severity = Severity.ERROR
    path: str = ""
    hint: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the finding as plain JSON values."""
        return {**asdict(self), "severity": self.severity.value}


def has_errors(findings: Iterable[Finding]) -> bool:
    """Tell whether any finding is an error rather than a warning."""
    return any(finding.severity is Severity.ERROR for finding in findings)
