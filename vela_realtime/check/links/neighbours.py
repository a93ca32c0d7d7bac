"""What the Applications of one check have for each other, by namespace: worked out once, whoever asks."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from vela_realtime.check.links import made
from vela_realtime.check.links.landscape import (
    BROKER,
    DASHBOARD,
    PLATFORM,
    PROCESSOR,
    SERVICE,
    WORKLOADS,
    Kafka,
    secrets_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from vela_realtime.check.links.landscape import Landscape, Part


class Neighbours:
    """All Applications that are looked at, in any namespace, and the Secrets that stand as objects beside them."""

    def __init__(self, landscapes: Sequence[Landscape], secret_objects: AbstractSet[str] = frozenset()) -> None:
        self._landscapes = landscapes
        self._secret_objects = secret_objects

    def platforms(self, namespace: str) -> Mapping[str, Sequence[Landscape]]:
        """Return the names of what others can refer to as a platform, each with the Applications that have it."""
        return self._platforms.get(namespace, {})

    def kafka(self, namespace: str, name: str) -> Part | None:
        """Return the component of this name that runs a Kafka for others, None where no Application has it."""
        return self._kafkas.get((namespace, name))

    def secrets(self, namespace: str) -> AbstractSet[str]:
        """Return the Secrets that a namespace has."""
        return self._secrets.get(namespace, self._secret_objects)

    def platform_secrets(self, namespace: str) -> AbstractSet[str]:
        """Return the connection Secrets of all platforms in a namespace."""
        return self._platform_secrets.get(namespace, frozenset())

    def topics(self, owner: Part) -> AbstractSet[str]:
        """Return the topics that are made in one Kafka: those of its own component, and what others write to it."""
        return self._topics.get(owner, frozenset())

    def declared_topics(self, owner: Part) -> AbstractSet[str]:
        """Return the topics of one Kafka that surely are called so: a processor's only where a query writes to them."""
        return self._declared_topics.get(owner, frozenset())

    def kafka_of(self, landscape: Landscape, part: Part) -> Kafka:
        """Return the Kafka that a broker, processor, dashboard or client uses.

        The order is that of the definitions: addresses, ``platform``, the one realtime-platform of the
        Application, for a processor or dashboard the one iot-broker with a Kafka, and else its own.
        """
        if part.table("kafka"):
            return Kafka(None)
        property_name = "realtime" if part.type == SERVICE else "platform"
        if named := part.text(property_name):
            own = next((owner for owner in landscape.owners if owner.name == named), None)
            return Kafka(own or self.kafka(landscape.namespace_of(part), named))
        platforms = landscape.of_type(PLATFORM)
        if platforms:
            return Kafka(platforms[0] if len(platforms) == 1 else None)
        brokers = [owner for owner in landscape.owners if owner is not part]
        if part.type in {PROCESSOR, DASHBOARD} and brokers:
            return Kafka(brokers[0] if len(brokers) == 1 else None)
        return Kafka(part, own=True)

    def elsewhere(self, landscape: Landscape, mentioned: AbstractSet[str]) -> frozenset[str]:
        """Return what others bring, as ``kind/name``: what was declared so, and what platforms elsewhere have.

        Of the Secrets of platforms that the Application does not name, those that its objects mention are enough:
        what is said of them then stays the same, whatever else there is.
        """
        declared = {item.removeprefix("platform/") for item in landscape.declared if item.startswith("platform/")}
        # A platform that nobody has is reported as such, and not once more for each of its Secrets.
        named = {part.text(key) for part, key in landscape.clients}
        named |= {part.text("platform") for part in landscape.of_type(BROKER, PROCESSOR, DASHBOARD)}
        own = {part.name for part in landscape.of_type(PLATFORM, BROKER)}
        found = secrets_of(named - own) | (self.platform_secrets(landscape.namespace) & mentioned)
        found = found - secrets_of(own) | secrets_of(declared)
        return landscape.declared | {f"secret/{name}" for name in found}

    def first(self, landscape: Landscape, part: Part) -> tuple[Landscape, Part]:
        """Return the first component of the same file and namespace that makes the same objects: maybe this one.

        Applications of different files may be meant as alternatives.
        """
        return self._firsts[_identity(landscape, part)]

    def first_called(self, landscape: Landscape) -> Landscape:
        """Return the first Application of the same file, namespace and name: maybe this one."""
        return self._called[_called(landscape)]

    def first_workload(self, landscape: Landscape, part: Part) -> tuple[Landscape, Part] | None:
        """Return the first component of the same file whose object of KubeVela's is called the same: maybe this one.

        An Application that shares its objects, takes over those of others, or sends them elsewhere, means it.
        """
        if part.type not in WORKLOADS or not self._several or _shares(landscape):
            return None
        found = self._workloads.get(_workload(landscape, part))
        return None if found is None or _shares(found[0]) else found

    @cached_property
    def _several(self) -> bool:
        return len(self._landscapes) > 1

    @cached_property
    def _called(self) -> dict[tuple[str, str, str], Landscape]:
        found: dict[tuple[str, str, str], Landscape] = {}
        for landscape in self._landscapes:
            found.setdefault(_called(landscape), landscape)
        return found

    @cached_property
    def _workloads(self) -> dict[tuple[str, str, str, str], tuple[Landscape, Part]]:
        found: dict[tuple[str, str, str, str], tuple[Landscape, Part]] = {}
        for landscape in self._landscapes:
            for part in landscape.components:
                if part.type in WORKLOADS:
                    found.setdefault(_workload(landscape, part), (landscape, part))
        return found

    @cached_property
    def _platforms(self) -> dict[str, dict[str, list[Landscape]]]:
        found: dict[str, dict[str, list[Landscape]]] = defaultdict(lambda: defaultdict(list))
        for landscape in self._landscapes:
            for part in landscape.of_type(PLATFORM, BROKER):
                found[landscape.namespace][part.name].append(landscape)
        return found

    @cached_property
    def _kafkas(self) -> dict[tuple[str, str], Part]:
        found: dict[tuple[str, str], Part] = {}
        for landscape in self._landscapes:
            for part in landscape.owners:
                found.setdefault((landscape.namespace, part.name), part)
        return found

    @cached_property
    def _secrets(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(lambda: set(self._secret_objects))
        for landscape in self._landscapes:
            found[landscape.namespace].update(made.secrets(landscape))
        return found

    @cached_property
    def _platform_secrets(self) -> dict[str, set[str]]:
        return {namespace: secrets_of(platforms.keys()) for namespace, platforms in self._platforms.items()}

    @cached_property
    def _topics(self) -> dict[Part, set[str]]:
        return self._topics_and(made.written_topics)

    @cached_property
    def _declared_topics(self) -> dict[Part, set[str]]:
        def declared(part: Part) -> set[str]:
            written = set(made.written_topics(part))
            return written if part.type == BROKER else written & made.queried_topics(part)

        return self._topics_and(declared)

    def _topics_and(self, written: Callable[[Part], Iterable[str]]) -> dict[Part, set[str]]:
        """Return the topics of each Kafka: a platform's own, and what ``written`` says of those that use it."""
        found: dict[Part, set[str]] = defaultdict(set)
        for landscape in self._landscapes:
            for part in landscape.of_type(PLATFORM):
                found[part].update(made.topics(part))
            for part in landscape.of_type(BROKER, PROCESSOR):
                if owner := self.kafka_of(landscape, part).owner:
                    found[owner].update(written(part))
        return found

    @cached_property
    def _firsts(self) -> dict[tuple[str, str, str, str], tuple[Landscape, Part]]:
        found: dict[tuple[str, str, str, str], tuple[Landscape, Part]] = {}
        for landscape in self._landscapes:
            for part in landscape.of_type(PLATFORM, BROKER, PROCESSOR, DASHBOARD):
                found.setdefault(_identity(landscape, part), (landscape, part))
        return found


def _identity(landscape: Landscape, part: Part) -> tuple[str, str, str, str]:
    return (landscape.document.file, landscape.namespace, part.type, part.name)


def _called(landscape: Landscape) -> tuple[str, str, str]:
    return (landscape.document.file, landscape.namespace, landscape.document.name)


def _workload(landscape: Landscape, part: Part) -> tuple[str, str, str, str]:
    return (landscape.document.file, landscape.namespace, WORKLOADS[part.type], part.component)


def _shares(landscape: Landscape) -> bool:
    # A topology may send them to another cluster or namespace.
    meant = {"read-only", "shared-resource", "take-over", "topology"}
    return any(policy["type"] in meant for policy in landscape.document.data["spec"].get("policies") or [])
