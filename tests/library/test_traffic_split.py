"""The traffic-split trait: weights become a route."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.applications import render
from tests.support.versions import VELA_VERSIONS


def route(version: str | None = None, siblings: Any = (), **properties: Any) -> dict[str, Any]:
    """Render a webservice with a traffic-split and return the route."""
    component = {
        "name": "shop",
        "type": "webservice",
        "properties": {"image": "example.com/shop:1"},
        "traits": [{"type": "traffic-split", "properties": properties}],
    }
    found: dict[str, Any] = render([component, *siblings], version)["shop"]["traffic-split"]
    return found


def backends(found: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Return name, port and weight of each backend of an HTTPRoute."""
    (rule,) = found["spec"]["rules"]
    return [(item["name"], item["port"], item["weight"]) for item in rule["backendRefs"]]


@pytest.mark.parametrize("version", VELA_VERSIONS)
class TestRoute:
    def test_two_names(self, version: str) -> None:
        found = route(version, blue=90, green=10)
        assert (found["apiVersion"], found["kind"]) == ("gateway.networking.k8s.io/v1", "HTTPRoute")
        assert backends(found) == [("blue", 80, 90), ("green", 80, 10)]
        assert found["metadata"]["name"] == "shop-traffic-split"

    def test_any_number_of_names_sorted(self, version: str) -> None:
        assert backends(route(version, stable=80, canary=15, beta=5)) == [
            ("beta", 80, 5),
            ("canary", 80, 15),
            ("stable", 80, 80),
        ]

    def test_backends_form_means_the_same(self, version: str) -> None:
        assert route(version, backends={"blue": 90, "green": 10}) == route(version, blue=90, green=10)

    def test_inside_the_cluster_the_components_own_service_is_shared_out(self, version: str) -> None:
        assert route(version, blue=1)["spec"]["parentRefs"] == [{"group": "", "kind": "Service", "name": "shop"}]
        assert route(version, blue=1, service="web")["spec"]["parentRefs"][0]["name"] == "web"

    def test_gateway(self, version: str) -> None:
        gateway = {"name": "public", "namespace": "ingress", "section": "https"}
        spec = route(version, blue=1, gateway=gateway, hosts=["shop.example.com"], path="/api")["spec"]
        assert spec["parentRefs"] == [{"name": "public", "namespace": "ingress", "sectionName": "https"}]
        assert spec["hostnames"] == ["shop.example.com"]
        assert spec["rules"][0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/api"}}]

    def test_grpc_has_a_route_of_its_own(self, version: str) -> None:
        found = route(
            version, blue=90, green=10, protocol="GRPC", gateway={"name": "public"}, hosts=["shop.example.com"]
        )
        assert (found["apiVersion"], found["kind"]) == ("gateway.networking.k8s.io/v1", "GRPCRoute")
        assert backends(found) == [("blue", 80, 90), ("green", 80, 10)]
        assert set(found["spec"]) == {"parentRefs", "hostnames", "rules"}

    def test_istio_tells_grpc_by_the_port(self, version: str) -> None:
        assert route(version, provider="istio", blue=1, protocol="GRPC") == route(version, provider="istio", blue=1)

    def test_ports_come_from_the_webservices(self, version: str) -> None:
        ports = {"blue": [{"port": 9090}, {"port": 8080, "expose": True}], "green": [{"port": 8081, "expose": True}]}
        siblings = [
            {"name": name, "type": "webservice", "properties": {"image": "i", "ports": value}}
            for name, value in ports.items()
        ]
        assert backends(route(version, siblings, blue=90, green=10)) == [("blue", 8080, 90), ("green", 8081, 10)]
        assert backends(route(version, siblings, blue=90, green=10, port=7000)) == [
            ("blue", 7000, 90),
            ("green", 7000, 10),
        ]

    def test_istio(self, version: str) -> None:
        found = route(version, provider="istio", blue=90, green=10)
        assert (found["apiVersion"], found["kind"]) == ("networking.istio.io/v1", "VirtualService")
        assert found["spec"] == {
            "hosts": ["shop"],
            "http": [
                {
                    "route": [
                        {"destination": {"host": "blue", "port": {"number": 80}}, "weight": 90},
                        {"destination": {"host": "green", "port": {"number": 80}}, "weight": 10},
                    ]
                }
            ],
        }

    def test_istio_gateway(self, version: str) -> None:
        gateway = {"name": "public", "namespace": "ingress"}
        spec = route(version, provider="istio", blue=1, gateway=gateway, path="/api")["spec"]
        assert spec["gateways"] == ["ingress/public"]
        assert spec["hosts"] == ["*"]
        assert spec["http"][0]["match"] == [{"uri": {"prefix": "/api"}}]

    @pytest.mark.parametrize(
        ("properties", "message"),
        [
            ({"blue": 90, "port": 1883}, "traffic-split is for HTTP: port 1883 speaks MQTT"),
            ({"blue": 90, "protocol": "TCP"}, "traffic-split is for HTTP: TCP cannot be shared out by weight"),
            (
                {"blue": 90, "protocol": "HTTPS"},
                "traffic-split is for HTTP: requests inside of TLS cannot be shared out; end TLS at the gateway",
            ),
            ({"blue": 0, "green": 0}, "all weights are 0: one must be more"),
            ({"blue": -1}, "blue: invalid value -1"),
            ({"blue": 0.9}, "blue: must be a whole number, not 0.9"),
            ({}, "there is nothing to share out to: give Service names and weights"),
        ],
        ids=["mqtt", "tcp", "tls", "zero", "negative", "fraction", "nothing"],
    )
    def test_refused(self, properties: dict[str, Any], message: str, version: str) -> None:
        with pytest.raises(AssertionError, match=message):
            route(version, **properties)

    def test_refused_for_platforms(self, version: str) -> None:
        siblings = [
            {"name": name, "type": "realtime-platform", "properties": {"name": f"{name}-streaming"}}
            for name in ("blue", "green")
        ]
        with pytest.raises(AssertionError, match="blue, of type realtime-platform, cannot be shared out by weight"):
            route(version, siblings, blue=90, green=10)
