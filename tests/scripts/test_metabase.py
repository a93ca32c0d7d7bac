"""``metabase-setup.sh``: what the plan says is there afterwards, once, and nothing that people made is touched."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import dashboards
from tests.support.doubles.http_double import Answer, Double, Request
from tests.support.doubles.metabase import Metabase
from tests.support.doubles.scripts import SHELLS, Script, failed, succeeded

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = SHELLS

# ruff: noqa: S106
PASSWORD = 'pa"ss\\w0rd$`x'  # noqa: S105
MARKER = re.compile(r"^(.*?) ?\[vela-realtime ([a-z0-9.-]+) ([a-z0-9]+)\]$")


def card(name: str, sql: str = "SELECT 1") -> dict[str, Any]:
    """Return the body of a question as the templates have it."""
    return {
        "name": name,
        "display": "scalar",
        "visualization_settings": {},
        "dataset_query": {"type": "native", "database": "@DATABASE@", "native": {"query": sql}},
    }


class Job:
    """The Job that sets up Metabase, with what is mounted into it."""

    def __init__(self, metabase: Metabase, folder: Path, shell: str) -> None:
        self.setup, self.sources, self.own = (folder / name for name in ("setup", "sources", "own"))
        for path in (self.setup, self.sources, self.own):
            path.mkdir()
        self.script = Script(
            "metabase-setup.sh",
            shell,
            {
                "METABASE_URL": metabase.url,
                "ADMIN_EMAIL": "admin@example.com",
                "ADMIN_PASSWORD": PASSWORD,
                "SITE_NAME": 'The "site"',
                "SETUP_DIR": self.setup,
                "OWN_DIR": self.own,
                "TMPDIR": folder,
                "POLL_SECONDS": "0.05",
                "WAIT_SECONDS": "20",
            },
        )

    def source(self, name: str, **keys: str) -> None:
        """Mount the Secret of a data source."""
        (self.sources / name).mkdir(exist_ok=True)
        for key, value in keys.items():
            (self.sources / name / key).write_text(value)

    def file(self, name: str, body: Any) -> None:
        (self.setup / f"{name}.json").write_text(json.dumps(body))

    def plan(self, *lines: str) -> None:
        (self.setup / "plan").write_text("".join(f"{line}\n" for line in lines))
        self.script.env["SOURCES_DIR"] = str(self.sources)

    def usual(self) -> None:
        """Ask for two data sources, a dashboard of two questions and an alert."""
        self.source("readings", DB_HOST="db", DB_PORT="5432", DB_NAME="app", DB_USER="reader", DB_PASSWORD='s"e\\c')
        self.source("shop", DB_HOST="mysql", DB_NAME="shop", DB_USER="u", DB_PASSWORD="p")
        self.file("collection", {"name": "board", "description": "Dashboards of board."})
        self.file("overview.dashboard", {"name": "overview", "description": "What there is"})
        self.file("overview.0", card("Rows", "SELECT count(*) FROM \"t\" WHERE x = 'a\nb'"))
        self.file("overview.1", card("Size"))
        self.file("overview.hot", card("Too hot", "SELECT device, 31 AS value"))
        self.file("overview.hot.alert", notification("ops@example.com"))
        self.plan(
            "database readings postgres disable",
            "database shop mysql disable",
            "collection",
            "card overview.0 readings",
            "card overview.1 shop",
            "place overview.0 0 0 6 4",
            "place overview.1 0 6 6 4",
            "dashboard overview",
            "alert overview.hot readings",
        )


def notification(*addresses: str) -> dict[str, Any]:
    return {
        "payload_type": "notification/card",
        "active": True,
        "payload": {"card_id": "@CARD@", "send_once": False, "send_condition": "has_result"},
        "subscriptions": [{"type": "notification-subscription/cron", "cron_schedule": "0 0/10 * * * ? *"}],
        "handlers": [
            {
                "channel_type": "channel/email",
                "recipients": [
                    {"type": "notification-recipient/raw-value", "details": {"value": a}} for a in addresses
                ],
            }
        ],
    }


@pytest.fixture
def metabase() -> Iterator[Metabase]:
    with Metabase() as server:
        yield server


@pytest.fixture
def job(metabase: Metabase, tmp_path: Path, shell: str) -> Job:
    return Job(metabase, tmp_path, shell)


def state(metabase: Metabase) -> Any:
    """Return everything that Metabase keeps."""
    kinds = ("user", "databases", "collections", "cards", "dashboards", "notifications")
    return copy.deepcopy({kind: getattr(metabase, kind) for kind in kinds})


def meaning(metabase: Metabase) -> Any:
    """Return what Metabase shows, without its own numbers."""

    def names(kind: str) -> dict[int, str]:
        return {number: item["name"] for number, item in getattr(metabase, kind).items()}

    cards, databases = names("cards"), names("databases")
    return {
        "databases": sorted((item["name"], str(item["details"])) for item in metabase.databases.values()),
        "collections": [item["description"] for item in metabase.collections.values()],
        "cards": sorted(
            (
                item["name"],
                item["dataset_query"]["native"]["query"],
                databases[item["dataset_query"]["database"]],
                MARKER.sub(r"\1", item["description"] or ""),
            )
            for item in metabase.cards.values()
        ),
        "dashboards": [
            (
                item["name"],
                sorted((cards[c["card_id"]], c["row"], c["col"], c["size_x"], c["size_y"]) for c in item["dashcards"]),
            )
            for item in metabase.dashboards.values()
        ],
        "notifications": [
            (cards[item["payload"]["card_id"]], item["handlers"], item["subscriptions"])
            for item in metabase.notifications.values()
        ],
    }


def changes(metabase: Metabase) -> list[str]:
    """Return the requests that change something, but for sign-in."""
    return [
        line
        for line in metabase.lines
        if not line.startswith("GET ") and line not in {"POST /api/session", "POST /api/setup"}
    ]


# The administrator


def test_makes_the_first_administrator(metabase: Metabase, job: Job) -> None:
    assert succeeded(job.script.run()) == ["administrator admin@example.com: made", "Metabase is set up"]
    assert metabase.user == {"id": 1, "email": "admin@example.com", "password": PASSWORD, "site": 'The "site"'}


def test_a_second_run_only_signs_in(metabase: Metabase, job: Job) -> None:
    succeeded(job.script.run())
    metabase.requests.clear()
    assert succeeded(job.script.run()) == ["Metabase is set up"]
    assert metabase.lines == ["GET /api/health", "GET /api/session/properties", "POST /api/session"]


def test_waits_until_metabase_has_started(metabase: Metabase, job: Job) -> None:
    metabase.starting = 3
    succeeded(job.script.run())
    assert metabase.lines[:4] == ["GET /api/health"] * 4


def test_gives_up_on_a_metabase_that_never_starts(metabase: Metabase, job: Job) -> None:
    metabase.starting = 10_000
    said = failed(job.script.run(WAIT_SECONDS=1))
    assert said == f"metabase: gave up after 1 seconds: Metabase is not ready at {metabase.url}"


def test_another_run_was_faster(metabase: Metabase, job: Job) -> None:
    """Two Jobs may set up at once: the second finds the user that the first has made."""

    def first(request: Request) -> Answer | None:
        if request.line == "POST /api/setup" and metabase.user is None:
            metabase.answer(request)
        return None

    metabase.before = first
    assert succeeded(job.script.run()) == ["Metabase is set up"]


def test_a_rotated_password_is_set(metabase: Metabase, job: Job) -> None:
    succeeded(job.script.run(ADMIN_PASSWORD="old-password"))
    assert succeeded(job.script.run(ADMIN_PASSWORD_PREVIOUS="old-password")) == [
        "administrator admin@example.com: password changed",
        "Metabase is set up",
    ]
    assert metabase.user is not None
    assert metabase.user["password"] == PASSWORD


@pytest.mark.parametrize("previous", [{}, {"ADMIN_PASSWORD_PREVIOUS": "wrong too"}])
def test_a_password_that_was_changed_in_metabase(metabase: Metabase, job: Job, previous: dict[str, str]) -> None:
    succeeded(job.script.run(ADMIN_PASSWORD="somebody's own"))
    assert failed(job.script.run(60, **previous)) == (
        "metabase: Metabase does not take the password of admin@example.com: "
        "it was changed in Metabase itself, or the database was there before the Secret. Put Metabase's into the Secret"
    )


# What the plan says


def test_makes_what_the_plan_says(metabase: Metabase, job: Job) -> None:
    job.usual()
    assert succeeded(job.script.run()) == [
        "administrator admin@example.com: made",
        "data source readings: made",
        "data source shop: made",
        "collection: made",
        "question overview.0: made",
        "question overview.1: made",
        "dashboard overview: made",
        "question overview.hot.alert: made",
        "alert overview.hot: made",
        "Metabase is set up",
    ]
    readings, shop = metabase.databases.values()
    assert readings["engine"] == "postgres"
    assert readings["details"] == {
        "host": "db",
        "port": 5432,
        "dbname": "app",
        "user": "reader",
        "password": 's"e\\c',
        "ssl": False,
    }
    assert shop["engine"] == "mysql"
    assert shop["details"]["port"] == 3306
    # Without it or TLS, Metabase's driver cannot log in to MySQL 8.
    assert shop["details"]["additional-options"] == "allowPublicKeyRetrieval=true"
    (collection,) = metabase.collections.values()
    assert collection["name"] == "board"
    rows = metabase.named("cards", "Rows")
    assert rows["dataset_query"] == {
        "type": "native",
        "database": readings["id"],
        "native": {"query": "SELECT count(*) FROM \"t\" WHERE x = 'a\nb'"},
    }
    assert {item["collection_id"] for item in metabase.cards.values()} == {collection["id"]}
    overview = metabase.named("dashboards", "overview")
    assert overview["collection_id"] == collection["id"]
    assert [(c["card_id"], c["row"], c["col"], c["size_x"], c["size_y"]) for c in overview["dashcards"]] == [
        (rows["id"], 0, 0, 6, 4),
        (metabase.named("cards", "Size")["id"], 0, 6, 6, 4),
    ]
    (sent,) = metabase.notifications.values()
    assert sent["payload"]["card_id"] == metabase.named("cards", "Too hot")["id"]
    assert sent["handlers"] == notification("ops@example.com")["handlers"]


def test_everything_carries_a_marker_after_its_own_description(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    keys = {}
    for kind in ("collections", "cards", "dashboards"):
        for item in getattr(metabase, kind).values():
            match = MARKER.match(item["description"])
            assert match, item["description"]
            keys[match[2]] = match[1]
            assert match[3].isdigit()
    assert keys == {
        "collection": "Dashboards of board.",
        "overview": "What there is",
        "overview.0": "",
        "overview.1": "",
        "overview.hot.alert": "",
    }


def test_a_second_run_changes_nothing(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    before = state(metabase)
    metabase.requests.clear()
    assert succeeded(job.script.run()) == ["Metabase is set up"]
    assert state(metabase) == before
    # Metabase does not tell a password, so the connections are stated again.
    assert changes(metabase) == [f"PUT /api/database/{number}" for number in metabase.databases]


def test_a_second_run_changes_nothing_where_lists_are_plain(metabase: Metabase, job: Job) -> None:
    """Older versions list databases without an object around them."""
    metabase.plain_lists = True
    test_a_second_run_changes_nothing(metabase, job)


def test_a_changed_question_is_updated_and_no_other(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    numbers = {name: metabase.named("cards", name)["id"] for name in ("Rows", "Size")}
    metabase.requests.clear()
    job.file("overview.1", card("Size", "SELECT 2"))
    assert succeeded(job.script.run()) == ["question overview.1: updated", "Metabase is set up"]
    assert metabase.named("cards", "Size")["dataset_query"]["native"]["query"] == "SELECT 2"
    assert {name: metabase.named("cards", name)["id"] for name in numbers} == numbers
    assert [line for line in changes(metabase) if "database" not in line] == [f"PUT /api/card/{numbers['Size']}"]


def test_a_changed_place_moves_the_card(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    (first, second) = metabase.named("dashboards", "overview")["dashcards"]
    plan = (job.setup / "plan").read_text().replace("place overview.1 0 6 6 4", "place overview.1 4 0 12 8")
    (job.setup / "plan").write_text(plan)
    assert succeeded(job.script.run()) == ["dashboard overview: updated", "Metabase is set up"]
    moved = metabase.named("dashboards", "overview")["dashcards"]
    assert [(c["id"], c["row"], c["col"], c["size_x"]) for c in moved] == [
        (first["id"], 0, 0, 6),
        (second["id"], 4, 0, 12),
    ]


def test_a_question_that_is_no_longer_placed_leaves_the_dashboard(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    lines = [line for line in (job.setup / "plan").read_text().splitlines() if "overview.1" not in line]
    job.plan(*lines)
    succeeded(job.script.run())
    assert [c["card_id"] for c in metabase.named("dashboards", "overview")["dashcards"]] == [
        metabase.named("cards", "Rows")["id"]
    ]


def test_changed_recipients_change_the_one_notification(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    job.file("overview.hot.alert", notification("ops@example.com", "team@example.com"))
    assert succeeded(job.script.run()) == [
        "question overview.hot.alert: updated",
        "alert overview.hot: updated",
        "Metabase is set up",
    ]
    (sent,) = metabase.notifications.values()
    assert len(sent["handlers"][0]["recipients"]) == 2


def test_a_changed_alert_stays_the_same_alert(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    (before,) = metabase.notifications
    job.file("overview.hot.alert", notification("night@example.com"))
    assert "alert overview.hot: updated" in succeeded(job.script.run())
    (after,) = metabase.notifications.values()
    assert after["id"] == before
    assert after["handlers"][0]["recipients"][0]["details"] == {"value": "night@example.com"}


def test_an_alert_that_the_plan_no_longer_has_is_ended(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    hot, rows = metabase.named("cards", "Too hot")["id"], metabase.named("cards", "Rows")["id"]
    # A person's own alert on one of our questions.
    theirs = {**notification("me@example.com"), "payload": {"card_id": rows, "send_condition": "has_result"}}
    metabase.notifications[1000] = {"id": 1000, **theirs}
    lines = (job.setup / "plan").read_text().splitlines()
    job.plan(*(line for line in lines if not line.startswith("alert ")))
    assert succeeded(job.script.run()) == ["alert overview.hot: ended", "Metabase is set up"]
    assert metabase.cards[hot]["archived"]
    assert list(metabase.notifications) == [1000]
    assert succeeded(job.script.run()) == ["Metabase is set up"]

    job.plan(*lines)
    assert succeeded(job.script.run())[:2] == ["question overview.hot.alert: made", "alert overview.hot: made"]
    assert len(metabase.notifications) == 2


def test_a_renamed_collection_keeps_its_content(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    job.file("collection", {"name": "new name", "description": "Dashboards of board."})
    assert succeeded(job.script.run()) == ["collection: updated", "Metabase is set up"]
    (collection,) = metabase.collections.values()
    assert collection["name"] == "new name"


def test_snowflake_by_password_and_by_key(metabase: Metabase, job: Job) -> None:
    job.source(
        "one",
        SNOWFLAKE_ACCOUNT="acc",
        SNOWFLAKE_USER="u",
        SNOWFLAKE_PASSWORD="p",
        SNOWFLAKE_WAREHOUSE="w",
        SNOWFLAKE_DATABASE="d",
    )
    job.source(
        "two",
        SNOWFLAKE_ACCOUNT="acc",
        SNOWFLAKE_USER="u",
        SNOWFLAKE_PRIVATE_KEY="-----BEGIN\nx\n",
        SNOWFLAKE_WAREHOUSE="w",
        SNOWFLAKE_DATABASE="d",
        SNOWFLAKE_ROLE="r",
    )
    job.file("collection", {"name": "board"})
    job.plan("database one snowflake disable", "database two snowflake disable", "collection")
    succeeded(job.script.run())
    one, two = (item["details"] for item in metabase.databases.values())
    assert one == {
        "account": "acc",
        "user": "u",
        "warehouse": "w",
        "role": "",
        "db": "d",
        "use-password": True,
        "password": "p",
    }
    assert two["private-key-value"] == "data:application/octet-stream;base64,LS0tLS1CRUdJTgp4Cg=="
    assert two["role"] == "r"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("readings clickhouse disable", "data source readings: the plan has an unknown engine: clickhouse"),
        ("readings postgres prefer", "data source readings: the plan has an unknown mode of TLS: prefer"),
    ],
)
def test_words_that_the_plan_cannot_have(metabase: Metabase, job: Job, line: str, message: str) -> None:
    job.source("readings", DB_HOST="db", DB_PORT="5432", DB_NAME="app", DB_USER="reader", DB_PASSWORD="secret")
    job.plan(f"database {line}", "collection")
    assert failed(job.script.run()).endswith(message)
    assert not metabase.databases


def test_tls_to_postgres(metabase: Metabase, job: Job) -> None:
    job.usual()
    job.plan("database readings postgres verify-full", "collection")
    succeeded(job.script.run())
    (readings,) = metabase.databases.values()
    assert (readings["details"]["ssl"], readings["details"]["ssl-mode"]) == (True, "verify-full")


# What the definition renders


@pytest.fixture(scope="module")
def everything() -> dict[str, Any]:
    """Return a dashboard of every template with every alert."""
    return {
        "name": "board",
        "dataSources": [
            {"name": "readings", "type": "kafka", "connectionString": "kafka:9092"},
            {"name": "shop", "type": "mysql", "secretRef": "shop-db"},
        ],
        "dashboards": [
            {"name": "overview", "template": "standard-overview"},
            {"name": "streaming", "template": "streaming-metrics"},
            {"name": "sensors", "template": "iot-sensors"},
            {"name": "hot", "template": "temperature-alerts"},
        ],
        "alerts": {"channels": [{"type": "email", "config": {"recipients": ["ops@example.com"]}}]},
        "smtp": {"host": "mail.example.com", "from": "board@example.com"},
    }


def mount(job: Job, properties: dict[str, Any]) -> dict[str, str]:
    """Mount what the definition renders, and return it."""
    job.usual()
    data: dict[str, str] = dashboards.render(properties)["outputs.metabase-setup-config"]["data"]
    for path in job.setup.iterdir():
        path.unlink()
    for name, text in data.items():
        (job.setup / name).write_text(text)
    job.script.env["SOURCES_DIR"] = str(job.sources)
    return data


def test_every_template_is_set_up_and_a_second_run_changes_nothing(
    metabase: Metabase, job: Job, everything: dict[str, Any]
) -> None:
    one_shell(job, "dash")
    plan = mount(job, everything)["plan"].split("\n")
    succeeded(job.script.run())
    assert sorted(item["name"] for item in metabase.dashboards.values()) == ["hot", "overview", "sensors", "streaming"]
    assert len(metabase.cards) == len([line for line in plan if line.startswith(("card ", "alert "))]) >= 40
    assert len(metabase.notifications) == len([line for line in plan if line.startswith("alert ")]) == 4
    numbers = {item["name"]: number for number, item in metabase.databases.items()}
    for card in metabase.cards.values():
        query = card["dataset_query"]["native"]["query"]
        assert card["dataset_query"]["database"] == numbers["shop" if "information_schema" in query else "readings"]
    before = state(metabase)
    assert succeeded(job.script.run()) == ["Metabase is set up"]
    assert state(metabase) == before


def test_a_changed_threshold_changes_the_panels_that_show_it(
    metabase: Metabase, job: Job, everything: dict[str, Any]
) -> None:
    one_shell(job, "busybox")
    mount(job, everything)
    succeeded(job.script.run())
    before = state(metabase)
    changed = copy.deepcopy(everything)
    changed["dashboards"][3]["threshold"] = 35
    mount(job, changed)
    said = succeeded(job.script.run())
    touched = {line.split()[1].split(".")[0].rstrip(":") for line in said[:-1]}
    assert touched == {"hot"}
    assert "alert hot.high-temperature: updated" in said
    after = state(metabase)
    for number, card in before["cards"].items():
        if "[vela-realtime hot." not in card["description"]:
            assert after["cards"][number] == card
    assert set(after["cards"]) == set(before["cards"])
    assert set(after["notifications"]) == set(before["notifications"])


# People's own content


def test_what_people_added_to_a_dashboard_stays_when_it_changes(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    overview = metabase.named("dashboards", "overview")["id"]
    theirs = metabase.add_card(
        name="Mine",
        dataset_query={"type": "native", "database": 1, "native": {"query": "x"}},
        visualization_settings={},
        display="bar",
    )
    series = metabase.named("cards", "Size")["id"]
    chart = metabase.add_dashcard(
        overview,
        card_id=theirs,
        row=9,
        size_x=10,
        visualization_settings={"graph.metrics": ["a,b", "}"], "text": 'say "hi"'},
        parameter_mappings=[{"parameter_id": "p", "card_id": theirs, "target": ["variable", ["template-tag", "t"]]}],
        series=[{"id": series}],
    )
    note = metabase.add_dashcard(
        overview, row=20, visualization_settings={"virtual_card": {"display": "text"}, "text": "# Notes"}
    )
    before = {card["id"]: copy.deepcopy(card) for card in metabase.dashboards[overview]["dashcards"]}
    job.file("overview.dashboard", {"name": "overview", "description": "Something else"})
    assert "dashboard overview: updated" in succeeded(job.script.run())
    after = {card["id"]: card for card in metabase.dashboards[overview]["dashcards"]}
    assert after == before
    assert {chart, note} <= set(after)


def test_tabs_that_people_made_stay(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    overview = metabase.named("dashboards", "overview")["id"]
    first, second = metabase.add_tab(overview, 'The "first"'), metabase.add_tab(overview, "Second")
    note = metabase.add_dashcard(overview, dashboard_tab_id=second)
    job.file("overview.dashboard", {"name": "overview", "description": "Something else"})
    succeeded(job.script.run())
    dashboard = metabase.dashboards[overview]
    assert dashboard["tabs"] == [{"id": first, "name": 'The "first"'}, {"id": second, "name": "Second"}]
    assert {card["id"]: card["dashboard_tab_id"] for card in dashboard["dashcards"]}[note] == second


def test_what_people_made_beside_it_is_not_touched(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    (collection,) = metabase.collections
    theirs = metabase.add_card(
        name="Rows",
        description="mine",
        collection_id=collection,
        visualization_settings={},
        display="bar",
        dataset_query={},
    )
    before = copy.deepcopy(metabase.cards[theirs])
    job.file("overview.0", card("Rows", "SELECT 3"))
    succeeded(job.script.run())
    assert metabase.cards[theirs] == before


def test_a_dashboard_that_was_deleted_comes_back(metabase: Metabase, job: Job) -> None:
    job.usual()
    succeeded(job.script.run())
    metabase.named("dashboards", "overview")["archived"] = True
    assert succeeded(job.script.run()) == ["dashboard overview: made", "Metabase is set up"]


# Dashboards of the user's own


def test_a_config_map_becomes_a_dashboard(metabase: Metabase, job: Job) -> None:
    job.usual()
    (job.own / "mine").mkdir()
    (job.own / "mine" / "sales.json").write_text(
        json.dumps({**card("Sales"), "description": "per day"}, indent=2) + "\n"
    )
    (job.own / "mine" / "stock.json").write_text(json.dumps(card("Stock")))
    (job.own / "mine" / "layout").write_text("stock 0 12 12 6\n")
    job.file("mine.dashboard", {"name": "mine", "description": ""})
    job.plan("database readings postgres disable", "collection", "own mine readings")
    assert succeeded(job.script.run())[-4:] == [
        "question mine.own.sales: made",
        "question mine.own.stock: made",
        "dashboard mine: made",
        "Metabase is set up",
    ]
    sales, stock = metabase.named("cards", "Sales"), metabase.named("cards", "Stock")
    assert sales["description"].startswith("per day [vela-realtime mine.own.sales ")
    placed = {
        c["card_id"]: (c["row"], c["col"], c["size_x"], c["size_y"])
        for c in metabase.named("dashboards", "mine")["dashcards"]
    }
    assert placed == {sales["id"]: (0, 0, 24, 8), stock["id"]: (0, 12, 12, 6)}
    before = state(metabase)
    assert succeeded(job.script.run()) == ["Metabase is set up"]
    assert state(metabase) == before


def test_dashboards_whose_names_differ_behind_a_dash(metabase: Metabase, job: Job) -> None:
    """Each has what it declares, though the second is called like the first's third question once was."""
    job.usual()
    for board, number in (("sensors", 2), ("sensors-2", 0)):
        job.file(f"{board}.dashboard", {"name": board, "description": ""})
        job.file(f"{board}.{number}", card(f"of {board}"))
    (job.own / "sensors").mkdir()
    job.plan(
        "database readings postgres disable",
        "collection",
        *(
            line
            for key, board in (("sensors.2", "sensors"), ("sensors-2.0", "sensors-2"))
            for line in (f"card {key} readings", f"place {key} 0 0 6 4", f"dashboard {board}")
        ),
    )
    succeeded(job.script.run())
    for board in ("sensors", "sensors-2"):
        (shown,) = metabase.named("dashboards", board)["dashcards"]
        assert metabase.cards[shown["card_id"]]["name"] == f"of {board}"
    # What somebody puts onto one from the other stays there.
    theirs = metabase.named("cards", "of sensors-2")["id"]
    metabase.add_dashcard(metabase.named("dashboards", "sensors")["id"], card_id=theirs)
    job.file("sensors.dashboard", {"name": "sensors", "description": "new"})
    assert "dashboard sensors: updated" in succeeded(job.script.run())
    assert theirs in [c["card_id"] for c in metabase.named("dashboards", "sensors")["dashcards"]]


