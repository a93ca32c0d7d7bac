"""What a container has to say about itself: resources, probes, image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vela_realtime.check.objects.model import RESTRICTED, Objects, Violation, rule
from vela_realtime.findings import Severity
from vela_realtime.kubernetes.objects import table

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVING = {"Deployment", "StatefulSet", "DaemonSet"}
"""The kinds whose pods are there to stay."""


@rule("resources", severity=Severity.WARNING, profile=RESTRICTED)
def resources(objects: Objects) -> Iterator[Violation]:
    """Yield containers without requests for CPU and memory, or without a limit of memory."""
    for pod in objects.pods:
        for path, container in pod.containers():
            given = table(container, "resources")
            missing = [f"requests.{key}" for key in ("cpu", "memory") if key not in table(given, "requests")]
            missing += [] if "memory" in table(given, "limits") else ["limits.memory"]
            # A limit without a request is a request too.
            missing = [key for key in missing if key.removeprefix("requests.") not in table(given, "limits")]
            if missing:
                yield Violation(pod.object, f"{path}.resources has no {', '.join(missing)}")


@rule("probes", severity=Severity.WARNING, profile=RESTRICTED)
def probes(objects: Objects) -> Iterator[Violation]:
    """Yield containers that serve, and that nobody can ask how they are."""
    for pod in objects.pods:
        if pod.kind not in SERVING:
            continue
        for path, container in pod.containers(init=False):
            missing = [name for name in ("readinessProbe", "livenessProbe") if name not in container]
            if missing:
                yield Violation(pod.object, f"{path} has no {' and no '.join(missing)}")


_REFERENCE = re.compile(r"(?P<name>[^@]*?)(?::(?P<tag>[^:/@]+))?(?:@(?P<digest>.+))?")


@rule("image-tag", severity=Severity.WARNING, hint="name a version, or a digest")
def image_tag(objects: Objects) -> Iterator[Violation]:
    """Yield images that are another one tomorrow."""
    for pod in objects.pods:
        for path, container in pod.containers():
            image = container.get("image")
            match = _REFERENCE.fullmatch(image) if isinstance(image, str) else None
            if not isinstance(image, str) or match is None or match["digest"]:
                continue
            if not match["tag"]:
                yield Violation(pod.object, f"{path}.image has no tag: {image}", image)
            elif match["tag"] == "latest":
                yield Violation(pod.object, f"{path}.image has the tag latest: {image}", image)


RULES = (resources, probes, image_tag)
