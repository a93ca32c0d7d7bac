"""The images of two renderings compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vela_realtime.diff.kinds import change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vela_realtime.diff.kinds import Change

Object = dict[str, Any]

_REFERENCE = re.compile(r"(?P<name>[^@]+?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]*))?(?:@(?P<digest>\S+))?")


def compare(
    definition: str,
    general: Callable[[str], str],
    old: Iterable[Object],
    new: Iterable[Object],
    pairs: Iterable[tuple[Object, Object]],
) -> Iterator[Change]:
    """Yield the images that are needed, or needed no more, and what became of those of the objects that stayed.

    ``general`` turns an object's name into one that holds for every instance.
    """
    before, after = of_objects(old), of_objects(new)
    changed: set[str] = set()
    for one, other in pairs:
        containers = dict(_containers(other))
        for name, image in _containers(one):
            successor = containers.get(name)
            if successor is None or successor == image:
                continue
            changed |= {image, successor}
            where = f"{one['kind']} {general(one['metadata']['name'])} container {name}"
            kind = "image-major" if keeps_data(one) and _major(image) != _major(successor) else "image-changed"
            yield change(kind, definition, where, f"{successor}, was {image}")
    for image in sorted(after - before - changed):
        yield change("image-added", definition, image, "is needed")
    for image in sorted(before - after - changed):
        yield change("image-removed", definition, image, "is needed no more")


def of_objects(objects: Iterable[Object]) -> set[str]:
    """Return every image that some objects' pods need."""
    return {image for item in objects for _, image in _containers(item)}


def keeps_data(item: Object) -> bool:
    """Tell whether an object's pods have a volume that outlasts them."""
    if item.get("kind") == "StatefulSet":
        return bool(item.get("spec", {}).get("volumeClaimTemplates"))
    return any("persistentVolumeClaim" in volume for volume in _pod(item).get("volumes") or [])


def _pod(item: Object) -> Object:
    spec: Any = item.get("spec") or {}
    for step in ("jobTemplate", "spec", "template", "spec"):
        if isinstance(spec, dict) and isinstance(spec.get(step), dict):
            spec = spec[step]
    return spec if isinstance(spec, dict) else {}


def _containers(item: Object) -> Iterator[tuple[str, str]]:
    pod = _pod(item)
    for part in ("initContainers", "containers"):
        for container in pod.get(part) or []:
            if isinstance(container.get("image"), str):
                yield container.get("name", ""), container["image"]
    for volume in pod.get("volumes") or []:
        if isinstance(volume.get("image"), dict):
            yield volume.get("name", ""), volume["image"].get("reference", "")


def _major(image: str) -> tuple[str, str]:
    """Return an image's name, without its registry, and the first number of its tag."""
    match = _REFERENCE.fullmatch(image)
    if match is None:
        return image, ""
    number = re.match(r"v?(\d+)", match["tag"] or "")
    return match["name"].rpartition("/")[2], number[1] if number else match["tag"] or ""
