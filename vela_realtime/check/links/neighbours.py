"""What the Applications of one check have for each other, by namespace: worked out once, whoever asks."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from vela_realtime.check.links import secrets, topics
from vela_realtime.check.links.landscape import BROKER, DASHBOARD, PLATFORM, PROCESSOR, secrets_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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

    def first(self, landscape: Landscape, part: Part) -> tuple[Landscape, Part]:
        """Return the first component of the same file and namespace that makes the same objects: maybe this one.

        Applications of different files may be meant as alternatives.
        """
        return self._firsts[_identity(landscape, part)]

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
            found[landscape.namespace].update(secrets.made(landscape))
        return found

    @cached_property
    def _platform_secrets(self) -> dict[str, set[str]]:
        return {namespace: secrets_of(platforms.keys()) for namespace, platforms in self._platforms.items()}

    @cached_property
    def _topics(self) -> dict[Part, set[str]]:
        found: dict[Part, set[str]] = defaultdict(set)
        for landscape in self._landscapes:
            for part in landscape.of_type(PLATFORM):
                found[part].update(topics.of_platform(part))
            for part in landscape.of_type(BROKER, PROCESSOR):
                if owner := landscape.kafka(part).owner:
                    found[owner].update(topics.written(part))
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
