"""One identifier finds a message wherever it was: over HTTP, Kafka, MQTT, and in the log of each service.

Two of the example service, with a real Kafka and a real Mosquitto between them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("aiokafka", reason="needs Python 3.11")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests import ROOT
from tests.support.doubles.ports import free_port, status
from tests.support.kafka_server import KafkaServer
from tests.support.mqtt_broker import Broker, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICE = ROOT / "examples" / "service"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
PATIENCE = 90.0


class Collector(ThreadingHTTPServer):
    """What takes traces over OTLP: HTTP with protobuf, each signal at a path of its own."""

    daemon_threads = True

    def __init__(self) -> None:
        self.spans: dict[str, dict[str, Any]] = {}
        self.resources: dict[str, dict[str, str]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    assert self.headers["Content-Type"] == "application/x-protobuf"
                    outer.take(ExportTraceServiceRequest.FromString(self.decoded(body)))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def decoded(self, body: bytes) -> bytes:
                import gzip

                return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"

    def take(self, request: Any) -> None:
        """Keep the spans of a request."""
        for group in request.resource_spans:
            resource = {item.key: item.value.string_value for item in group.resource.attributes}
            self.resources[resource["service.name"]] = resource
            for span in (span for scope in group.scope_spans for span in scope.spans):
                self.spans[span.span_id.hex()] = {
                    "service": resource["service.name"],
                    "name": span.name,
                    "trace": span.trace_id.hex(),
                    "parent": span.parent_span_id.hex(),
                }


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        yield collector
        collector.shutdown()


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    kafka = KafkaServer(tmp_path_factory.mktemp("kafka"))
    kafka.start()
    kafka.make("events")
    yield kafka
    kafka.stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("mqtt"))
    broker.start()
    yield broker
    broker.stop()


class Service:
    """The example service as a process of its own, with what the trait would give it."""

    def __init__(self, name: str, folder: Path, variables: dict[str, str]) -> None:
        self.port, self.log = free_port(), folder / f"{name}.log"
        own = {"PORT": str(self.port), "LOG_FORMAT": "json", "KAFKA_CONSUMER_GROUP": name, "OTEL_SERVICE_NAME": name}
        with self.log.open("w") as log:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "realtime_service"],
                cwd=SERVICE,
                env={**variables, **own},
                stdout=log,
                stderr=log,
            )

    def asks(self, path: str, body: str | None = None, **headers: str) -> int:
        """Return the status of a request, 0 where nobody answers."""
        data = None if body is None else body.encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        return status(request)

    def lines(self) -> list[dict[str, str]]:
        """Return its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def traces(self) -> dict[str, set[str]]:
        """Return trace to the messages that its log has of it, the access log's left out; "" for what has none."""
        found = defaultdict(set)
        for line in (line for line in self.lines() if line["logger"] != "uvicorn.access"):
            found[line.get("trace_id", "")].add(line["message"])
        return found


def _ready(service: Service) -> bool:
    return service.asks("/ready") == 200


@pytest.fixture
def services(tmp_path: Path, kafka: KafkaServer, broker: Broker, collector: Collector) -> Iterator[list[Service]]:
    variables = {
        "PATH": "/usr/bin:/bin",
        "KAFKA_BOOTSTRAP_SERVERS": kafka.address,
        "KAFKA_TOPICS": "events",
        "KAFKA_AUTO_OFFSET_RESET": "earliest",
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": str(broker.port),
        "MQTT_USER": "realtime-user",
        "MQTT_PASSWORD": broker.password,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_PROPAGATORS": "tracecontext,baggage",
        "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=shop,k8s.namespace.name=default",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    found = [Service(name, tmp_path, variables) for name in ("shop", "billing")]
    try:
        for service in found:
            until(functools.partial(_ready, service), "both brokers", PATIENCE)
        yield found
    finally:
        for service in found:
            service.running.terminate()
        for service in found:
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.running.wait(30)


ARRIVED = {"kafka: a message from events", "mqtt: a message from events/accepted"}


def test_one_identifier_finds_a_message_everywhere(
    services: list[Service], kafka: KafkaServer, broker: Broker, collector: Collector
) -> None:
    shop, billing = services
    hand_in = {"Content-Type": "application/json"}
    # As a caller says it that has a trace already.
    assert shop.asks("/messages", '{"order": 7}', traceparent=TRACEPARENT, **hand_in) == 202
    until(lambda: shop.traces()[TRACE] >= ARRIVED, "the message back in the log", PATIENCE)
    until(lambda: billing.traces()[TRACE] >= ARRIVED, "the message in the other's log", PATIENCE)
    assert shop.traces()[TRACE] == {"http: a message, taken by kafka, mqtt", *ARRIVED}
    assert billing.traces()[TRACE] == ARRIVED, "it saw no request"

    # On the way it is where W3C's and OpenTelemetry's clients look for it.
    (record,) = kafka.records("events", 1)
    ((name, value),) = record.headers
    version, trace, span, flags = value.decode().split("-")
    assert (name, version, trace, flags) == ("traceparent", "00", TRACE, "01")
    assert span != PARENT, "the service is a step of its own"

    # A collector can put it together: each step has the one before as its parent.
    def known() -> bool:
        return len([it for it in collector.spans.values() if it["trace"] == TRACE]) == 7

    until(known, "the spans", 30)
    spans = {key: it for key, it in collector.spans.items() if it["trace"] == TRACE}
    path = {
        (it["service"], it["name"], spans[it["parent"]]["name"] if it["parent"] in spans else it["parent"])
        for it in spans.values()
    }
    assert path == {
        ("shop", "POST /messages", PARENT),
        ("shop", "send events", "POST /messages"),
        ("shop", "send events/accepted", "POST /messages"),
        ("shop", "process kafka", "send events"),
        ("billing", "process kafka", "send events"),
        ("shop", "process mqtt", "send events/accepted"),
        ("billing", "process mqtt", "send events/accepted"),
    }
    assert collector.resources["billing"]["service.namespace"] == "shop"
    logged = {line["span_id"] for service in services for line in service.lines() if line.get("trace_id") == TRACE}
    assert logged <= set(spans), "a line of the log leads to its span"


def test_what_comes_without_a_trace_begins_one(services: list[Service], broker: Broker) -> None:
    shop, billing = services
    # mosquitto_pub speaks 3.1.1, as the bridge does: it has no user properties.
    assert broker.publish("events/door", "open").ok
    told = "mqtt: a message from events/door"

    def traces(service: Service) -> list[str]:
        return [trace for trace, messages in service.traces().items() if told in messages]

    until(lambda: traces(shop) and traces(billing), "the message", PATIENCE)
    ((mine,), (other,)) = traces(shop), traces(billing)
    assert len(mine) == len(other) == 32
    assert mine != other, "nobody can know that it is one message"


def test_probes_make_no_spans(services: list[Service], collector: Collector) -> None:
    assert services[0].asks("/messages", "{}", **{"Content-Type": "application/json"}) == 202
    until(lambda: any(it["name"] == "POST /messages" for it in collector.spans.values()), "a span", 30)
    assert {it["name"] for it in collector.spans.values() if it["name"].startswith("GET")} == set()
