"""The components of an Application, as far as others can refer to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vela_realtime.check.external import ANNOTATION, split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from vela_realtime.documents.application import Document, Route

PLATFORM = "realtime-platform"
BROKER = "iot-broker"
PROCESSOR = "stream-processor"
DASHBOARD = "analytics-dashboard"
SERVICE = "webservice"
TRAIT = "realtime"

SECRETS = (
    "mqtt-secret", "iot-mqtt-secret", "kafka-secret", "db-secret", "db-reader-secret", "metabase-secret",
    "grafana-secret", "lenses-secret",
)  # fmt: skip
"""What the connection Secrets of a platform end with."""


WORKLOADS = {
    "cron-task": "CronJob",
    "daemon": "DaemonSet",
    "statefulset": "StatefulSet",
    "task": "Job",
    "webservice": "Deployment",
    "worker": "Deployment",
}
"""What KubeVela's own types call after their component."""


@dataclass(frozen=True, eq=False)
class Part:
    """A component or a trait: its type without a version, its properties, and the way to it.

    Two that say the same are still two: each is equal to itself alone.
    """

    type: str
    route: Route
    properties: dict[str, Any]
    component: str
    """The name of the component that it is, or is on."""

    @property
    def name(self) -> str:
        """What its objects are called after: the parameter ``name``, for a component that has none its own name."""
        return self.text("name") or self.component

    def get(self, *path: str) -> Any:
        """Return a property, None where it is not there."""
        value: Any = self.properties
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        return value

    def text(self, *path: str) -> str:
        """Return a property that is a text, else an empty one."""
        value = self.get(*path)
        return value if isinstance(value, str) else ""

    def items(self, *path: str) -> list[Any]:
        """Return a property that is a list, else an empty one."""
        value = self.get(*path)
        return value if isinstance(value, list) else []

    def table(self, *path: str) -> dict[str, Any]:
        """Return a property that is an object, else an empty one."""
        value = self.get(*path)
        return value if isinstance(value, dict) else {}

    def at(self, *path: str | int) -> Route:
        """Return the way to a property."""
        return (*self.route, "properties", *path)


@dataclass(frozen=True)
class Kafka:
    """Whose Kafka a component uses.

    ``owner`` is the component that runs it, None where it is not among the Applications that are looked at; ``own``
    says that it is the component's own.
    """

    owner: Part | None
    own: bool = False


@dataclass
class Landscape:
    """One Application, and what was declared external."""

    document: Document
    external: frozenset[str] = frozenset()
    services: bool = True
    """Whether its webservices are of this library's optional definition rather than KubeVela's own."""

    chosen: str = ""
    """The namespace that it is looked at for, in place of its own."""

    broken: frozenset[Route] = frozenset()
    """The ways to components and traits whose properties have errors."""

    declared: frozenset[str] = field(init=False)
    """What is elsewhere, as ``kind/name``."""

    def __post_init__(self) -> None:
        annotations = self.document.data["metadata"].get("annotations")
        text = annotations.get(ANNOTATION) if isinstance(annotations, dict) else None
        self.declared = self.external | set(split(text) if isinstance(text, str) else [])

    @cached_property
    def incomplete(self) -> bool:
        """Whether a component may be what others look for: it has no type, or is one of ours without a name."""
        ours = {"", PLATFORM, BROKER, PROCESSOR, DASHBOARD}
        return any(part.type in ours and not (part.type and part.name) for part in self.components)

    def is_external(self, kind: str, name: str) -> bool:
        """Tell whether something was declared to be elsewhere: by kind and name, or all of a kind with ``*``."""
        return bool({f"{kind}/{name}", f"{kind}/*"} & self.declared)

    @property
    def namespace(self) -> str:
        """The namespace that the Application is for."""
        value = self.chosen or self.document.data["metadata"].get("namespace")
        return value if isinstance(value, str) else "default"

    @cached_property
    def components(self) -> list[Part]:
        """The components, in their order."""
        return [
            _part(item, ("spec", "components", index), item["name"])
            for index, item in enumerate(self.document.data["spec"]["components"])
        ]

    @cached_property
    def traits(self) -> list[Part]:
        """The traits of all components, in their order."""
        return [
            _part(trait, ("spec", "components", index, "traits", number), item["name"])
            for index, item in enumerate(self.document.data["spec"]["components"])
            for number, trait in enumerate(item.get("traits") or [])
        ]

    @cached_property
    def _types(self) -> frozenset[str]:
        return frozenset(part.type for part in self.components)

    def of_type(self, *types: str) -> list[Part]:
        """Return the components of some types."""
        if SERVICE in types and not self.services:
            types = tuple(item for item in types if item != SERVICE)
        if self._types.isdisjoint(types):
            return []
        return [part for part in self.components if part.type in types]

    @cached_property
    def clients(self) -> list[tuple[Part, str]]:
        """The services that use a platform: component or trait, and the name of the property that says which."""
        found = [(part, "realtime") for part in self.of_type(SERVICE) if part.text("realtime")]
        return found + [(part, "platform") for part in self.traits if part.type == TRAIT]

    def namespace_of(self, part: Part) -> str:
        """Return the namespace that a part looks for a platform in: its property ``namespace``, else this one."""
        return part.text("namespace") or self.namespace

    @cached_property
    def owners(self) -> list[Part]:
        """The components that run a Kafka that others may use."""
        return [part for part in self.components if part.type == PLATFORM or self.runs_kafka(part)]

    def runs_kafka(self, part: Part) -> bool:
        """Tell whether an iot-broker brings a Kafka of its own."""
        if part.type != BROKER or not has_bridge(part) or part.table("kafka") or part.text("platform"):
            return False
        return not self.of_type(PLATFORM)


def has_bridge(part: Part) -> bool:
    """Tell whether an iot-broker writes to Kafka."""
    return isinstance(part.get("connector"), dict) and part.get("connector", "enabled") is not False


def needs_link(source: Any) -> bool:
    """Tell whether a data source of a dashboard is a Kafka that it does not name itself."""
    if not isinstance(source, dict) or source.get("type") != "kafka":
        return False
    return not source.get("connectionString") and not source.get("secretRef")


def secrets_of(platforms: AbstractSet[str]) -> set[str]:
    """Return the names of the connection Secrets that platforms have."""
    return {f"{name}-{suffix}" for name in platforms for suffix in SECRETS}


def _part(item: dict[str, Any], route: Route, component: str) -> Part:
    properties = item.get("properties")
    name = item["type"].partition("@")[0]
    return Part(name, route, properties if isinstance(properties, dict) else {}, component)


def strings(values: list[Any]) -> Iterator[tuple[int, str]]:
    """Yield the texts of a list with their places."""
    for index, value in enumerate(values):
        if isinstance(value, str):
            yield index, value
