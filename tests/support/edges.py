"""The network edges of the smallest platform: those that its definition opens, and those that its parts need.

What is needed is read from what parts are told, not from the policies: the addresses in their settings, the ports that
they tell metrics on, the tokens that they have for the Kubernetes API.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tests.cluster.checks import LIBRARY
from vela_realtime.library import Library, fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "realtime-platform"
PROPERTIES = yaml.safe_load((LIBRARY.examples / "simple-setup.yaml").read_text())["spec"]["components"][0]["properties"]

PART = "app.kubernetes.io/component"
API_SERVER_PORT = 6443


@dataclass(frozen=True)
class Edge:
    """A connection that the definition allows. The ends are parts, or what ``#Edge`` in the library has beside them."""

    source: str
    target: str
    ports: tuple[int, ...]

    def __str__(self) -> str:
        """How it is called."""
        return f"{self.source} to {self.target} {','.join(map(str, self.ports))}"

    def covers(self, need: Need) -> bool:
        """Tell whether it is what a need asks for."""
        return (self.source, self.target) == (need.source, need.target) and need.port in self.ports


@dataclass(frozen=True)
class Need:
    """A connection without which something does not work. The ends are as those of an edge."""

    source: str
    target: str
    port: int
    why: str


def objects(folder: Path, without: Edge | None = None) -> dict[str, dict[str, Any]]:
    """Render the smallest platform, its definition without one of its edges, in a folder that is empty."""
    copied = folder / "library"
    shutil.copytree(LIBRARY.cue, copied / "cue")
    (file,) = [path for path in (copied / "cue").glob("*.cue") if "\n#NetworkPolicies:" in path.read_text()]
    text, given = file.read_text(), "Edges=#edges: [...#Edge]"
    assert text.count(given) == 1
    kept = "true"
    if without is not None:
        first = (
            f'edge.from == "{without.source}" && edge.to == "{without.target}" && edge.ports[0] == {without.ports[0]}'
        )
        kept = f"!({first})"
    file.write_text(text.replace(given, f"#edges: [...#Edge]\n\tlet Edges = [for edge in #edges if {kept} {{edge}}]"))
    case = fixtures.Case(NAME, "smallest", file, 0, PROPERTIES)
    result = fixtures.render_package(Library(copied), NAME, case, "component")
    assert not result.problems, result.problems
    return result.objects


