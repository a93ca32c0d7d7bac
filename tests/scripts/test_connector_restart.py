"""``connector-restart.sh``: what failed is started again, everything else is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.doubles.connect import TRACE, Connect, Connector
from tests.support.doubles.http_double import Answer
from tests.support.doubles.scripts import SHELLS, Script, succeeded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = SHELLS


@pytest.fixture
def worker() -> Iterator[Connect]:
    with Connect() as server:
        yield server


@pytest.fixture
def script(worker: Connect, tmp_path: Path, shell: str) -> Script:
    (tmp_path / "connectors").write_text("mqtt\ntables\n")
    settings = {"CONNECT_URL": worker.url, "CONNECTORS_DIR": tmp_path, "TMPDIR": tmp_path}
    return Script("connector-restart.sh", shell, settings)


def test_what_failed_is_started_again(worker: Connect, script: Script) -> None:
    worker.connectors["mqtt"] = Connector({})
    worker.connectors["tables"] = Connector({}, tasks=["RUNNING", "FAILED"], trace=TRACE)
    assert succeeded(script.run()) == [
        'tables: failed: java.lang.IllegalStateException: no "broker"',
        "tables: what failed is restarted",
    ]
    assert worker.connectors["tables"].tasks == ["RUNNING", "RUNNING"]
    assert {name: connector.restarts for name, connector in worker.connectors.items()} == {"mqtt": 0, "tables": 1}


def test_a_connector_that_failed_itself_is_too(worker: Connect, script: Script) -> None:
    worker.connectors["tables"] = Connector({}, state="FAILED", tasks=[])
    assert succeeded(script.run())[-1] == "tables: what failed is restarted"


def test_one_that_is_declared_no_more_is_left_alone(worker: Connect, script: Script, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("{}")
    worker.connectors["old"] = Connector({}, tasks=["FAILED"])
    assert succeeded(script.run()) == []
    assert worker.connectors["old"].restarts == 0


def test_one_of_somebody_else_is_left_alone(worker: Connect, script: Script) -> None:
    worker.connectors["other"] = Connector({}, tasks=["FAILED"])
    assert succeeded(script.run()) == []
    assert worker.connectors["other"].restarts == 0


@pytest.mark.parametrize("state", ["PAUSED", "STOPPED"])
def test_what_somebody_stopped_stays_so(worker: Connect, script: Script, state: str) -> None:
    worker.connectors["mqtt"] = Connector({}, state=state, tasks=[state])
    assert succeeded(script.run()) == []
    assert worker.connectors["mqtt"].restarts == 0


def test_a_worker_that_rebalances_is_asked_the_next_time(worker: Connect, script: Script) -> None:
    worker.connectors["mqtt"] = Connector({}, tasks=["FAILED"], trace=TRACE)
    worker.before = lambda request: Answer(409, {"error_code": 409}) if request.method == "POST" else None
    assert succeeded(script.run())[-1] == "mqtt: status 409, tried again in the next run"


def test_a_worker_that_is_away_is_asked_the_next_time(script: Script) -> None:
    lines = succeeded(script.run(CONNECT_URL="http://127.0.0.1:9"))
    assert lines == ["no worker answers at http://127.0.0.1:9"]
