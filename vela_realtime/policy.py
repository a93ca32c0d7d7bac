"""Rules of one's own for rendered objects, as ``check --rules`` takes them: ``docs/check.md`` shows one."""

from vela_realtime.check.objects import BASELINE, RESTRICTED, Objects, Rule, Violation, rule

__all__ = ["BASELINE", "RESTRICTED", "Objects", "Rule", "Violation", "rule"]
