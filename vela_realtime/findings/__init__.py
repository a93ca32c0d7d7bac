"""What is found wrong: the result of every check, the rules behind it, and how it is reported."""

from vela_realtime.findings.finding import Finding, Severity, has_errors

__all__ = ["Finding", "Severity", "has_errors"]
