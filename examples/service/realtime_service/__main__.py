"""``python -m realtime_service``."""

from __future__ import annotations

import uvicorn

from realtime_service import logs, tracing
from realtime_service.app import create
from realtime_service.settings import Settings


def main() -> None:
    """Serve until the container is stopped."""
    settings = Settings.read()
    logs.configure(settings.log_format)
    tracing.start()
    # Websockets are closed, and Kafka hears goodbye, before the pod's grace period ends.
    uvicorn.run(
        create(settings),
        host="0.0.0.0",  # noqa: S104 - a pod is reached by its address
        port=settings.port,
        log_config=None,
        timeout_graceful_shutdown=20,
    )


if __name__ == "__main__":
    main()
