"""The errors that a user can cause.

Each becomes one clear message on stderr and an exit code; none ends in a traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vela_realtime.findings import Finding


class RealtimeError(Exception):
    """A problem outside the checked files: environment, usage, input that cannot be read.

    ``message`` says what is wrong, ``hint`` what would mend it. The command exits with ``exit_code``.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class Terminated(KeyboardInterrupt):
    """This process was told to end, by SIGTERM or because its terminal went: what it started must end too."""


class ToolError(RealtimeError):
    """A program that we depend on is missing, has the wrong version, or did not finish."""


class SourceError(RealtimeError):
    """Files that were to be worked with have faults; ``findings`` says which and where."""

    exit_code = 1

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = tuple(findings)


class InputError(RealtimeError):
    """A file named by the user cannot be read or written."""
