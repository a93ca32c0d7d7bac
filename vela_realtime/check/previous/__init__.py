"""What a change does to Applications that run already: this state of the files against an earlier one."""

from __future__ import annotations

from vela_realtime.check.previous.state import Previous, read

__all__ = ["Previous", "read"]
