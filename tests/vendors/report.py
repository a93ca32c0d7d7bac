"""What was proven, part by part: the image and its digest, whether it ran, and how each check went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.hermetic.nodes import PLAYED_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass
class Report:
    """Filled while the tests run. ``parts`` is keyed by platform, part and image."""

    parts: dict[tuple[str, str, str], str] = field(default_factory=dict)
    checks: dict[str, str] = field(default_factory=dict)

    def add(self, platform: str, pods: Iterable[dict[str, Any]]) -> None:
        """Take in the pods of a platform that is healthy."""
        for pod in pods:
            part = pod["metadata"]["labels"].get("app.kubernetes.io/name", "")
            states = {state["name"]: state for state in _states(pod)}
            for container in _containers(pod):
                digest = states.get(container["name"], {}).get("imageID", "").rpartition("@")[2]
                self.parts[platform, part, container["image"]] = "**played**" if is_played(pod) else digest

    def text(self) -> str:
        """Return it as a page in Markdown."""
        lines = [
            "# The platform on the vendors' programs",
            "",
            "| platform | part | image | digest |",
            "|---|---|---|---|",
        ]
        lines += [f"| {' | '.join(key)} | {digest} |" for key, digest in sorted(self.parts.items())]
        played = sorted({image for (_, _, image), digest in self.parts.items() if digest == "**played**"})
        if played:
            lines += ["", f"Not run, only played: {', '.join(played)}."]
        lines += ["", "| check | outcome |", "|---|---|", *(f"| {name} | {how} |" for name, how in self.checks.items())]
        return "\n".join(lines) + "\n"


def is_played(pod: dict[str, Any]) -> bool:
    """Tell whether a pod is on a node that KWOK plays."""
    return str(pod["spec"].get("nodeName", "")).startswith(PLAYED_PREFIX)


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for kind in ("initContainers", "containers") for item in pod["spec"].get(kind, [])]


def _states(pod: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = ("initContainerStatuses", "containerStatuses")
    return [item for kind in kinds for item in pod["status"].get(kind, [])]
