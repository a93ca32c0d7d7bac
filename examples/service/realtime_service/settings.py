"""What the service is told: variables, and the same values as files that change when a password does."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = "/etc/realtime"
"""One folder a part of the platform, one file a value: ``/etc/realtime/mqtt/MQTT_PASSWORD``. REALTIME_FILES names
another folder."""

_CONSUMER_NUMBERS = {
    "KAFKA_MAX_POLL_RECORDS": "max_poll_records",
    "KAFKA_MAX_POLL_INTERVAL_MS": "max_poll_interval_ms",
    "KAFKA_SESSION_TIMEOUT_MS": "session_timeout_ms",
    "KAFKA_FETCH_MIN_BYTES": "fetch_min_bytes",
}
"""Settings of ``streaming`` that this client library knows, by its own names."""


@dataclass(frozen=True)
class Kafka:
    """Where Kafka is, and what is consumed from it. Without topics nothing is."""

    servers: str
    topics: tuple[str, ...]
    group: str
    options: dict[str, Any]
    protocol: str
    """How it is spoken to: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    mechanism: str
    """How the service signs in, where it does."""


@dataclass(frozen=True)
class Mqtt:
    """Where the MQTT broker is, and who the service is there."""

    host: str
    port: int
    user: str | None
    qos: int
    filter: str
    """What is subscribed to."""


@dataclass(frozen=True)
class Settings:
    """All of it. A part that the platform does not have is None."""

    name: str
    kafka: Kafka | None
    mqtt: Mqtt | None
    websocket_path: str
    port: int
    log_format: str
    environ: Mapping[str, str] = field(repr=False)
    files: Path

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment, the process's own unless given."""
        environ = os.environ if environ is None else environ
        name = environ.get("SERVICE_NAME", "realtime-service")
        return cls(
            name=name,
            kafka=_kafka(environ, name) if environ.get("KAFKA_BOOTSTRAP_SERVERS") else None,
            mqtt=_mqtt(environ) if environ.get("MQTT_HOST") else None,
            websocket_path=environ.get("WEBSOCKET_PATH", "/ws"),
            port=int(environ.get("PORT", "8000")),
            log_format=environ.get("LOG_FORMAT", "text"),
            environ=environ,
            files=Path(environ.get("REALTIME_FILES", FILES)),
        )

    def secret(self, part: str, key: str) -> str | None:
        """Return a password as it is now.

        The file is newer than the variable: Kubernetes renews it within about a minute, while a variable stays
        what it was when the container started.
        """
        file = self.files / part / key
        try:
            return file.read_text(encoding="utf-8").rstrip("\n")
        except OSError:
            return self.environ.get(key)


def _kafka(environ: Mapping[str, str], name: str) -> Kafka:
    options: dict[str, Any] = {
        option: int(environ[variable]) for variable, option in _CONSUMER_NUMBERS.items() if variable in environ
    }
    options["auto_offset_reset"] = environ.get("KAFKA_AUTO_OFFSET_RESET", "latest")
    options["enable_auto_commit"] = environ.get("KAFKA_ENABLE_AUTO_COMMIT", "true").lower() == "true"
    options["isolation_level"] = environ.get("KAFKA_ISOLATION_LEVEL", "read_uncommitted")
    return Kafka(
        servers=environ["KAFKA_BOOTSTRAP_SERVERS"],
        topics=tuple(topic for topic in environ.get("KAFKA_TOPICS", "").split(",") if topic),
        group=environ.get("KAFKA_CONSUMER_GROUP", name),
        options=options,
        protocol=environ.get("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"),
        mechanism=environ.get("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
    )


def _mqtt(environ: Mapping[str, str]) -> Mqtt:
    return Mqtt(
        host=environ["MQTT_HOST"],
        port=int(environ.get("MQTT_PORT", "1883")),
        user=environ.get("MQTT_USER"),
        qos=int(environ.get("MQTT_QOS", "1")),
        filter=environ.get("MQTT_FILTER", "events/#"),
    )
