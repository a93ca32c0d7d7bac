"""What network policies leave open, as Kubernetes reads them.

A pod that no policy of a direction selects is open in it; else what any of them allows is allowed
(https://kubernetes.io/docs/concepts/services-networking/network-policies/).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from vela_realtime.kubernetes.objects import dicts, matches, metadata, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.objects.model import Objects, Pod

ANY_ADDRESS = "any address"
NAMESPACE_NAME = "kubernetes.io/metadata.name"
_DNS = 53

Ports: TypeAlias = "frozenset[tuple[str, str]] | None"
"""Protocols and ports that are open; None for all."""


@dataclass(frozen=True)
class Connection:
    """One that is allowed: from and to an object's number, or a name for somebody outside."""

    source: int | str
    target: int | str
    ports: str
    dns: bool = False
    """Whether it is one by which names are looked up, which is the same for everybody."""


@dataclass(frozen=True)
class Reach:
    """What may be reached from where."""

    connections: tuple[Connection, ...]
    protected: frozenset[int]

    def closed(self, pod: Pod) -> bool:
        """Tell whether a policy says who may connect to a pod."""
        return pod.object in self.protected


@dataclass(frozen=True)
class _Rule:
    ports: Ports
    peers: tuple[dict[str, Any], ...] | None
    """None for everybody."""
    namespace: str


def reach(objects: Objects, *, others: bool = False) -> Reach:
    """Return the connections that the policies of some objects speak of, and allow.

    Pods of ours that a policy admits by labels may not be the only ones with these labels. ``others`` tells of the
    rest too, but for the labels of an instance, which are its pods' own.
    """
    policies = [item for item in objects.items if item.get("kind") == "NetworkPolicy"]
    ingress = {pod.object: _rules(objects, policies, pod, "Ingress") for pod in objects.pods}
    egress = {pod.object: _rules(objects, policies, pod, "Egress") for pod in objects.pods}
    found: dict[Connection, None] = {}
    for pod in objects.pods:
        for connection in _incoming(objects, pod, ingress, egress, others=others):
            found[connection] = None
        for connection in _outgoing(objects, pod, ingress, egress):
            found[connection] = None
    return Reach(tuple(found), frozenset(key for key, rules in ingress.items() if rules is not None))


def _rules(objects: Objects, policies: list[dict[str, Any]], pod: Pod, direction: str) -> list[_Rule] | None:
    """Return the rules of a direction that apply to a pod, None where no policy does."""
    rules: list[_Rule] | None = None
    for policy in policies:
        spec, namespace = table(policy, "spec"), _namespace(policy)
        types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]
        if direction not in types or namespace != _namespace(objects.items[pod.object]):
            continue
        if not matches(table(spec, "podSelector"), pod.labels):
            continue
        rules = rules or []
        ends = "from" if direction == "Ingress" else "to"
        for rule in dicts(spec.get(direction.lower())):
            peers = tuple(dicts(rule.get(ends))) or None
            rules.append(_Rule(_ports(rule), peers, namespace))
    return rules


def _ports(rule: dict[str, Any]) -> Ports:
    entries = dicts(rule.get("ports"))
    if not entries:
        return None
    return frozenset(
        (
            str(entry.get("protocol", "TCP")),
            f"{entry.get('port', 'all')}" + (f"-{entry['endPort']}" if "endPort" in entry else ""),
        )
        for entry in entries
    )


def _incoming(objects: Objects, pod: Pod, ingress: Any, egress: Any, *, others: bool) -> Iterator[Connection]:
    for rule in ingress[pod.object] or ():
        if rule.peers is None:
            yield Connection("anyone", pod.object, _shown(rule.ports))
            continue
        for peer in rule.peers:
            inside = [other for other in objects.pods if _is(objects, peer, other, rule)]
            for other in inside:
                open_ports = _both(rule.ports, _allowed(objects, egress[other.object], pod))
                if open_ports is None or open_ports:
                    yield Connection(other.object, pod.object, _shown(open_ports))
            if not _own(objects, peer) and (others or _reaches_beyond(peer, inside)):
                yield Connection(_described(peer), pod.object, _shown(rule.ports))


