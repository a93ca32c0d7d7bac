"""One trace from an HTTP request through Kafka and MQTT: W3C's trace context, carried by OpenTelemetry's propagators.

FastAPI itself reads `traceparent` of a request and makes the request's span. Kafka has headers for it, MQTT 5 has user
properties: pairs of texts, both.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_tracer = trace.get_tracer("realtime_service")


def start() -> None:
    """Give every request and message a span, whose trace is in the logs.

    OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say whose it is. Where OTEL_EXPORTER_OTLP_ENDPOINT names a
    collector, FastAPI has the spans exported to it.
    """
    trace.set_tracer_provider(TracerProvider())


@contextlib.contextmanager
def sending(system: str, topic: str) -> Iterator[dict[str, str]]:
    """Return what goes with a message, while it is sent to a topic of ``kafka`` or ``mqtt``."""
    with _tracer.start_as_current_span(f"send {topic}", kind=SpanKind.PRODUCER, attributes=_of(system, topic)):
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        yield carrier


@contextlib.contextmanager
def receiving(system: str, topic: str, carried: Iterable[tuple[str, str]]) -> Iterator[None]:
    """Go on with the trace of what came with a message. Without any, or with nonsense, a new one begins."""
    context = propagate.extract(dict(carried))
    attributes = _of(system, topic)
    with _tracer.start_as_current_span(f"process {system}", context, SpanKind.CONSUMER, attributes):
        yield


def _of(system: str, topic: str) -> dict[str, str]:
    return {"messaging.system": system, "messaging.destination.name": topic}


def ids() -> dict[str, str]:
    """Return the current span by the names that OpenTelemetry has for logs; nothing where there is none.

    Source: opentelemetry-specification, compatibility/logging_trace_context.md.
    """
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(span.trace_id),
        "span_id": trace.format_span_id(span.span_id),
        "trace_flags": f"{span.trace_flags:02x}",
    }
