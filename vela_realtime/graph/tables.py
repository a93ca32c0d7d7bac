"""What a picture shows as a page of tables, for a review and for a file that is kept beside an Application.

More than in a picture is told: who looks up names, which policies select which pods, and what each ServiceAccount may
do with the Kubernetes API (https://kubernetes.io/docs/reference/access-authn-authz/rbac/).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from vela_realtime.check.objects.model import Objects, Pod
from vela_realtime.graph import entrances, network
from vela_realtime.kubernetes.objects import dicts, matches, metadata, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vela_realtime.graph.model import Graph

_NONE = "none"

_HASH = re.compile(r"-[0-9a-f]{8}$")
"""What the name of a Job ends with: it changes with what the Job does, and says nothing to a reader."""


def tables(graph: Graph) -> str:
    """Return the page of a picture's objects."""
    found = Objects(graph.objects)
    several = len({_namespace(item) for item in graph.objects}) > 1
    lines = [f"# {graph.title}", ""]
    lines += [f"Not looked at: {text}.\n" for text in graph.missing]
    lines += ["## Who may reach what", "", *_table(("from", "to", "ports"), _connections(found, several))]
    if wide := _wide(found):
        lines += ["", f"Rules that open every port of their peers, since they name none: {', '.join(wide)}."]
    lines += ["", "## Pods", ""]
    lines += _table(("pods", "their network policies", "ServiceAccount"), _pods(found, several))
    if chosen := list(_chosen(found)):
        lines += ["", "## Labels that the policies go by", ""]
        lines += _table(("label", "policies that select by it", "peers that are chosen by it"), chosen)
    if rights := list(_rights(found, several)):
        lines += ["", "## What ServiceAccounts may do", ""]
        lines += _table(("ServiceAccount", "may", "with", "of these names"), rights)
    return "\n".join([*lines, ""])


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    body = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(body or [f"| {_NONE} |" + " |" * (len(head) - 1)])]


def _connections(objects: Objects, several: bool) -> Iterator[tuple[str, str, str]]:
    """Yield the connections, each pair of ends once, those to one end together."""
    names = {pod.object: _name(objects.items[pod.object], several) for pod in objects.pods}
    reach = network.reach(objects, others=True)
    ports: dict[tuple[str, str], dict[str, None]] = {}
    ends: list[tuple[int | str, int | str, str]] = [
        (way.source, way.target, way.label) for way in entrances.find(objects)
    ]
    ends += [(item.source, item.target, item.ports) for item in reach.connections]
    ends += [("anyone", pod.object, "all ports: no policy says who") for pod in objects.pods if not reach.closed(pod)]
    for source, target, label in ends:
        pair = (_end(source, names), _end(target, names))
        ports.setdefault(pair, {})[label] = None
    for (source, target), labels in sorted(ports.items(), key=lambda item: (item[0][1], item[0][0])):
        yield source, target, ", ".join(labels)


def _end(end: int | str, names: dict[int, str]) -> str:
    return names[end] if isinstance(end, int) else end


def _pods(objects: Objects, several: bool) -> Iterator[tuple[str, str, str]]:
    for pod in sorted(objects.pods, key=lambda pod: _name(objects.items[pod.object], several)):
        item = objects.items[pod.object]
        policies = sorted(
            str(metadata(policy).get("name"))
            for policy in objects.items
            if policy.get("kind") == "NetworkPolicy"
            and _namespace(policy) == _namespace(item)
            and matches(table(policy, "spec", "podSelector"), pod.labels)
        )
        yield _name(item, several), ", ".join(policies) or _NONE, _account(objects, pod)


def _wide(objects: Objects) -> list[str]:
    """Return the policies with such rules: as the other end's may close what they open, no connection shows them."""
    return [
        f"{direction} of {metadata(policy).get('name')}"
        for policy in _of(objects, "NetworkPolicy")
        for direction in ("ingress", "egress")
        for rule in dicts(table(policy, "spec").get(direction))
        if not rule.get("ports")
    ]