def test_questions_of_earlier_versions_are_taken_over(metabase: Metabase, job: Job) -> None:
    """They were marked with a dash."""
    job.usual()
    succeeded(job.script.run())
    for item in metabase.cards.values():
        item["description"] = item["description"].replace("overview.", "overview-")
    before = meaning(metabase)["dashboards"]
    done = succeeded(job.script.run())
    assert "question overview.0: updated" in done
    assert "dashboard overview: updated" not in done
    assert meaning(metabase)["dashboards"] == before
    assert succeeded(job.script.run()) == ["Metabase is set up"]


def test_a_config_map_without_questions(metabase: Metabase, job: Job) -> None:
    job.usual()
    (job.own / "mine").mkdir()
    job.file("mine.dashboard", {"name": "mine", "description": ""})
    job.plan("database readings postgres disable", "collection", "own mine readings")
    assert failed(job.script.run()) == "metabase: dashboard mine: its ConfigMap has no key that ends in .json"


# What goes wrong


def test_a_secret_that_is_not_there(metabase: Metabase, job: Job) -> None:
    """One data source must not keep the others from being usable."""
    job.usual()
    for key in ("DB_HOST", "DB_PASSWORD"):
        (job.sources / "shop" / key).unlink()
    done = job.script.run()
    assert failed(done) == "metabase: not everything could be set up, see above; trying again"
    assert "data source shop: its Secret lacks DB_HOST DB_PASSWORD" in done.stderr
    assert [item["name"] for item in metabase.databases.values()] == ["readings"]
    assert [item["name"] for item in metabase.dashboards.values()] == ["overview"]
    job.source("shop", DB_HOST="mysql", DB_PASSWORD="p")
    assert succeeded(job.script.run()) == [
        "data source shop: made",
        "question overview.1: made",
        "dashboard overview: updated",
        "Metabase is set up",
    ]


