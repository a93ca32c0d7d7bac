"""Rules for rendered objects, a module for each group of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.objects import names, pod_security, references, secrets, selectors, workloads
from vela_realtime.check.objects.model import BASELINE, RESTRICTED, Objects, Rule, Violation, rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RULES: tuple[Rule, ...] = (
    *pod_security.RULES,
    *workloads.RULES,
    *selectors.RULES,
    *references.RULES,
    *names.RULES,
    *secrets.RULES,
)


def check(objects: Objects, rules: Sequence[Rule] = RULES) -> Iterator[tuple[Rule, Violation]]:
    """Yield what the rules find, each with its rule; what is not asked of an object is left out."""
    for item in rules:
        for violation in item.check(objects):
            if item.profile == BASELINE or objects.profile(violation.object) == RESTRICTED:
                yield item, violation


__all__ = ["BASELINE", "RESTRICTED", "RULES", "Objects", "Rule", "Violation", "check", "rule"]
