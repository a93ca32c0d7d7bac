"""The REST interface of a Kafka Connect worker, as far as registering connectors needs it.

Statuses and bodies as a 4.3 worker gives them: PUT of a configuration 201 first and 200 after, an invalid one 400, a
status that is not there yet 404, DELETE 204, everything 409 while the group rebalances.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.doubles.http_double import Answer, Double, Request

TRACE = 'java.lang.IllegalStateException: no "broker"\n\tat Task.start(Task.java:7)'


@dataclass
class Connector:
    """A connector and what its status says."""

    config: dict[str, str]
    state: str = "RUNNING"
    tasks: list[str] = field(default_factory=lambda: ["RUNNING"])
    trace: str = ""
    restarts: int = 0


@dataclass
class Connect(Double):
    """A worker, and the connectors of its group."""

    contract = "kafka"

    connectors: dict[str, Connector] = field(default_factory=dict)
    unwell: dict[str, int] = field(default_factory=dict)
    """Connector name to how many restarts its task needs before it stops failing."""
    slow: int = 0
    """How many looks at a status find none, or no tasks."""

    def answer(self, request: Request) -> Answer:
        """Answer as a worker does."""
        parts = request.path.strip("/").split("/")
        if parts[0] != "connectors":
            return _error(404, "HTTP 404 Not Found")
        if len(parts) == 1:
            return Answer(200, {name: {"info": self._info(name)} for name in self.connectors})
        name = parts[1]
        if parts[2:] == ["config"] and request.method == "PUT":
            return self._configure(name, request.json())
        if name not in self.connectors:
            return _error(404, f"Connector {name} not found")
        if request.method == "DELETE":
            del self.connectors[name]
            return Answer(204)
        if parts[2:] == ["status"]:
            return self._status(name)
        if parts[2:] == ["restart"] and request.query == {"includeTasks": ["true"], "onlyFailed": ["true"]}:
            return self._restart(name)
        return _error(405, "HTTP 405 Method Not Allowed")

    def _configure(self, name: str, config: dict[str, str]) -> Answer:
        if "connector.class" not in config:
            return _error(
                400,
                "Connector configuration is invalid and contains the following 1 error(s):\n"
                'Missing required configuration "connector.class" which has no default value.',
            )
        new = name not in self.connectors
        if new:
            self.connectors[name] = Connector(config)
            if name in self.unwell:
                self.connectors[name].tasks = ["FAILED"]
                self.connectors[name].trace = TRACE
        else:
            # The state of tasks stays: a new configuration restarts none that failed for another reason.
            self.connectors[name].config = config
        return Answer(201 if new else 200, self._info(name))

    def _status(self, name: str) -> Answer:
        connector = self.connectors[name]
        if self.slow:
            self.slow -= 1
            if self.slow % 2:
                return _error(404, f"No status found for connector {name}")
            return Answer(200, {"name": name, "connector": {"state": "RUNNING", "worker_id": "w"}, "tasks": []})
        tasks = [
            {"id": number, "state": state, "worker_id": "w"} | ({"trace": connector.trace} if state == "FAILED" else {})
            for number, state in enumerate(connector.tasks)
        ]
        state = {"state": connector.state, "worker_id": "w"}
        return Answer(200, {"name": name, "connector": state, "tasks": tasks, "type": "source"})

    def _restart(self, name: str) -> Answer:
        connector = self.connectors[name]
        connector.restarts += 1
        if connector.restarts >= self.unwell.get(name, 0):
            connector.tasks = ["RUNNING" for _ in connector.tasks]
        return self._status(name) if self.slow else Answer(202, {"name": name})

    def _info(self, name: str) -> dict[str, Any]:
        return {"name": name, "config": {**self.connectors[name].config, "name": name}, "tasks": [], "type": "source"}


def _error(code: int, message: str) -> Answer:
    return Answer(code, {"error_code": code, "message": message})