def test_a_database_that_cannot_be_reached(metabase: Metabase, job: Job) -> None:
    job.usual()
    metabase.unreachable = {"mysql"}
    done = job.script.run()
    assert failed(done) == "metabase: not everything could be set up, see above; trying again"
    assert "data source shop: Metabase cannot use it: status 400: " in done.stderr
    assert 's"e\\\\c' not in done.stderr
    metabase.unreachable = set()
    succeeded(job.script.run())
    assert len(metabase.databases) == 2


def test_a_refusal_is_said_in_metabase_words(metabase: Metabase, job: Job) -> None:
    job.usual()
    job.file("overview.0", {**card("Rows"), "display": ""})
    said = failed(job.script.run())
    assert said.startswith('metabase: POST /api/card: status 400: {"errors": {"display": ')


@pytest.mark.parametrize("lost", [False, True], ids=["refused", "answer-lost"])
def test_metabase_fails_at_each_step(metabase: Metabase, job: Job, *, lost: bool) -> None:
    """The Job ends with an error, and the next run has the same outcome as one in peace, with nothing made twice.

    A request that changes something fails, or is done and only its answer is lost.
    """
    one_shell(job, "busybox" if lost else "dash")
    job.usual()
    with Metabase() as peaceful:
        succeeded(job.script.run(METABASE_URL=peaceful.url))
        expected = meaning(peaceful)
        steps = [line for line in peaceful.lines if not line.startswith("GET ")]
    assert len(steps) > 10
    step = 0

    def fail(request: Request) -> Answer | None:
        if request.method == "GET" or len(changing(metabase)) != step + 1:
            return None
        if lost:
            metabase.answer(request)
        return Answer(504, b"upstream timed out")

    for step in range(len(steps)):
        metabase.requests.clear()
        metabase.before = fail
        assert job.script.run().returncode != 0, steps[step]
        metabase.before = nothing
        succeeded(job.script.run())
        assert meaning(metabase) == expected, steps[step]
        metabase.forget()


