"""Small broken Applications: every finding is there, with its line, its column and its words, and no other."""

from __future__ import annotations

import pytest

from tests.support import checking
from vela_realtime.findings import rules

CASES = checking.cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: checking.Case) -> None:
    found = checking.check_files(case.path, render=case.rendered, **case.options).findings
    assert [checking.shown(finding) for finding in found] == case.expected


def test_every_case_expects_something() -> None:
    assert [case.name for case in CASES if not case.expected] == []


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 120


def test_every_rule_has_a_case() -> None:
    seen = {line.split(" ", 2)[2].partition(":")[0] for case in CASES for line in case.expected}
    # What vela cannot render for another reason than a rule has no Application of its own that stays broken.
    assert rules.RULES.keys() - seen == {"dry-run"}
    assert seen - rules.RULES.keys() == set()


def test_severities_are_those_of_the_pages() -> None:
    for case in CASES:
        for line in case.expected:
            _, severity, rest = line.split(" ", 2)
            about = rules.RULES[rest.partition(":")[0]]
            assert severity in {about.severity.value, about.also and about.also.value}, line