def policies(rendered: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the NetworkPolicies, for whatever namespace."""
    found = [item for item in rendered.values() if item["kind"] == "NetworkPolicy"]
    for item in found:
        item["metadata"].pop("namespace", None)
    return found


def opened(rendered: dict[str, dict[str, Any]]) -> list[Edge]:
    """Return the edges: each stands in the policy of its source, of its target, or of both."""
    found: dict[Edge, None] = {}
    for policy in policies(rendered):
        part = policy["spec"]["podSelector"]["matchLabels"].get(PART)
        if part is None:
            continue  # what denies all
        for rule in policy["spec"].get("ingress", []):
            found[Edge(_end(rule.get("from"), "anyone"), part, _ports(rule))] = None
        for rule in policy["spec"].get("egress", []):
            found[Edge(part, _end(rule.get("to"), "outside"), _ports(rule))] = None
    return list(found)


def labels(rendered: dict[str, dict[str, Any]], end: str) -> dict[str, str]:
    """Return the labels of a pod that is an end of an edge."""
    client = {f"client.vela-realtime.dev/{PROPERTIES['name']}": "true"}
    others = {"clients": client, "stream-processors": {**client, "vela-realtime.dev/definition": "stream-processor"}}
    for policy in policies(rendered):
        selector: dict[str, str] = policy["spec"]["podSelector"]["matchLabels"]
        if selector.get(PART) == end:
            return selector
    return others.get(end, {})


def needed(rendered: dict[str, dict[str, Any]]) -> list[Need]:
    """Return what parts, clients and the collector of metrics need."""
    found = [need for item in rendered.values() for need in _of_workload(rendered, item)]
    for item in rendered.values():
        if item["kind"] == "Secret" and item["metadata"]["name"].endswith("-secret"):
            values = "\n".join(_data(item).values())
            found += _addresses(rendered, "clients", values, f"the Secret {item['metadata']['name']}")
    return sorted(set(found), key=lambda need: (need.source, need.target, need.port, need.why))


def _of_workload(rendered: dict[str, dict[str, Any]], item: dict[str, Any]) -> Iterator[Need]:
    template = _template(item)
    if template is None:
        return
    part = template["metadata"]["labels"][PART]
    spec = template["spec"]
    text = json.dumps(spec) + "\n".join(
        value
        for other in rendered.values()
        if other["kind"] in {"ConfigMap", "Secret"} and f'"{other["metadata"]["name"]}"' in json.dumps(spec)
        for value in _data(other).values()
    )
    for need in _addresses(rendered, part, text, "its settings"):
        if need.target != part:
            yield need
        elif re.search("advertised", text, re.IGNORECASE):
            yield Need(part, part, need.port, "each of its pods tells the others where it is")
    if port := template["metadata"].get("annotations", {}).get("prometheus.io/port"):
        yield Need("monitoring", part, int(port), "its annotation for Prometheus")
    if spec.get("automountServiceAccountToken") or "serviceAccountToken" in json.dumps(spec):
        yield Need(part, "outside", API_SERVER_PORT, "its token")
    if re.search(r"https://(?!kubernetes\.default)[a-z0-9.-]+\.(com|org|io)/", json.dumps(spec)):
        yield Need(part, "outside", 443, "an address outside of the cluster")


def _addresses(rendered: dict[str, dict[str, Any]], source: str, text: str, why: str) -> Iterator[Need]:
    """Yield a need for each Service that a text names, with those of its ports that the text has too."""
    for service in rendered.values():
        if service["kind"] != "Service" or not _mentions(text, service["metadata"]["name"]):
            continue
        for port in service["spec"]["ports"]:
            if _mentions(text, str(port["port"])):
                target, number = _reached(rendered, service, port)
                yield Need(source, target, number, why)


def _mentions(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def _reached(rendered: dict[str, dict[str, Any]], service: dict[str, Any], port: dict[str, Any]) -> tuple[str, int]:
    """Return the part and the number of the port behind a port of a Service, which may have several parts behind it."""
    selector = service["spec"]["selector"].items()
    for item in rendered.values():
        template = _template(item)
        if template is not None and selector <= template["metadata"]["labels"].items():
            for container in template["spec"]["containers"]:
                for own in container.get("ports", []):
                    if port.get("targetPort", port["port"]) in {own.get("name"), own["containerPort"]}:
                        return template["metadata"]["labels"][PART], own["containerPort"]
    raise AssertionError(f"nothing is behind port {port} of {service['metadata']['name']}")


def _template(item: dict[str, Any]) -> dict[str, Any] | None:
    spec = item.get("spec", {})
    found: dict[str, Any] | None = spec.get("template") or spec.get("jobTemplate", {}).get("spec", {}).get("template")
    return found if found and "containers" in found.get("spec", {}) else None


def _data(item: dict[str, Any]) -> dict[str, str]:
    data = item.get("data", {})
    if item["kind"] == "Secret":
        data = {key: base64.b64decode(value).decode() for key, value in data.items()}
    return {**data, **item.get("stringData", {})}


def _ports(rule: dict[str, Any]) -> tuple[int, ...]:
    return tuple(port["port"] for port in rule["ports"])


def _end(peers: list[dict[str, Any]] | None, everywhere: str) -> str:
    """Return the name of who is named by the peers of a rule."""
    if peers is None:
        return everywhere
    peer = peers[0]
    if "podSelector" not in peer:
        return "monitoring"
    selector: dict[str, str] = peer["podSelector"].get("matchLabels", {})
    if PART in selector:
        return selector[PART]
    if not selector:
        return "namespace"
    return "stream-processors" if "vela-realtime.dev/definition" in selector else "clients"
