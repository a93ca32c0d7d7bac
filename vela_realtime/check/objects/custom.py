"""Rules of the user's own: a folder with Python and CUE files.

A Python file marks functions with ``vela_realtime.policy.rule``. A CUE file has a list ``findings`` that it makes
from ``objects``; each has ``rule``, ``object`` (the number in ``objects``) and ``message``, and may have
``severity`` (``error`` or ``warning``), ``hint`` and ``value``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vela_realtime.check.objects.model import Objects, Rule, Violation
from vela_realtime.errors import InputError
from vela_realtime.files import display, read_text
from vela_realtime.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_CUE_RULE = re.compile(r'\brule:\s*"([\w-]+)"')


@dataclass
class Custom:
    """The rules of a folder."""

    rules: list[Rule] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def names(self) -> set[str]:
        """Return the rules' ids."""
        return {rule.id for rule in self.rules if rule.id} | self._names

    def state(self) -> str:
        """Return a hash of the files."""
        return hashlib.sha256("\0".join(self.texts).encode()).hexdigest()


def load(folder: Path) -> Custom:
    """Return the rules of a folder.

    Raises:
        InputError: there are none, or a file does not do what it should.
    """
    custom = Custom()
    for path in sorted([*folder.glob("*.py"), *folder.glob("*.cue")]):
        text = read_text(path)
        custom.texts.append(f"{path.name}\0{text}")
        if path.suffix == ".py":
            custom.rules += _python(path)
        else:
            custom.rules += _cue(path, text)
            custom._names |= set(_CUE_RULE.findall(text))
    if not custom.rules:
        raise InputError(f"no rules in {display(folder)}", "a rule is a function in a .py file, or a .cue file")
    return custom


def _python(path: Path) -> Iterator[Rule]:
    spec = importlib.util.spec_from_file_location(f"vela_realtime_rules_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"cannot load {display(path)}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"{display(path)}: {type(error).__name__}: {error}") from error
    for value in list(vars(module).values()):
        if isinstance(value, Rule):
            yield Rule(value.id, value.severity, _guarded(path, value), value.profile, value.hint)


def _guarded(path: Path, rule: Rule) -> Any:
    def check(objects: Objects) -> Iterator[Violation]:
        try:
            yield from rule.check(objects)
        except Exception as error:
            raise InputError(f"{display(path)}: rule {rule.id}: {type(error).__name__}: {error}") from error

    return check


def _cue(path: Path, text: str) -> list[Rule]:
    """Return a rule for each severity and hint that the file's findings may have: they come with each finding."""
    names = list(dict.fromkeys(_CUE_RULE.findall(text)))
    if not names:
        raise InputError(f"{display(path)} names no rule", 'findings: [for index, object in objects ... {rule: "id"}]')
    evaluated: dict[int, list[dict[str, Any]]] = {}

    def findings(objects: Objects) -> list[dict[str, Any]]:
        if id(objects) not in evaluated:
            evaluated.clear()
            evaluated[id(objects)] = _evaluate(path, text, objects.items)
        return evaluated[id(objects)]

    def make(name: str, severity: Severity) -> Rule:
        def check(objects: Objects) -> Iterator[Violation]:
            for item in findings(objects):
                if (item.get("rule"), item.get("severity", "error")) == (name, severity.value):
                    yield Violation(int(item["object"]), str(item["message"]), str(item.get("value", "")))

        return Rule(name, severity, check)

    return [make(name, severity) for name in names for severity in Severity]


def _evaluate(path: Path, text: str, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    from vela_realtime import cue

    values = f"objects: {json.dumps(list(items), ensure_ascii=False)}\n"
    done = cue.run(["export", "-e", "findings", "cue:", "-"], folder=path.parent, stdin=f"{text}\n{values}")
    if not done.ok:
        raise InputError(f"{display(path)}: {cue.failure(done, path.parent)[0].text}")
    found = cue.answer(done)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise InputError(f"{display(path)}: findings must be a list of objects")
    for item in found:
        index = item.get("object")
        if not isinstance(index, int) or not 0 <= index < len(items) or not item.get("message"):
            raise InputError(f"{display(path)}: a finding needs rule, object (a number in objects) and message")
    return found