def one_shell(job: Job, shell: str) -> None:
    """Skip the test in the other shell."""
    if shell not in job.script.argv:
        pytest.skip("one shell is enough: this takes a while")


def nothing(request: Request) -> None:
    """Leave every request to Metabase."""


def changing(metabase: Metabase) -> list[str]:
    return [line for line in metabase.lines if not line.startswith("GET ")]


def test_killed_half_way_again_and_again(metabase: Metabase, job: Job) -> None:
    job.usual()
    with Metabase() as peaceful:
        succeeded(job.script.run(METABASE_URL=peaceful.url))
        expected = meaning(peaceful)
    seconds = 0.02
    while job.script.run_and_kill(seconds):
        seconds *= 1.4
    succeeded(job.script.run())
    assert meaning(metabase) == expected


def test_passwords_stay_out_of_arguments_and_messages(metabase: Metabase, job: Job) -> None:
    """What is in a process's arguments, everyone on the node can read."""
    job.usual()
    seen = []

    def look(request: Request) -> None:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    seen.append((entry / "cmdline").read_bytes())
                except OSError:
                    continue

    metabase.before = look
    done = job.script.run()
    succeeded(done)
    everything = b"".join(seen) + (done.stdout + done.stderr).encode()
    assert b"/api/session" in everything
    for secret in (PASSWORD.encode(), b's"e\\c', next(iter(metabase.sessions)).encode()):
        assert secret not in everything


