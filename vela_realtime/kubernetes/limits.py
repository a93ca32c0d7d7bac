"""What an API server refuses and Kubernetes' schemas do not say: numbers out of range, hosts that are no DNS names.

The limits are those of the validation packages of Kubernetes (``pkg/apis/core/validation`` and its siblings).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from vela_realtime.documents.application import show_path
from vela_realtime.findings.suggest import shown
from vela_realtime.kubernetes.names import LABEL_KEY, LABEL_VALUE, SUBDOMAIN
from vela_realtime.kubernetes.objects import dicts, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.documents.application import Route

Fault: TypeAlias = "tuple[str, object]"
"""What is wrong, and the name or the value that is to blame."""

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


def check(item: dict[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with an object of a kind that we know."""
    kind = str(item.get("kind"))
    if kind not in _KINDS:
        return
    yield from _numbers(item.get("spec"), ("spec",))
    spec = table(item, "spec")
    for pod, route in _pod_specs(spec, ("spec",)):
        yield from _scheduling(pod, route)
    if kind == "HorizontalPodAutoscaler":
        least, most = spec.get("minReplicas", 1), spec.get("maxReplicas")
        if isinstance(least, int) and isinstance(most, int) and least > most:
            yield f"spec.minReplicas {least} is above maxReplicas {most}", least
    if kind == "Ingress":
        for index, rule in enumerate(dicts(spec.get("rules"))):
            host = rule.get("host", "a")
            if isinstance(host, str) and not SUBDOMAIN.fullmatch(host.removeprefix("*.")):
                route = ("spec", "rules", index, "host")
                yield f"{show_path(route)}: {shown(host)} is no DNS name in small letters", host


_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def _scheduling(spec: dict[str, Any], route: Route) -> Iterator[Fault]:
    """Yield where a pod is sent and cannot be: node labels, tolerations and priority that no API server takes."""
    for key, value in table(spec, "nodeSelector").items():
        here = show_path((*route, "nodeSelector"))
        if not LABEL_KEY.fullmatch(str(key)):
            yield f"{here}: {shown(key)} is no name of a label", key
        if isinstance(value, str) and not LABEL_VALUE.fullmatch(value):
            yield f"{here}: {shown(value)} is no value of a label", value
    for index, item in enumerate(dicts(spec.get("tolerations"))):
        place = show_path((*route, "tolerations", index))
        operator, effect = item.get("operator") or "Equal", item.get("effect") or ""
        if operator not in ("Equal", "Exists"):
            yield f"{place}.operator must be Equal or Exists, not {shown(operator)}", operator
        if operator == "Exists" and item.get("value"):
            yield f"{place}.value has no place beside the operator Exists", item["value"]
        if effect and effect not in _EFFECTS:
            yield f"{place}.effect must be one of {', '.join(_EFFECTS)}, not {shown(effect)}", effect
        elif item.get("tolerationSeconds") is not None and effect != "NoExecute":
            yield f"{place}.tolerationSeconds goes with the effect NoExecute alone", "tolerationSeconds"
    name = spec.get("priorityClassName")
    if isinstance(name, str) and name and not SUBDOMAIN.fullmatch(name):
        here = show_path((*route, "priorityClassName"))
        yield f"{here}: {shown(name)} is no name: small letters, digits and dashes", name


def _pod_specs(value: Any, route: Route) -> Iterator[tuple[dict[str, Any], Route]]:
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list):
            yield value, route
        for key in ("spec", "template", "jobTemplate"):
            yield from _pod_specs(value.get(key), (*route, key))


def _numbers(value: Any, route: Route) -> Iterator[Fault]:
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
                yield f"{show_path(here)} must be {wanted}, not {inner}", inner
        elif key not in _FREE:
            yield from _numbers(inner, (*route, key))
