"""Metabase, as far as its setup goes: the first user, databases, collections, questions, dashboards, notifications.

Paths, fields and refusals are those of Metabase's own API code (``src/metabase/*/api.clj``) at version 0.64 and of its
tests: which keys a body must have, which objects are closed, what a missing session answers. A question's rows and
whether a database can be reached are set by the test.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

from tests.support.doubles.http_double import Answer, Double, Request

TOKEN = "3c1b9a5e-setup-token"  # noqa: S105
DASHCARD_KEYS = {
    "id",
    "size_x",
    "size_y",
    "row",
    "col",
    "card_id",
    "action_id",
    "dashboard_tab_id",
    "parameter_mappings",
    "visualization_settings",
    "inline_parameters",
    "series",
}
HIDDEN = "**MetabasePass**"


class RefusedError(Exception):
    """A request that Metabase does not accept, with its status and words."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


def check(true: object, name: str, why: str = "value must be valid") -> None:
    """Refuse a body in whose field something is wrong."""
    if not true:
        raise RefusedError(400, {"errors": {name: why}, "specific-errors": {name: [why]}})


def text(body: dict[str, Any], name: str, *, optional: bool = False) -> None:
    """Check that a field is a text that is not blank."""
    value = body.get(name)
    check(
        (optional and value is None) or (isinstance(value, str) and value.strip()),
        name,
        "value must be a non-blank string.",
    )


def whole(body: dict[str, Any], name: str, least: int, *, optional: bool = False) -> None:
    """Check that a field is a whole number."""
    value = body.get(name)
    right = isinstance(value, int) and not isinstance(value, bool) and value >= least
    check((optional and value is None) or right, name, f"value must be an integer of at least {least}.")


