"""What an API server refuses and Kubernetes' schemas do not say: numbers out of range, hosts that are no DNS names.

The limits are those of the validation packages of Kubernetes (``pkg/apis/core/validation`` and its siblings).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vela_realtime.documents.application import show_path
from vela_realtime.findings.suggest import shown
from vela_realtime.kubernetes.names import SUBDOMAIN
from vela_realtime.kubernetes.objects import dicts, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.documents.application import Route

_PORT = (1, 65535)
_COUNT = (0, 2**31 - 1)
LIMITS = {
    **dict.fromkeys(("containerPort", "hostPort", "nodePort", "port", "targetPort"), _PORT),
    **dict.fromkeys(
        (
            "backoffLimit",
            "completions",
            "failureThreshold",
            "initialDelaySeconds",
            "minReplicas",
            "parallelism",
            "periodSeconds",
            "replicas",
            "revisionHistoryLimit",
            "successThreshold",
            "terminationGracePeriodSeconds",
            "timeoutSeconds",
        ),
        _COUNT,
    ),
    "maxReplicas": (1, _COUNT[1]),
}
"""Field to the least and the most that it may be. A port may have a name in its place, and a count may be left out."""

_KINDS = {
    "CronJob",
    "DaemonSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Ingress",
    "Job",
    "Pod",
    "Service",
    "StatefulSet",
}
_FREE = {"annotations", "labels", "matchLabels", "nodeSelector", "selector"}


def check(item: dict[str, Any]) -> Iterator[tuple[Route, str]]:
    """Yield what is wrong with an object of a kind that we know."""
    kind = item.get("kind")
    if kind not in _KINDS:
        return
    yield from _numbers(item.get("spec"), ("spec",))
    spec = table(item, "spec")
    if kind == "HorizontalPodAutoscaler":
        least, most = spec.get("minReplicas", 1), spec.get("maxReplicas")
        if isinstance(least, int) and isinstance(most, int) and least > most:
            yield (("spec", "minReplicas"), f"spec.minReplicas {least} is above maxReplicas {most}")
    if kind == "Ingress":
        for index, rule in enumerate(dicts(spec.get("rules"))):
            host = rule.get("host", "a")
            if isinstance(host, str) and not SUBDOMAIN.fullmatch(host.removeprefix("*.")):
                route = ("spec", "rules", index, "host")
                yield (route, f"{show_path(route)}: {shown(host)} is no DNS name in small letters")


def _numbers(value: Any, route: Route) -> Iterator[tuple[Route, str]]:
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _numbers(inner, (*route, index))
        return
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key in LIMITS and isinstance(inner, int):
            least, most = LIMITS[key]
            if not least <= inner <= most:
                wanted = f"from {least} to {most}" if most == _PORT[1] else f"at least {least}"
                here = (*route, key)
                yield (here, f"{show_path(here)} must be {wanted}, not {inner}")
        elif key not in _FREE:
            yield from _numbers(inner, (*route, key))