def _chosen(objects: Objects) -> Iterator[tuple[str, str, str]]:
    """Yield how often each label is asked for. One less, and a selector takes the pods of somebody else too."""
    selecting: Counter[str] = Counter()
    chosen: Counter[str] = Counter()
    for policy in _of(objects, "NetworkPolicy"):
        spec = table(policy, "spec")
        selecting.update(_asked(table(spec, "podSelector")))
        rules = [*dicts(spec.get("ingress")), *dicts(spec.get("egress"))]
        for peer in (peer for rule in rules for peer in (*dicts(rule.get("from")), *dicts(rule.get("to")))):
            chosen.update(_asked(table(peer, "podSelector")))
            chosen.update(f"{label} of the namespace" for label in _asked(table(peer, "namespaceSelector")))
    for label in sorted({*selecting, *chosen}):
        yield label, str(selecting[label]), str(chosen[label])


def _asked(selector: dict[str, Any]) -> list[str]:
    found = [f"{key}={value}" for key, value in table(selector, "matchLabels").items()]
    for item in dicts(selector.get("matchExpressions")):
        found += [" ".join([str(item.get("key")), str(item.get("operator")), *map(str, item.get("values") or ())])]
    return found


def _account(objects: Objects, pod: Pod) -> str:
    """Return the account whose token the pods have: the pod's own word wins over the account's."""
    name = str(pod.spec.get("serviceAccountName") or "default")
    namespace = _namespace(objects.items[pod.object])
    account = objects.find("ServiceAccount", name, namespace) or {}
    mounted = pod.spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
    return name if mounted else "no token"


def _rights(objects: Objects, several: bool) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each rule that a binding gives an account, and one for an account without any."""
    for account in sorted(_of(objects, "ServiceAccount"), key=lambda item: _name(item, several)):
        rows = sorted(row for rule in granted(objects.items, account) for row in _rule(rule))
        for row in rows or [(_NONE, "", "")]:
            yield (_name(account, several), *row)


def _rule(rule: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    verbs = ", ".join(sorted(rule.get("verbs") or ()))
    names = ", ".join(sorted(rule.get("resourceNames") or ())) or "any"
    for resource in [*(rule.get("resources") or ()), *(rule.get("nonResourceURLs") or ())]:
        for group in rule.get("apiGroups") or [""]:
            yield verbs, f"{resource}.{group}" if group else str(resource), names


def granted(objects: Sequence[dict[str, Any]], account: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rules of the roles that some objects bind to a ServiceAccount."""
    wanted = ("ServiceAccount", metadata(account).get("name"), _namespace(account))
    found: list[dict[str, Any]] = []
    for binding in objects:
        if binding.get("kind") not in {"RoleBinding", "ClusterRoleBinding"}:
            continue
        here = _namespace(binding)
        subjects = [
            (item.get("kind"), item.get("name"), item.get("namespace", here)) for item in dicts(binding.get("subjects"))
        ]
        reference = table(binding, "roleRef")
        roles = [
            role
            for role in objects
            if role.get("kind") == reference.get("kind")
            and metadata(role).get("name") == reference.get("name")
            and (role.get("kind") == "ClusterRole" or _namespace(role) == here)
        ]
        if wanted in subjects:
            found += [rule for role in roles for rule in dicts(role.get("rules"))]
    return found


def _of(objects: Objects, kind: str) -> list[dict[str, Any]]:
    return [item for item in objects.items if item.get("kind") == kind]


def _name(item: dict[str, Any], several: bool) -> str:
    name = str(metadata(item).get("name", "unnamed"))
    if item.get("kind") == "Job":
        name = _HASH.sub("-HASH", name)
    return f"{_namespace(item)}/{name}" if several else name


def _namespace(item: dict[str, Any]) -> str:
    return str(metadata(item).get("namespace", "default"))
