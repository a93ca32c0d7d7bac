"""What is found wrong: the result of every check, the rules behind it, and how it is reported."""

from vela_realtime.findings.finding import Edit, Finding, Severity, has_errors

__all__ = ["Edit", "Finding", "Severity", "has_errors"]
