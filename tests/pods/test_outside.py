"""Pages and shared-out services from outside of the cluster, through Traefik: the objects as they are rendered.

Behind a page answers a stand-in that has the labels of its pods: the products' images cannot be had. The services are
real, in Python.
"""

from __future__ import annotations

import base64
import http.client
import math
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.cluster.checks import LIBRARY, application
from tests.hermetic import certificates, programs
from tests.hermetic.cluster import PRIVILEGED
from tests.pods import running
from tests.pods.images import names, service, store, traefik
from vela_realtime.library import fixtures
from vela_realtime.toolchain import gosource

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.pods.running import Running

GATEWAYS = "gateways"
"""The namespace of the controller and its Gateway."""

PORTS = {"web": (8000, 30080), "websecure": (8443, 30443)}
"""Of plain HTTP and of HTTPS: in Traefik's pod, and on the node."""

HOSTS = [f"{name}.example.com" for name in ("shop", "board", "lenses", "reports")]

REQUESTS = 2000

SHORTLY = 90
"""Seconds within which the controller serves what is there."""

READ = ["get", "list", "watch"]

# As Traefik's Helm chart has it.
RIGHTS = [
    {"apiGroups": [""], "resources": ["services", "secrets", "nodes", "namespaces", "configmaps"], "verbs": READ},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": READ},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "ingressclasses"], "verbs": READ},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses/status"], "verbs": ["update"]},
    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["*"], "verbs": [*READ, "update", "patch"]},
]

# A colour for who asks by HTTP; a websocket gets it before each line that it sends.
SERVER = """
import asyncio, http, os
from websockets.asyncio.server import serve
colour = os.environ["COLOUR"]
def answer(connection, request):
    if "Upgrade" not in request.headers:
        return connection.respond(http.HTTPStatus.OK, colour)
async def talk(socket):
    async for line in socket:
        await socket.send(f"{colour} {line}")
async def main():
    async with serve(talk, "0.0.0.0", 8000, process_request=answer):
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""


@dataclass(frozen=True)
class Outside:
    """Somebody outside of the cluster, who knows the node's address and trusts the controller's certificate."""

    cluster: Cluster
    address: str
    keys: certificates.KeyPair

    def secret(self) -> dict[str, Any]:
        """Return the certificate as a Secret."""
        data = {"tls.crt": self.keys.certificate, "tls.key": self.keys.key}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "outside"},
            "type": "kubernetes.io/tls",
            "data": {key: base64.b64encode(file.read_bytes()).decode() for key, file in data.items()},
        }

    def get(self, host: str, path: str = "/", *, plain: bool = False) -> tuple[int, str]:
        """Return status and body of what a host answers."""
        if plain:
            connection = http.client.HTTPConnection(self.address, PORTS["web"][1], timeout=30)
        else:
            connection = _Secure(self, host)
        try:
            connection.request("GET", path, headers={"Host": host})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def answers(self, host: str, text: str) -> None:
        """Wait until a host answers a text over HTTPS.

        Raises:
            ClusterError: it does not.
        """

        def there() -> bool:
            try:
                return self.get(host) == (200, text)
            except (OSError, http.client.HTTPException):
                return False

        self.cluster.until(there, SHORTLY, lambda: f"{host} answers {self._tried(host)}")

    def _tried(self, host: str) -> str:
        try:
            return str(self.get(host))
        except (OSError, http.client.HTTPException) as error:
            return str(error)


class _Secure(http.client.HTTPSConnection):
    """A connection to the node for one of the hosts there."""

    def __init__(self, outside: Outside, host: str) -> None:
        super().__init__(outside.address, PORTS["websecure"][1], timeout=30)
        self._trusted = outside.keys.trusted()
        self._name = host

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock: ssl.SSLSocket = self._trusted.wrap_socket(self.sock, server_hostname=self._name)


@pytest.fixture(scope="module")
def outside(platform_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    store.give(platform_cluster, "traefik", "service", "helper")
    for source in programs.CRDS:
        if source.name == "gateway-api-crds":
            platform_cluster.kubectl("apply", "--server-side", f"--filename={gosource.path(source) / 'crds'}")
    address = urlsplit(str(_server(platform_cluster))).hostname
    assert address is not None
    keys = certificates.make(tmp_path_factory.mktemp("outside"), [f"DNS:{host}" for host in HOSTS])
    found = Outside(platform_cluster, address, keys)
    with platform_cluster.only_here(GATEWAYS):
        platform_cluster.apply(*_controller(), found.secret(), namespace=GATEWAYS)
        running.Running(platform_cluster, GATEWAYS).ready("traefik")
        yield found
        for kind in ("gatewayclass", "ingressclass", "clusterrole", "clusterrolebinding"):
            platform_cluster.delete(kind, "traefik")


def _server(cluster: Cluster) -> str:
    view = cluster.kubectl("config", "view", "--minify", "--output=jsonpath={.clusters[0].cluster.server}")
    return view.stdout.strip()


def _controller() -> list[dict[str, Any]]:
    """Return Traefik, its rights, its classes and a Gateway that takes routes of all namespaces."""
    arguments = [
        *(f"--entrypoints.{name}.address=:{port}" for name, (port, _) in PORTS.items()),
        "--providers.kubernetesingress",
        "--providers.kubernetesgateway",
        "--ping",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]
    pod = running.waiting_pod(
        "traefik",
        traefik.TRAEFIK,
        65532,
        {"app.kubernetes.io/name": "traefik"},
        command=["/usr/local/bin/traefik", *arguments],
        readinessProbe={"httpGet": {"path": "/ping", "port": 8080}, "periodSeconds": 1},
    )
    pod["spec"]["serviceAccountName"] = "traefik"
    named = {"metadata": {"name": "traefik"}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "traefik"}
    account = {"kind": "ServiceAccount", "name": "traefik", "namespace": GATEWAYS}
    from_all = {"namespaces": {"from": "All"}}
    https = {"mode": "Terminate", "certificateRefs": [{"name": "outside"}]}
    ports = [{"name": name, "port": port, "nodePort": outer} for name, (port, outer) in PORTS.items()]
    listeners = [
        {"name": "http", "port": PORTS["web"][0], "protocol": "HTTP", "allowedRoutes": from_all},
        {"name": "https", "port": PORTS["websecure"][0], "protocol": "HTTPS", "allowedRoutes": from_all, "tls": https},
    ]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", **named},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", **named, "rules": RIGHTS},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            **named,
            "roleRef": role,
            "subjects": [account],
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            **named,
            "spec": {"controller": "traefik.io/ingress-controller"},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            **named,
            "spec": {"controllerName": "traefik.io/gateway-controller"},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "public"},
            "spec": {"gatewayClassName": "traefik", "listeners": listeners},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            **named,
            "spec": {"type": "NodePort", "selector": {"app.kubernetes.io/name": "traefik"}, "ports": ports},
        },
        pod,
    ]


ANNOTATIONS = {
    "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
    "traefik.ingress.kubernetes.io/router.tls": "true",
}
"""As docs/outside.md has it: Traefik takes an Ingress' tls for a certificate alone, and serves plain HTTP with it."""

