"""What a policy rule is, and what it looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vela_realtime.findings import Severity
from vela_realtime.kubernetes.objects import dicts, metadata, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

BASELINE = "baseline"
RESTRICTED = "restricted"


@dataclass(frozen=True)
class Violation:
    """What a rule found: the object's number, what is wrong with it, and the value that is to blame, if one is."""

    object: int
    message: str
    value: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule about rendered objects.

    One of the profile ``restricted`` is not applied to objects of which the ``baseline`` is asked only.
    """

    id: str
    severity: Severity
    check: Callable[[Objects], Iterator[Violation]]
    profile: str = BASELINE
    hint: str = ""


def rule(
    identifier: str, *, severity: Severity = Severity.ERROR, profile: str = BASELINE, hint: str = ""
) -> Callable[[Callable[[Objects], Iterator[Violation]]], Rule]:
    """Make a rule of a function that yields violations."""

    def made(function: Callable[[Objects], Iterator[Violation]]) -> Rule:
        return Rule(identifier, severity, function, profile, hint)

    return made


@dataclass(frozen=True)
class Pod:
    """The pods that an object runs: its number, the way to the pods' spec inside of it, the spec and the metadata."""

    object: int
    kind: str
    path: str
    spec: dict[str, Any]
    metadata: dict[str, Any]

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the pods."""
        return table(self.metadata, "labels")

    def containers(self, *, init: bool = True) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the containers with their paths, those that only prepare too where ``init`` says so."""
        for key in ("initContainers", "containers") if init else ("containers",):
            for container in dicts(self.spec.get(key)):
                yield f"{self.path}.{key}[{container.get('name', '')}]", container


@dataclass
class Objects:
    """The objects that one Application renders, in their order.

    ``beside`` are objects that stand in the same files; ``external`` names what was declared to be elsewhere, as
    ``secret/name``, with small letters for the kind.
    """

    items: Sequence[dict[str, Any]]
    beside: Sequence[dict[str, Any]] = ()
    external: frozenset[str] = frozenset()
    profiles: Sequence[str] = ()
    version: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def profile(self, index: int) -> str:
        """Return the profile that is asked of an object."""
        return self.profiles[index] if self.profiles else RESTRICTED

    @cached_property
    def pods(self) -> list[Pod]:
        """Everything that runs pods."""
        return [pod for index, item in enumerate(self.items) for pod in _pods(index, item)]

    def named(self, index: int) -> str:
        """Return kind and name of an object."""
        item = self.items[index]
        return f"{item.get('kind', 'object')} {metadata(item).get('name', '')}".strip()

    def find(self, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        """Return an object by kind and name, those beside the Application among them."""
        for item in self._by_name.get((kind, name), ()):
            if metadata(item).get("namespace", namespace) == namespace:
                return item
        return None

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        found: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for item in (*self.items, *self.beside):
            found.setdefault((str(item.get("kind")), str(metadata(item).get("name"))), []).append(item)
        return found

    def is_external(self, kind: str, name: str) -> bool:
        """Tell whether something was declared to be elsewhere."""
        low = kind.lower()
        return bool({f"{low}/{name}", f"{low}/*"} & self.external)


def _pods(index: int, item: dict[str, Any]) -> Iterator[Pod]:
    kind, spec = str(item.get("kind")), table(item, "spec")
    if kind == "Pod":
        yield Pod(index, kind, "spec", spec, metadata(item))
        return
    path = "spec.template"
    if kind == "CronJob":
        spec, path = table(spec, "jobTemplate", "spec"), "spec.jobTemplate.spec.template"
    template = spec.get("template")
    if kind in {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"} and isinstance(
        template, dict
    ):
        yield Pod(index, kind, f"{path}.spec", table(template, "spec"), metadata(template))
