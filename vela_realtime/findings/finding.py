"""What a check has to say about a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Severity(str, Enum):
    """How much a finding matters: an error fails the command, a warning and a note do not.

    A note says what was not looked at; nothing need be wrong with it.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Edit:
    """A change to a file: the text from one place up to another, lines and columns counted from 1."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong, and where: what every check returns.

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
    edit: Edit | None = field(default=None, compare=False)
    """The change that mends it, where there is no doubt about it."""

    def to_dict(self) -> dict[str, object]:
        """Return the finding as plain JSON values."""
        return {**{key: value for key, value in asdict(self).items() if key != "edit"}, "severity": self.severity.value}


def has_errors(findings: Iterable[Finding]) -> bool:
    """Tell whether any finding is an error rather than a warning."""
    return any(finding.severity is Severity.ERROR for finding in findings)