INGRESS = {"type": "Ingress", "className": "traefik", "annotations": ANNOTATIONS}
GATEWAY = {"type": "Gateway", "gateway": {"name": "public", "namespace": GATEWAYS, "sectionName": "https"}}
TLS = {"secretName": "outside"}


@dataclass(frozen=True)
class Page:
    """A page as a component exposes it: its host, and the properties that say so."""

    host: str
    definition: str
    properties: dict[str, Any]

    def objects(self) -> list[dict[str, Any]]:
        """Return what is rendered for it."""
        case = fixtures.Case(self.definition, "outside", LIBRARY.root, 1, {"name": "page", **self.properties})
        result = fixtures.render_package(LIBRARY, self.definition, case, "component")
        assert not result.problems, [problem.text for problem in result.problems]
        return list(dict(result.objects).values())


PAGES = {
    "a dashboard by an Ingress": Page(
        "board.example.com",
        "analytics-dashboard",
        {"dashboardType": "grafana", "external": {"host": "board.example.com", **INGRESS}, "tls": TLS},
    ),
    "Lenses by an Ingress": Page(
        "lenses.example.com",
        "realtime-platform",
        {"external": {"lenses": {"host": "lenses.example.com", **INGRESS, "tls": TLS}}},
    ),
    "a platform's dashboard by a Gateway": Page(
        "reports.example.com",
        "realtime-platform",
        {"external": {"dashboard": {"host": "reports.example.com", **GATEWAY}}},
    ),
}


@pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
def test_a_page_is_served_over_https_and_not_over_http(outside: Outside, page: Page) -> None:
    with _served(outside, page, page.objects()):
        outside.answers(page.host, f"{page.host}\n")
        assert outside.get(page.host, plain=True)[0] == 404
        assert outside.get("nobody.example.com", plain=True)[0] == 404


def test_without_the_annotations_traefik_serves_plain_http(outside: Outside) -> None:
    page = PAGES["Lenses by an Ingress"]
    objects = page.objects()
    (ingress,) = [item for item in objects if item["kind"] == "Ingress"]
    for name in ANNOTATIONS:
        del ingress["metadata"]["annotations"][name]
    with _served(outside, page, objects):
        outside.cluster.until(lambda: outside.get(page.host, plain=True) == (200, f"{page.host}\n"), SHORTLY)