@dataclass
class Metabase(Double):
    """One installation."""

    contract = "metabase"

    user: dict[str, Any] | None = None
    sessions: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    """Devices that somebody signed in from: each new one is a letter to its user."""
    databases: dict[int, dict[str, Any]] = field(default_factory=dict)
    collections: dict[int, dict[str, Any]] = field(default_factory=dict)
    cards: dict[int, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[int, dict[str, Any]] = field(default_factory=dict)
    notifications: dict[int, dict[str, Any]] = field(default_factory=dict)
    unreachable: set[str] = field(default_factory=set)
    """Hosts of databases that cannot be reached."""
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Rows that questions answer with, by their name."""
    starting: int = 0
    """How often the health check still fails."""
    plain_lists: bool = False
    """Databases are listed as older versions do: without an object around the list."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._ids = itertools.count(1)

    # What a test does in Metabase's own pages.

    def add_card(self, **fields: Any) -> int:
        """Save a question as a person would."""
        number = next(self._ids)
        self.cards[number] = {"id": number, "description": None, "collection_id": None, "archived": False, **fields}
        return number

    def add_dashcard(self, dashboard: int, **fields: Any) -> int:
        """Put a card onto a dashboard as a person would."""
        number = next(self._ids)
        self.dashboards[dashboard]["dashcards"].append(
            {
                "id": number,
                "action_id": None,
                "card_id": None,
                "dashboard_tab_id": None,
                "parameter_mappings": [],
                "visualization_settings": {},
                "series": [],
                "size_x": 4,
                "size_y": 4,
                "row": 0,
                "col": 0,
                **fields,
            }
        )
        return number

    def add_tab(self, dashboard: int, name: str) -> int:
        """Add a tab to a dashboard as a person would; cards without one go onto the first."""
        number = next(self._ids)
        self.dashboards[dashboard]["tabs"].append({"id": number, "name": name})
        for card in self.dashboards[dashboard]["dashcards"]:
            card["dashboard_tab_id"] = card["dashboard_tab_id"] or number
        return number

    def forget(self) -> None:
        """Be as empty as a new installation."""
        self.user = None
        for objects in (self.databases, self.collections, self.cards, self.dashboards, self.notifications):
            objects.clear()
        self.sessions.clear()

    def named(self, kind: str, name: str) -> dict[str, Any]:
        """Return the one object of a kind that has this name and is not archived."""
        objects: dict[int, dict[str, Any]] = getattr(self, kind)
        (found,) = [item for item in objects.values() if item["name"] == name and not item.get("archived")]
        return found

    # What Metabase answers.

    def answer(self, request: Request) -> Answer:
        """Answer as Metabase does."""
        try:
            return self._answer(request)
        except RefusedError as refusal:
            return Answer(refusal.status, refusal.body)

    def _answer(self, request: Request) -> Answer:
        line = request.line
        if line == "GET /api/health":
            self.starting -= 1
            return (
                Answer(200, {"status": "ok"})
                if self.starting < 0
                else Answer(503, {"status": "initializing", "progress": 0.3})
            )
        if line == "GET /api/session/properties":
            # Hundreds of settings, of which the script needs two.
            settings = {"engines": {"postgres": {"details-fields": [{"name": "host"}] * 20}}, "site-name": "Metabase"}
            return Answer(
                200, {**settings, "setup-token": None if self.user else TOKEN, "has-user-setup": self.user is not None}
            )
        if line == "POST /api/setup":
            return self._setup(request.json())
        if line == "POST /api/session":
            return self._log_in(request)
        if request.headers.get("X-Metabase-Session") not in self.sessions:
            return Answer(401, b"Unauthenticated")
        kind, *rest = request.path.removeprefix("/api/").split("/")
        handler = getattr(self, f"_{request.method.lower()}_{kind.replace('-', '_')}", None)
        if handler is None:
            return Answer(404, b"API endpoint does not exist.")
        answer: Answer = handler(rest, request)
        return answer

    def _setup(self, body: dict[str, Any]) -> Answer:
        check(body.get("token") == TOKEN, "token", "Token does not match the setup token.")
        text(body["user"], "first_name", optional=True)
        check("@" in (body["user"].get("email") or ""), "email", "value must be a valid email address.")
        check(len(body["user"].get("password") or "") >= 6, "password", "password is too common.")
        text(body["prefs"], "site_name")
        if self.user:
            message = "The /api/setup route can only be used to create the first user, however a user currently exists."
            return Answer(403, message.encode())
        self.user = {
            "id": 1,
            "email": body["user"]["email"],
            "password": body["user"]["password"],
            "site": body["prefs"]["site_name"],
        }
        return Answer(200, {"id": self._session()})

    def _log_in(self, request: Request) -> Answer:
        body = request.json()
        text(body, "username")
        text(body, "password")
        if not self.user or (body["username"], body["password"]) != (self.user["email"], self.user["password"]):
            return Answer(401, {"errors": {"password": "did not match stored password"}})
        # A browser without this cookie is given one, with a name of its own.
        cookies = SimpleCookie(request.headers.get("Cookie", ""))
        known = cookies.get("metabase.DEVICE")
        self.devices.add(known.value if known else f"device-{next(self._ids)}")
        return Answer(200, {"id": self._session()})

    def _session(self) -> str:
        session = f"session-{next(self._ids)}"
        self.sessions.add(session)
        return session

    def _delete_session(self, _rest: list[str], request: Request) -> Answer:
        self.sessions.remove(request.headers["X-Metabase-Session"])
        return Answer(204)

    def _get_user(self, _rest: list[str], _request: Request) -> Answer:
        assert self.user
        return Answer(200, {"id": self.user["id"], "email": self.user["email"], "is_superuser": True})

    def _put_user(self, _rest: list[str], request: Request) -> Answer:
        assert self.user
        body = request.json()
        text(body, "password")
        check(body.get("old_password") == self.user["password"], "old_password", "Invalid password")
        self.user["password"] = body["password"]
        return Answer(204)

    def _get_database(self, _rest: list[str], _request: Request) -> Answer:
        shown = [{**item, "details": {**item["details"], "password": HIDDEN}} for item in self.databases.values()]
        # Metabase's own comes first where there is one.
        return Answer(200, shown if self.plain_lists else {"data": shown, "total": len(shown)})

    def _post_database(self, _rest: list[str], request: Request) -> Answer:
        body = request.json()
        self._check_database(body)
        number = next(self._ids)
        self.databases[number] = {"id": number, "is_full_sync": True, **body}
        return Answer(200, self.databases[number])

    def _put_database(self, rest: list[str], request: Request) -> Answer:
        body = request.json()
        self._check_database(body)
        self._found("databases", rest[0]).update(body)
        return Answer(200, self.databases[int(rest[0])])

    def _check_database(self, body: dict[str, Any]) -> None:
        text(body, "name")
        check(
            body.get("engine") in {"postgres", "mysql", "snowflake"}, "engine", "value must be a valid database engine."
        )
        check(isinstance(body.get("details"), dict), "details", "Value must be a map.")
        if body["engine"] != "snowflake":
            check(isinstance(body["details"].get("port"), int), "port")
            if body["details"]["host"] in self.unreachable:
                raise RefusedError(
                    400,
                    {
                        "message": "Hmm, we couldn't connect to the database.",
                        "errors": {"host": "check your host settings"},
                    },
                )

    def _get_collection(self, rest: list[str], request: Request) -> Answer:
        if not rest:
            root = {"id": "root", "name": "Our analytics", "description": None}
            mine = {
                "id": 9000,
                "name": "Platform Administrator's Personal Collection",
                "description": None,
                "personal_owner_id": 1,
            }
            return Answer(200, [root, mine, *self.collections.values()])
        self._found("collections", rest[0])
        assert rest[1] == "items"
        wanted = request.query.get("models", ["card", "dashboard"])
        items = [
            {
                "id": item["id"],
                "name": item["name"],
                "description": item["description"],
                "model": model,
                "collection_id": int(rest[0]),
            }
            for model, objects in (("card", self.cards), ("dashboard", self.dashboards))
            for item in objects.values()
            if model in wanted and item["collection_id"] == int(rest[0]) and not item["archived"]
        ]
        return Answer(200, {"total": len(items), "data": items, "models": wanted})

    def _post_collection(self, _rest: list[str], request: Request) -> Answer:
        body = request.json()
        text(body, "name")
        text(body, "description", optional=True)
        number = next(self._ids)
        self.collections[number] = {"id": number, "archived": False, **body}
        return Answer(200, self.collections[number])

    def _put_collection(self, rest: list[str], request: Request) -> Answer:
        self._found("collections", rest[0]).update(request.json())
        return Answer(200, self.collections[int(rest[0])])

    def _post_card(self, rest: list[str], request: Request) -> Answer:
        if rest:
            card = self._found("cards", rest[0])
            assert rest[1:] == ["query", "json"]
            # Without a body there is no Content-Type, and the schema of the body takes no null.
            check(isinstance(request.json() if request.body else None, dict), "body", "invalid type")
            return Answer(200, self.rows.get(card["name"], []))
        body = request.json()
        for name in ("name", "display"):
            text(body, name)
        text(body, "description", optional=True)
        whole(body, "collection_id", 1, optional=True)
        self._check_card(body)
        number = next(self._ids)
        self.cards[number] = {"id": number, "archived": False, **body}
        # What Metabase adds: the columns of the answer, found by running the query.
        return Answer(200, {**self.cards[number], "result_metadata": [{"name": "id", "base_type": "type/Integer"}]})

    def _put_card(self, rest: list[str], request: Request) -> Answer:
        card = self._found("cards", rest[0])
        body = request.json()
        self._check_card({**card, **body})
        card.update(body)
        if card["archived"]:
            # Metabase deletes the alerts of a question that goes to the trash.
            gone = [number for number, it in self.notifications.items() if it["payload"]["card_id"] == card["id"]]
            for number in gone:
                del self.notifications[number]
        return Answer(200, card)

    def _check_card(self, body: dict[str, Any]) -> None:
        check(isinstance(body.get("visualization_settings"), dict), "visualization_settings", "Value must be a map.")
        check(isinstance(body.get("dataset_query"), dict), "dataset_query", "Value must be a map.")
        query = body["dataset_query"]
        check(query.get("type") == "native" and isinstance(query["native"]["query"], str), "dataset_query")
        check(query["database"] in self.databases, "dataset_query", "You don't have permissions to run this query.")

    def _post_dashboard(self, _rest: list[str], request: Request) -> Answer:
        body = request.json()
        text(body, "name")
        whole(body, "collection_id", 1, optional=True)
        check(
            set(body) <= {"name", "parameters", "description", "cache_ttl", "collection_id", "collection_position"},
            "body",
        )
        number = next(self._ids)
        self.dashboards[number] = {"id": number, "archived": False, "dashcards": [], "tabs": [], **body}
        return Answer(200, self.dashboards[number])

    def _get_dashboard(self, rest: list[str], _request: Request) -> Answer:
        dashboard = self._found("dashboards", rest[0])
        shown = [
            {
                **card,
                "card": self.cards.get(card["card_id"], {"name": None}),
                "series": [self.cards[item["id"]] for item in card["series"]],
                "entity_id": "x",
                "dashboard_id": dashboard["id"],
            }
            for card in dashboard["dashcards"]
        ]
        tabs = [
            {**tab, "position": position, "dashboard_id": dashboard["id"]}
            for position, tab in enumerate(dashboard["tabs"])
        ]
        return Answer(200, {**dashboard, "dashcards": shown, "tabs": tabs})

    def _put_dashboard(self, rest: list[str], request: Request) -> Answer:
        dashboard = self._found("dashboards", rest[0])
        body = request.json()
        if "dashcards" in body:
            # All at once or not at all.
            tabs = self._tabs(dashboard, body.get("tabs", []))
            cards = self._dashcards(dashboard, body["dashcards"], tabs)
            dashboard["tabs"], dashboard["dashcards"] = tabs, cards
        dashboard.update({key: value for key, value in body.items() if key not in {"dashcards", "tabs"}})
        return self._get_dashboard(rest, request)

    def _tabs(self, dashboard: dict[str, Any], tabs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        known = {tab["id"] for tab in dashboard["tabs"]}
        for tab in tabs:
            check(set(tab) <= {"id", "name", "position"}, "tabs", "disallowed key")
            text(tab, "name")
            check(tab["id"] < 0 or tab["id"] in known, "tabs")
        return [{"id": tab["id"] if tab["id"] > 0 else next(self._ids), "name": tab["name"]} for tab in tabs]

    def _dashcards(
        self, dashboard: dict[str, Any], cards: list[dict[str, Any]], tabs: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        present = {card["id"]: card for card in dashboard["dashcards"]}
        result = []
        for card in cards:
            check(set(card) <= DASHCARD_KEYS, "dashcards", f"disallowed key {sorted(set(card) - DASHCARD_KEYS)}")
            for name, least in (("size_x", 1), ("size_y", 1), ("row", 0), ("col", 0)):
                whole(card, name, least)
            check(card["id"] < 0 or card["id"] in present, "dashcards", "not found")
            check(card["col"] + card["size_x"] <= 24, "dashcards", "outside of the grid")
            check(card.get("card_id") is None or card["card_id"] in self.cards, "dashcards", "no such card")
            if tabs and not card.get("dashboard_tab_id"):
                check(len(tabs) == 1, "dashcards", "This dashboard has tab, makes sure every card has a tab")
                card = {**card, "dashboard_tab_id": tabs[0]["id"]}
            old = present.get(card["id"], {"action_id": None, "dashboard_tab_id": None, "series": []})
            result.append({**old, **card, "id": card["id"] if card["id"] > 0 else next(self._ids)})
        check(len({card["id"] for card in result}) == len(result), "dashcards", "twice")
        return result

    def _get_notification(self, _rest: list[str], request: Request) -> Answer:
        card = int(request.query["card_id"][0])
        shown = [item for item in self.notifications.values() if item["payload"]["card_id"] == card]
        return Answer(200, [{**item, "payload": {**item["payload"], "card": self.cards[card]}} for item in shown])

    def _post_notification(self, _rest: list[str], request: Request) -> Answer:
        body = request.json()
        self._check_notification(body)
        number = next(self._ids)
        payload = {**body["payload"], "id": next(self._ids)}
        self.notifications[number] = {"id": number, **body, "payload": payload}
        return Answer(200, self.notifications[number])

    def _put_notification(self, rest: list[str], request: Request) -> Answer:
        """Update an alert.

        ``src/metabase/models/util/spec_update.clj``: a row whose ID is not the stored one's is deleted and made anew,
        the alert and its payload too, and what is made anew of an alert is not linked to anything.
        """
        body = request.json()
        self._check_notification(body)
        stored = self._found("notifications", rest[0])
        if (body.get("id"), body["payload"].get("id")) != (stored["id"], stored["payload"]["id"]):
            del self.notifications[stored["id"]]
            return Answer(204)
        stored.update(body)
        return Answer(200, stored)

    def _check_notification(self, body: dict[str, Any]) -> None:
        check(body.get("payload_type") == "notification/card", "payload_type")
        check(body["payload"]["card_id"] in self.cards, "card_id")
        check(body["payload"]["send_condition"] in {"has_result", "goal_above", "goal_below"}, "send_condition")
        for subscription in body["subscriptions"]:
            check(subscription["type"] == "notification-subscription/cron", "type")
            # Quartz: seconds, minutes, hours, day of month, month, day of week, year.
            check(
                len(subscription["cron_schedule"].split()) == 7,
                "cron_schedule",
                "value must be a valid Quartz cron schedule string.",
            )
        for handler in body["handlers"]:
            check(handler["channel_type"] in {"channel/email", "channel/slack"}, "channel_type")
            for recipient in handler["recipients"]:
                check(recipient["type"] == "notification-recipient/raw-value", "type")
                text(recipient["details"], "value")

    def _found(self, kind: str, number: str) -> dict[str, Any]:
        objects: dict[int, dict[str, Any]] = getattr(self, kind)
        if int(number) not in objects:
            raise RefusedError(404, b"Not found.")
        return objects[int(number)]
