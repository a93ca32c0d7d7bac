"""What an API server refuses and Kubernetes' schemas do not say: numbers out of range, hosts that are no DNS names.

The limits are those of the validation packages of Kubernetes (``pkg/apis/core/validation`` and its siblings).
"""

from __future__ import annotations

import re
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
    for pod, route in _pod_specs(spec, ("spec",)):
        yield from _scheduling(pod, route)
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


_QUALIFIED = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def _scheduling(spec: dict[str, Any], route: Route) -> Iterator[tuple[Route, str]]:
    """Yield where a pod is sent and cannot be: node labels, tolerations and priority that no API server takes."""
    for key, value in table(spec, "nodeSelector").items():
        here = (*route, "nodeSelector", key)
        if not _QUALIFIED.fullmatch(str(key)):
            yield (here, f"{show_path(here[:-1])}: {shown(key)} is no name of a label")
        elif isinstance(value, str) and not _LABEL.fullmatch(value):
            yield (here, f"{show_path(here)}: {shown(value)} is no value of a label")
    for index, item in enumerate(dicts(spec.get("tolerations"))):
        place = (*route, "tolerations", index)
        operator, effect = item.get("operator") or "Equal", item.get("effect") or ""
        if operator not in {"Equal", "Exists"}:
            yield ((*place, "operator"), f"{show_path(place)}.operator must be Equal or Exists, not {shown(operator)}")
        if effect and effect not in _EFFECTS:
            among = ", ".join(_EFFECTS)
            yield ((*place, "effect"), f"{show_path(place)}.effect must be one of {among}, not {shown(effect)}")
        elif item.get("tolerationSeconds") is not None and effect != "NoExecute":
            yield (place, f"{show_path(place)}.tolerationSeconds goes with the effect NoExecute alone")
    name = spec.get("priorityClassName")
    if isinstance(name, str) and name and not SUBDOMAIN.fullmatch(name):
        here = (*route, "priorityClassName")
        yield (here, f"{show_path(here)}: {shown(name)} is no name: small letters, digits and dashes")


def _pod_specs(value: Any, route: Route) -> Iterator[tuple[dict[str, Any], Route]]:
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list):
            yield value, route
        for key in ("spec", "template", "jobTemplate"):
            yield from _pod_specs(value.get(key), (*route, key))


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