@contextmanager
def _served(outside: Outside, page: Page, rendered: list[dict[str, Any]]) -> Iterator[None]:
    """Apply what is rendered for a page, with a stand-in in the place of its pods."""
    kinds = {"Service", "NetworkPolicy", "Ingress", "HTTPRoute"}
    with running.namespace(outside.cluster) as here:
        there = [{**item, "metadata": {**item["metadata"], "namespace": here.namespace}} for item in rendered]
        outside.cluster.apply(*(item for item in there if item["kind"] in kinds))
        outside.cluster.apply(outside.secret(), _stand_in(rendered, page.host), namespace=here.namespace)
        yield


def _stand_in(rendered: list[dict[str, Any]], text: str) -> dict[str, Any]:
    """Return a pod in the place of a page's own: its labels and its ports, and a text on the one of the page."""
    (route,) = [item for item in rendered if item["kind"] in {"Ingress", "HTTPRoute"}]
    (rule,) = route["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"] if "http" in rule else rule["backendRefs"][0]
    (front,) = [item for item in rendered if item["kind"] == "Service" and item["metadata"]["name"] == backend["name"]]
    wanted = backend["port"] if isinstance(backend["port"], int) else backend["port"]["name"]
    (target,) = [port["targetPort"] for port in front["spec"]["ports"] if wanted in {port["port"], port["name"]}]
    workloads = [item["spec"]["template"] for item in rendered if item["kind"] in {"Deployment", "StatefulSet"}]
    selector = front["spec"]["selector"].items()
    (template,) = [found for found in workloads if selector <= found["metadata"]["labels"].items()]
    ports = [port for container in template["spec"]["containers"] for port in container.get("ports", [])]
    (number,) = [port["containerPort"] for port in ports if target in {port["containerPort"], port["name"]}]
    script = f"mkdir /tmp/www; echo {text} > /tmp/www/index.html; exec httpd -f -p {number} -h /tmp/www"
    labels, image = template["metadata"]["labels"], names.reference("helper")
    return running.waiting_pod("stand-in", image, 100, labels, command=["sh", "-c", script], ports=ports)


@pytest.fixture(scope="module")
def shop(outside: Outside) -> Iterator[Running]:
    # KubeVela's own webservice makes pods that are not restricted.
    with running.namespace(outside.cluster, labels=PRIVILEGED) as here:
        here.apply(_shop(blue=90, green=10))
        here.running("shop")
        yield here


def _shop(**weights: int) -> dict[str, Any]:
    """Return a blue and a green service, of whose requests each gets its share."""
    components: list[dict[str, Any]] = [
        {
            "name": colour,
            "type": "webservice",
            "properties": {
                "image": service.reference(),
                "cmd": ["python", "-c", SERVER],
                "ports": [{"port": 8000, "expose": True}],
                "env": [{"name": "COLOUR", "value": colour}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1},
            },
        }
        for colour in ("blue", "green")
    ]
    gateway = {"name": "public", "namespace": GATEWAYS, "section": "https"}
    split = {**weights, "gateway": gateway, "hosts": ["shop.example.com"]}
    components[0]["traits"] = [{"type": "traffic-split", "properties": split}]
    return application("shop", *components)


def test_ninety_to_ten_is_ninety_to_ten(outside: Outside, shop: Running) -> None:
    shop.apply(_shop(blue=90, green=10))
    outside.answers("shop.example.com", "blue")
    counted = {"blue": 0, "green": 0}
    for _ in range(REQUESTS):
        status, colour = outside.get("shop.example.com")
        assert status == 200
        counted[colour] += 1
    error = math.sqrt(REQUESTS * 0.9 * 0.1)
    assert abs(counted["green"] - 0.1 * REQUESTS) < 4 * error, counted


def test_a_websocket_stays_open_through_a_shift(outside: Outside, shop: Running) -> None:
    from websockets.sync.client import connect

    shop.apply(_shop(blue=1, green=0))
    outside.answers("shop.example.com", "blue")
    _only(outside, "blue")
    address = (outside.address, PORTS["websecure"][1])
    dialled = socket.create_connection(address)
    with connect("wss://shop.example.com/live", sock=dialled, ssl=outside.keys.trusted()) as live:

        def said(line: str) -> str:
            live.send(line)
            return str(live.recv(timeout=30))

        assert said("before") == "blue before"
        shop.apply(_shop(blue=0, green=1))
        outside.answers("shop.example.com", "green")
        _only(outside, "green")
        for number in range(10):
            assert said(f"after {number}") == f"blue after {number}"
            time.sleep(1)


def _only(outside: Outside, colour: str) -> None:
    """See that each of many requests is answered by one."""
    outside.cluster.until(lambda: {outside.get("shop.example.com")[1] for _ in range(50)} == {colour}, running.PATIENCE)
