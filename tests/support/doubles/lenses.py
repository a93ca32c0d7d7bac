"""Lenses HQ with one Agent behind it, as far as environments and SQL processors go.

Paths, bodies and error objects are those of Lenses' API reference 6.x: HQ's errors carry ``title``, the Agent's
``error`` and ``fields``. Start, stop and delete are the calls of the Agent's version 1 API, as Lenses' own command line
makes them. What the reference leaves open is noted where it is decided here.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any

from tests.support.doubles.http_double import Answer, Double, Request

USER = "admin"
PASSWORD = 'pa"ss\\word'  # noqa: S105
TOKEN = "service-account-key"  # noqa: S105


@dataclass
class Processor:
    """A SQL processor that Lenses knows."""

    id: str
    name: str
    sql: str
    processor_id: str
    description: str
    deployment: dict[str, Any]
    level: str = "NOT_RUNNING"
    message: str = ""
    looks: int = 0
    """How often it was listed since it was started."""


@dataclass
class Lenses(Double):
    """An HQ, its environments, and the processors of one of them."""

    contract = "lenses-hq"

    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    processors: list[Processor] = field(default_factory=list)
    topics: set[str] = field(default_factory=set)
    """Topics of the Kafka; a query that reads another is refused."""
    sessions: set[str] = field(default_factory=set)
    unique_names: bool = True
    """Whether a second processor of one name is refused: the reference does not say."""
    https: bool = False
    """Whether it marks its cookies as secure, while it speaks plain HTTP: secureSessionCookies."""
    slow: int = 0
    """How often a processor is listed as NOT_RUNNING after its start."""
    broken: dict[str, str] = field(default_factory=dict)
    """Processor name to what its runner says when it fails."""
    busy: int = 0
    """How many deletions are refused since the processor is still stopping: the reference does not say with what."""
    made: int = 0

    def connect(self, name: str, *, connected: bool = True) -> None:
        """Make an environment, and connect an Agent to it."""
        self._create_environment({"name": name, "tier": "development"})
        self.environments[name]["status"]["agent_connected"] = connected

    def add(self, name: str, description: str = "made by hand", level: str = "RUNNING") -> Processor:
        """Make a processor as somebody else would."""
        self.made += 1
        processor = Processor(
            f"lsql_{self.made:04d}",
            name,
            "INSERT INTO b SELECT STREAM * FROM a",
            name,
            description,
            {"mode": "IN_PROC"},
        )
        processor.level = level
        self.processors.append(processor)
        return processor

    def named(self, name: str) -> Processor:
        """Return the one processor of a name."""
        (processor,) = [processor for processor in self.processors if processor.name == name]
        return processor

    @property
    def names(self) -> list[str]:
        """Names of all processors, sorted."""
        return sorted(processor.name for processor in self.processors)

    def answer(self, request: Request) -> Answer:
        """Answer as HQ does."""
        parts = request.path.strip("/").split("/")
        if parts[:3] == ["api", "v1", "login"] and request.method == "POST":
            return self._login(request.json())
        if parts[:3] != ["api", "v1", "environments"]:
            return Answer(404, _hq_error(404, "not_found", "no such endpoint"))
        if not self._authenticated(request):
            return Answer(401, _hq_error(401, "unauthenticated", "The request is not authenticated."))
        if len(parts) == 3:
            return self._create_environment(request.json())
        environment = self.environments.get(parts[3])
        if environment is None:
            return Answer(404, _hq_error(404, "not_found", f"Environment {parts[3]} does not exist."))
        if len(parts) == 4:
            return self._environment(request, environment)
        if not environment["status"]["agent_connected"]:
            # The reference does not say with what HQ answers for an Agent that is away.
            return Answer(502, _hq_error(502, "agent_not_connected", "The agent is not connected."))
        return self._agent(request, parts[5:])

    def _authenticated(self, request: Request) -> bool:
        authorization = request.headers.get("Authorization", "")
        if authorization == f"Bearer {TOKEN}":
            return True
        if authorization == f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}":
            return True
        cookies = re.findall(r"session_id=(\w+)", request.headers.get("Cookie", ""))
        return any(cookie in self.sessions for cookie in cookies)

    def _login(self, body: dict[str, str]) -> Answer:
        if body != {"username": USER, "password": PASSWORD}:
            return Answer(401, _hq_error(401, "unauthenticated", "Wrong username or password."))
        session = f"session{len(self.requests)}"
        self.sessions.add(session)
        secure = "; Secure" if self.https else ""
        return Answer(200, {"username": USER}, {"Set-Cookie": f"session_id={session}; Path=/; HttpOnly{secure}"})

    def _create_environment(self, body: dict[str, str]) -> Answer:
        name = body["name"]
        if name in self.environments:
            return Answer(409, _hq_error(409, "conflict", f"Environment {name} exists already."))
        self.made += 1
        self.environments[name] = {
            "id": f"env-{self.made}",
            "name": name,
            "display_name": name,
            "lrn": f"environments:{name}",
            "created_at": "2026-11-24T10:00:00Z",
            "tier": body["tier"],
            "status": {"agent_connected": False},
        }
        return Answer(201, {**self.environments[name], "agent_key": f"agent_key_{self.made}"})

    def _environment(self, request: Request, environment: dict[str, Any]) -> Answer:
        if request.method == "DELETE":
            del self.environments[environment["name"]]
            return Answer(204)
        return Answer(200, environment)

    def _agent(self, request: Request, parts: list[str]) -> Answer:
        verb = (request.method, *parts[:3], *parts[4:])
        if verb == ("GET", "api", "v2", "streams") and len(parts) == 3:
            return Answer(200, {"processors": [self._shown(processor) for processor in self.processors]})
        if verb == ("POST", "api", "v2", "streams"):
            return self._create(request.json())
        if parts[:3] != ["api", "v1", "streams"] or len(parts) < 4:
            return Answer(404, {"error": "The requested resource could not be found."})
        found = [processor for processor in self.processors if processor.id == parts[3]]
        if not found:
            return Answer(404, {"error": f"Processor [{parts[3]}] was not found."})
        if verb == ("DELETE", "api", "v1", "streams"):
            return self._delete(found[0])
        if verb == ("PUT", "api", "v1", "streams", "start"):
            self._start(found[0])
            return Answer(204)
        if verb == ("PUT", "api", "v1", "streams", "stop"):
            found[0].level = "NOT_RUNNING"
            return Answer(204)
        return Answer(404, {"error": "The requested resource could not be found."})

    def _create(self, body: dict[str, Any]) -> Answer:
        missing = [key for key in ("name", "sql", "deployment") if not body.get(key)]
        if missing:
            fields = [{"field": key, "error": f"{key} is required"} for key in missing]
            return Answer(400, {"error": "Invalid request", "fields": fields})
        for number, line in enumerate(body["sql"].splitlines(), 1):
            for table in re.findall(r"\b(?:FROM|JOIN)\s+([\w.-]+)", line):
                if self.topics and table not in self.topics:
                    fault = {"field": "sql", "error": f"Topic [{table}] does not exist", "lineNumber": number}
                    return Answer(400, {"error": "Invalid SQL", "fields": [fault]})
        if self.unique_names and body["name"] in self.names:
            return Answer(409, {"error": f"A processor with the name [{body['name']}] exists already."})
        self.made += 1
        processor = Processor(
            f"lsql_{self.made:04d}",
            body["name"],
            body["sql"],
            body.get("processorId", f"generated_{self.made}"),
            body.get("description", ""),
            body["deployment"],
        )
        self.processors.append(processor)
        # In the Agent a processor starts by itself; in Kubernetes it waits for a start.
        if body["deployment"]["mode"] == "IN_PROC":
            self._start(processor)
        return Answer(200, self._shown(processor))

    def _start(self, processor: Processor) -> None:
        if processor.level == "RUNNING":
            return
        processor.looks = 0
        processor.level = "STARTING" if self.slow else "RUNNING"
        if processor.name in self.broken:
            processor.level, processor.message = "FAILED", self.broken[processor.name]

    def _delete(self, processor: Processor) -> Answer:
        if self.busy:
            self.busy -= 1
            return Answer(409, {"error": f"Processor [{processor.id}] is stopping."})
        self.processors.remove(processor)
        return Answer(204)

    def _shown(self, processor: Processor) -> dict[str, Any]:
        processor.looks += 1
        if processor.level == "STARTING" and processor.looks > self.slow:
            processor.level = "RUNNING"
        runner = {"id": f"{processor.id}-0", "status": processor.level} | (
            {"msg": processor.message} if processor.message else {}
        )
        return {
            "id": processor.id,
            "application": {
                "name": processor.name,
                "processorId": processor.processor_id,
                "lrn": f"kafka:sql-streaming:{processor.id}",
                "sql": processor.sql,
                "inputTopics": [],
                "outputTopics": [],
                "otherSettings": {},
            },
            "metadata": {
                **({"description": processor.description} if processor.description else {}),
                "tags": [],
                "createdBy": USER,
                "createdAt": "2026-11-24T10:00:00Z",
                "processorType": "PreDaD",
            },
            "deployment": {
                "details": {"replicas": processor.deployment.get("details", {}).get("runners", 1), "labels": {}},
                "status": {"level": processor.level, "replicas": [runner]},
            },
            "coverage": "full",
        }


def _hq_error(status: int, kind: str, title: str) -> dict[str, Any]:
    return {"type": kind, "title": title, "status": status, "request_id": "0c7f"}