def _outgoing(objects: Objects, pod: Pod, ingress: Any, egress: Any) -> Iterator[Connection]:
    for rule in egress[pod.object] or ():
        names = frozenset(item for item in rule.ports or () if item[1] == str(_DNS))
        if names:
            for peer in rule.peers or (None,):
                yield Connection(pod.object, ANY_ADDRESS if peer is None else _described(peer), _shown(names), dns=True)
        ports = rule.ports if rule.ports is None else rule.ports - names
        if ports is not None and not ports:
            continue
        if rule.peers is None:
            yield Connection(pod.object, ANY_ADDRESS, _shown(ports))
            continue
        for peer in rule.peers:
            inside = [other for other in objects.pods if _is(objects, peer, other, rule)]
            for other in inside:
                # Where the other end has rules too, they have told already.
                if ingress[other.object] is None:
                    yield Connection(pod.object, other.object, _shown(ports))
            if not inside and not _own(objects, peer):
                yield Connection(pod.object, _described(peer), _shown(ports))


def _own(objects: Objects, peer: dict[str, Any]) -> bool:
    """Tell whether a selector names a part of this very Application, which is not rendered."""
    labels = table(peer, "podSelector", "matchLabels")
    return any(
        labels.get("app.kubernetes.io/instance") == pod.labels.get("app.kubernetes.io/instance") is not None
        for pod in objects.pods
    )


def _allowed(objects: Objects, rules: list[_Rule] | None, target: Pod) -> Ports:
    """Return the ports of a pod that another's rules of egress open; None for all."""
    if rules is None:
        return None
    open_ports: set[tuple[str, str]] = set()
    for rule in rules:
        if rule.peers is None or any(_is(objects, peer, target, rule) for peer in rule.peers):
            if rule.ports is None:
                return None
            open_ports |= rule.ports
    return frozenset(open_ports)


def _both(one: Ports, other: Ports) -> Ports:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _is(objects: Objects, peer: dict[str, Any], pod: Pod, rule: _Rule) -> bool:
    """Tell whether a peer of a rule is a pod of ours."""
    if "ipBlock" in peer:
        return False
    namespace = _namespace(objects.items[pod.object])
    if "namespaceSelector" in peer:
        # The labels of namespaces are not among the objects, but for the one that Kubernetes sets itself.
        if not matches(table(peer, "namespaceSelector"), {NAMESPACE_NAME: namespace}):
            return False
    elif namespace != rule.namespace:
        return False
    return "podSelector" not in peer or matches(table(peer, "podSelector"), pod.labels)


def _reaches_beyond(peer: dict[str, Any], inside: list[Pod]) -> bool:
    """Tell whether a peer is, or may be, somebody who is not of the Application."""
    return not inside or "namespaceSelector" in peer or "ipBlock" in peer or not table(peer, "podSelector")


def _described(peer: dict[str, Any]) -> str:
    """Name a peer who is not among the objects."""
    if block := table(peer, "ipBlock"):
        cidr = str(block.get("cidr", ""))
        return ANY_ADDRESS if cidr in {"0.0.0.0/0", "::/0"} and not block.get("except") else cidr
    labels = {**table(peer, "podSelector", "matchLabels")}
    pods = "pods with " + ", ".join(f"{key}={value}" for key, value in labels.items()) if labels else "all pods"
    if "namespaceSelector" not in peer:
        return f"{pods} of the namespace" if not labels else pods
    names = table(peer, "namespaceSelector", "matchLabels")
    if NAMESPACE_NAME in names:
        return f"{pods} of namespace {names[NAMESPACE_NAME]}"
    chosen = ", ".join(f"{key}={value}" for key, value in names.items())
    return f"{pods} of " + (f"namespaces with {chosen}" if chosen else "any namespace")


def _shown(ports: Ports) -> str:
    if ports is None:
        return "all ports"
    ordered = sorted(ports, key=lambda item: (len(item[1]), item[1], item[0]))
    return ", ".join(port if protocol == "TCP" else f"{port}/{protocol}" for protocol, port in ordered)


def _namespace(item: dict[str, Any]) -> str:
    return str(metadata(item).get("namespace", "default"))