# Alerts to Slack by webhook


class Slack(Double):
    """Slack's incoming webhooks."""

    refused: bool = False

    def answer(self, request: Request) -> Answer:
        """Take a message with a text, as Slack does."""
        if self.refused or not request.json().get("text"):
            return Answer(400, b"no_text")
        return Answer(200, b"ok")


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as server:
        yield server


@pytest.fixture
def alerts(metabase: Metabase, job: Job, slack: Slack, tmp_path: Path, shell: str) -> Script:
    """The Job that posts alerts, after the setup is done."""
    job.usual()
    succeeded(job.script.run())
    webhooks = tmp_path / "webhooks"
    webhooks.mkdir()
    (webhooks / "webhook-0").write_text(f"{slack.url}/services/T0/B0/secret")
    # One that the Application had before.
    (webhooks / "webhook-1").write_text(f"{slack.url}/services/T0/B0/withdrawn")
    return Script("metabase-alerts.sh", shell, {**job.script.env, "WEBHOOKS": "webhook-0", "WEBHOOKS_DIR": webhooks})


def test_rows_are_posted(metabase: Metabase, slack: Slack, alerts: Script) -> None:
    metabase.rows["Too hot"] = [{"device": 'd "1"', "value": 31.5}, {"device": "d2", "value": 40}]
    assert succeeded(alerts.run()) == ["overview.hot: sent"]
    (sent,) = slack.requests
    assert sent.json() == {"text": '*Too hot* (readings)\ndevice: d "1", value: 31.5\ndevice: d2, value: 40'}


