"""The environments of Lenses HQ 6, as its API reference describes them.

An environment is made by POST, which alone shows its ``agent_key``; a name that is taken is a conflict (409). GET by
name tells whether an Agent is connected, DELETE answers 204. Errors are problem details with a title and a status.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from tests.support.doubles.http_double import Answer, Double, Request

ROOT = "/api/v1/environments"


@dataclass
class LensesHq(Double):
    """An HQ with one administrator."""

    contract = "lenses-hq"

    user: str = "admin"
    password: str = "admin"  # noqa: S105
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    connected: set[str] = field(default_factory=set)
    """Ids of environments whose Agent is connected."""
    keys: dict[str, str] = field(default_factory=dict)
    """Agent key of every environment that was ever made, by id."""

    def answer(self, request: Request) -> Answer:
        """Answer as HQ does."""
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {login}":
            return _problem(401, "unauthorised", "wrong user or password")
        name = request.path.removeprefix(ROOT).strip("/")
        if request.method == "POST" and not name:
            return self._make(request.json())
        if name not in self.environments:
            return _problem(404, "not_found", "environment not found")
        if request.method == "DELETE":
            del self.environments[name]
            return Answer(204)
        environment = self.environments[name]
        return Answer(200, {**environment, "status": {"agent_connected": environment["id"] in self.connected}})

    def current_key(self, name: str) -> str:
        """Return the key that an Agent of this environment needs now."""
        return self.keys[self.environments[name]["id"]]

    def add(self, name: str) -> str:
        """Make an environment as somebody else would, and return its id."""
        self._make({"name": name, "tier": "development"})
        return str(self.environments[name]["id"])

    def _make(self, body: dict[str, str]) -> Answer:
        name = body["name"]
        if set(body) != {"name", "tier"} or body["tier"] not in {"development", "staging", "production"}:
            return _problem(400, "validation_error", "the request is not valid")
        if name in self.environments:
            return _problem(409, "conflict", "an environment of this name exists")
        number = len(self.keys) + 1
        environment = {
            "name": name,
            "display_name": name,
            "lrn": f"environments:environment/{name}",
            "id": f"01HQENVIRONMENT{number:04d}",
            "created_at": "2026-01-01T00:00:00Z",
            "tier": body["tier"],
        }
        self.environments[name] = environment
        self.keys[str(environment["id"])] = f"agent_key_{number}+/=x"
        return Answer(200, {**environment, "agent_key": self.keys[str(environment["id"])]})


def _problem(status: int, kind: str, title: str) -> Answer:
    return Answer(status, {"type": kind, "title": title, "status": status})
