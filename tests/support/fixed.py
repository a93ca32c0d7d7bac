"""What of a component's objects is neither its own nor moved by a site or a parameter: images, hosts, ports."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from vela_realtime import library
from vela_realtime.check.objects.run import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.library.fixtures import Case

_CUE = library.find().root / "cue"
_ROW = re.compile(r'registry: "(.*?)", repository: "(.*?)", tag: "(.*?)"')
_ROWS = [
    (registry, f"{repository}:{tag}") for registry, repository, tag in _ROW.findall((_CUE / "images.cue").read_text())
]

IMAGES = {f"{registry}/{rest}" if registry else rest for registry, rest in _ROWS}
"""What ``imageRegistry`` and ``images`` move: test_site.py and ``vet`` see to it."""

PLUGINS = (_CUE / "connector_plugins.cue").read_text()
"""Sources of plugins, which a site moves: test_site.py."""

PORTS = {
    53: "networkPolicy.dnsPorts of a site",
    5353: "the same, with securityContext openshift",
    443: "networkPolicy.apiServerPorts of a site; a plugin's address",
    6443: "networkPolicy.apiServerPorts of a site",
    80: "an address over HTTP",
    389: "authentication.ldap.url",
    587: "smtp.port",
    3306: "the port of a data source",
    5432: "the port of a data source, or of databaseConfig.external",
    9092: "kafka.bootstrapServers, or a platform beside",
    9991: "lenses.url, or a platform beside",
}
"""What moves a port outside of the component that the Application does not name."""

# The host of a URL, or a name with a port. What a shell or a program fills in later is none.
_HOST = re.compile(r"[a-z][a-z0-9+.]*://(?:[^/@\s\"']*@)?([a-zA-Z0-9.-]+)|(?<![\w.@/-])((?:[a-z0-9-]+\.)+[a-z]{2,}):\d")
_OWN = re.compile(r"127\.0\.0\.1|0\.0\.0\.0|localhost|.*\.svc(\..*)?")


def fixed(items: list[dict[str, Any]], case: Case) -> list[str]:
    """Return the images, hosts and ports in a case's objects that nothing moves."""
    said = json.dumps([case.properties, case.siblings]) + PLUGINS
    return [
        f"{item['kind']}/{item['metadata']['name']}: {what}"
        for item in items
        for what in (*_hosts(item, case, said), *_pods(item, said), *_ways_out(item, said))
    ]


def _hosts(item: dict[str, Any], case: Case, said: str) -> Iterator[str]:
    texts = list(strings(item))
    if item["kind"] == "Secret":
        texts += [base64.b64decode(value).decode() for value in item.get("data", {}).values()]
    for host in sorted({one or other for text in texts for one, other in _HOST.findall(text)}):
        # A name in the cluster begins with the component's or its namespace.
        if not _OWN.fullmatch(host) and not host.startswith(f"{case.namespace}.") and host not in said:
            yield f"host {host}"


def _pods(item: dict[str, Any], said: str) -> Iterator[str]:
    spec = item.get("spec", {})
    pod = spec.get("jobTemplate", {}).get("spec", spec).get("template", {}).get("spec", {})
    for container in [*pod.get("initContainers", []), *pod.get("containers", [])]:
        image = container["image"]
        mirrors = [image.removesuffix(f"/{rest}") for _, rest in _ROWS if image.endswith(f"/{rest}")]
        if image not in IMAGES and f'"{image}"' not in said and not any(f'"{mirror}"' in said for mirror in mirrors):
            yield f"image {image}"
        if pod.get("hostNetwork") or any("hostPort" in port for port in container.get("ports", [])):
            yield "a port of the node"


def _ways_out(item: dict[str, Any], said: str) -> Iterator[str]:
    rules = item["spec"].get("egress", []) if item["kind"] == "NetworkPolicy" else []
    for port in sorted({port["port"] for rule in rules if "to" not in rule for port in rule["ports"]}):
        if port not in PORTS and not re.search(rf"\b{port}\b", said):
            yield f"port {port}"