def test_each_run_is_the_same_device_and_leaves_no_session(metabase: Metabase, alerts: Script) -> None:
    """A new device is a letter to the administrator, and there is a run every ten minutes."""
    sessions = set(metabase.sessions)
    for _ in range(2):
        succeeded(alerts.run())
    assert len(metabase.devices) == 1
    assert metabase.sessions == sessions


def test_no_rows_no_message(metabase: Metabase, slack: Slack, alerts: Script) -> None:
    assert succeeded(alerts.run()) == []
    assert slack.requests == []


def test_a_question_that_fails(metabase: Metabase, slack: Slack, alerts: Script) -> None:
    metabase.before = lambda request: (
        Answer(202, {"error": "relation does not exist"}) if request.path.endswith("/query/json") else None
    )
    sessions = set(metabase.sessions)
    done = alerts.run()
    assert failed(done) == "metabase: not every alert could be sent, see above"
    assert metabase.sessions == sessions
    assert 'overview.hot: status 202: {"error": "relation does not exist"}' in done.stderr


def test_a_webhook_that_refuses(metabase: Metabase, slack: Slack, alerts: Script) -> None:
    metabase.rows["Too hot"] = [{"device": "d1", "value": 31.5}]
    slack.refused = True
    done = alerts.run()
    assert failed(done) == "metabase: not every alert could be sent, see above"
    assert "overview.hot: the webhook webhook-0 answers with status 400" in done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_dashboards_that_are_not_there_yet(metabase: Metabase, job: Job, tmp_path: Path, shell: str) -> None:
    succeeded(job.script.run())
    job.plan("alert overview.hot readings")
    script = Script("metabase-alerts.sh", shell, {**job.script.env, "WEBHOOKS": "", "WEBHOOKS_DIR": tmp_path})
    assert failed(script.run()) == "metabase: the dashboards are not there yet"
