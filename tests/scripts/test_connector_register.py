"""``connector-register.sh``: what is declared runs, what is not declared any more is gone, nothing else is touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.doubles.connect import TRACE, Connect, Connector
from tests.support.doubles.http_double import Answer
from tests.support.doubles.scripts import SHELLS, Script, failed, finish, succeeded, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = SHELLS

CLASS = {"connector.class": "MqttSourceConnector"}
OWNER = "plant/demo/iot-broker"


@pytest.fixture
def worker() -> Iterator[Connect]:
    with Connect() as server:
        yield server


class Job:
    """The Job that registers a component's connectors."""

    def __init__(self, worker: Connect, folder: Path, shell: str) -> None:
        self.folder = folder / "connectors"
        self.folder.mkdir()
        (self.folder / "connectors").touch()
        self.script = Script(
            "connector-register.sh",
            shell,
            {
                "CONNECT_URL": worker.url,
                "CONNECTORS_DIR": self.folder,
                "OWNER": OWNER,
                "TMPDIR": folder,
                "POLL_SECONDS": "0.02",
                "WAIT_SECONDS": "20",
            },
        )

    def declare(self, name: str, config: dict[str, str]) -> None:
        """Declare a connector, or change what is declared of it."""
        (self.folder / f"{name}.json").write_text(json.dumps(config))
        self.list({*self.listed, name})

    def withdraw(self, name: str) -> None:
        """Declare it no more. KubeVela leaves its file in the ConfigMap."""
        self.list(self.listed - {name})

    @property
    def listed(self) -> set[str]:
        return set((self.folder / "connectors").read_text().split())

    def list(self, names: set[str]) -> None:
        (self.folder / "connectors").write_text("".join(f"{name}\n" for name in sorted(names)))


@pytest.fixture
def job(worker: Connect, tmp_path: Path, shell: str) -> Job:
    return Job(worker, tmp_path, shell)


def test_registers_and_waits_until_it_runs(worker: Connect, job: Job) -> None:
    kcql = 'INSERT INTO `a` SELECT * FROM `devices/#` {x: "y"}'
    config = {**CLASS, "connect.mqtt.kcql": kcql, "connect.mqtt.password": "${dir:/x:y}"}
    job.declare("mqtt", config)
    worker.slow = 2
    assert succeeded(job.script.run()) == [
        "mqtt: made",
        "waiting: mqtt: to run",
        "waiting: mqtt: to have tasks",
        "waiting: mqtt: to keep running",
        "mqtt: runs",
    ]
    assert worker.connectors["mqtt"].config == {"vela.realtime.owner": OWNER, **config}


def test_a_second_run_leaves_all_as_it_is(worker: Connect, job: Job) -> None:
    job.declare("one", CLASS)
    job.declare("two", CLASS)
    succeeded(job.script.run())
    before = {name: connector.config for name, connector in worker.connectors.items()}
    assert "one: configured" in succeeded(job.script.run())
    assert {name: connector.config for name, connector in worker.connectors.items()} == before


def test_waits_for_the_worker_and_through_a_rebalance(worker: Connect, job: Job) -> None:
    job.declare("mqtt", CLASS)
    rebalance = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"
    answers = iter([Answer(503), Answer(409, {"error_code": 409, "message": rebalance})])
    worker.before = lambda _: next(answers, None)
    lines = succeeded(job.script.run())
    assert lines[:2] == [
        "waiting: GET /connectors?expand=info: status 503: ",
        f"waiting: GET /connectors?expand=info: status 409: {rebalance}",
    ]
    assert lines[-1] == "mqtt: runs"


@pytest.mark.parametrize("owner", [OWNER, ""])
def test_waits_while_a_worker_starts(worker: Connect, job: Job, owner: str) -> None:
    job.declare("mqtt", CLASS)
    worker.before = lambda _: Answer(404) if len(worker.requests) < 3 else None
    lines = succeeded(job.script.run(OWNER=owner))
    assert lines[:2] == [f"waiting: the worker starts at {worker.url}", "mqtt: made"]


def test_a_worker_that_wants_a_password(worker: Connect, job: Job) -> None:
    worker.before = lambda _: Answer(401, {"error_code": 401, "message": "User cannot access the resource."})
    assert failed(job.script.run()) == (
        "connector-register: the list of connectors: status 401: User cannot access the resource."
    )


def test_gives_up_when_there_is_no_worker(worker: Connect, job: Job) -> None:
    job.declare("mqtt", CLASS)
    done = job.script.run(CONNECT_URL="http://127.0.0.1:1", WAIT_SECONDS=0)
    assert (
        failed(done) == "connector-register: gave up after 0 seconds: the worker does not answer at http://127.0.0.1:1"
    )


def test_a_configuration_that_connect_refuses(worker: Connect, job: Job) -> None:
    job.declare("mqtt", {"topics": "a"})
    done = job.script.run()
    assert done.returncode == 1
    assert done.stderr == (
        "connector-register: mqtt: status 400: Connector configuration is invalid and contains the following 1 "
        "error(s):\n"
        'Missing required configuration "connector.class" which has no default value.\n'
    )


def test_restarts_a_task_that_failed(worker: Connect, job: Job) -> None:
    job.declare("mqtt", CLASS)
    worker.unwell = {"mqtt": 2}
    done = job.script.run()
    assert succeeded(done)[-1] == "mqtt: runs"
    # Why, at once: each failure may take minutes, and a Job's time be over before the last.
    assert done.stderr == f"{TRACE}\n"
    assert worker.connectors["mqtt"].restarts == 2


def test_prints_the_trace_of_a_task_that_keeps_failing(worker: Connect, job: Job) -> None:
    job.declare("mqtt", CLASS)
    worker.unwell = {"mqtt": 99}
    done = job.script.run()
    assert done.returncode == 1
    assert done.stderr == f"{TRACE}\n{TRACE}\nconnector-register: mqtt: failed\n"
    assert worker.connectors["mqtt"].restarts == 3


def test_one_failing_task_among_many_is_a_failure(worker: Connect, job: Job) -> None:
    job.declare("mqtt", CLASS)
    worker.connectors["mqtt"] = Connector(CLASS, tasks=["RUNNING", "FAILED"], trace="broken")
    worker.unwell = {"mqtt": 99}
    assert failed(job.script.run(RESTARTS=0)) == "connector-register: mqtt: failed"


def test_what_is_no_longer_declared_goes_first_and_nothing_else(worker: Connect, job: Job) -> None:
    job.declare("mqtt", CLASS)
    worker.connectors = {
        "old": Connector({**CLASS, "vela.realtime.owner": OWNER}),
        "somebody-elses": Connector({**CLASS, "vela.realtime.owner": "another"}),
        "by-hand": Connector(CLASS),
        "demo-by-hand": Connector(CLASS),
    }
    assert succeeded(job.script.run())[:2] == ["old: deleted, no longer declared", "mqtt: made"]
    assert sorted(worker.connectors) == ["by-hand", "demo-by-hand", "mqtt", "somebody-elses"]


def test_a_file_that_was_left_is_no_declaration(worker: Connect, job: Job) -> None:
    job.declare("bridge", CLASS)
    job.declare("tables", CLASS)
    succeeded(job.script.run())
    job.withdraw("bridge")
    assert succeeded(job.script.run())[0] == "bridge: deleted, no longer declared"
    assert set(worker.connectors) == {"tables"}


def test_without_an_owner_nothing_is_deleted_or_added(worker: Connect, job: Job) -> None:
    job.declare("mqtt", CLASS)
    worker.connectors = {"old": Connector({**CLASS, "vela.realtime.owner": ""})}
    succeeded(job.script.run(OWNER=""))
    assert worker.connectors["mqtt"].config == CLASS
    assert "old" in worker.connectors


def test_a_connector_that_somebody_paused_stays_so(worker: Connect, job: Job) -> None:
    job.declare("mqtt", CLASS)
    worker.connectors["mqtt"] = Connector(CLASS, state="PAUSED", tasks=["PAUSED"])
    assert succeeded(job.script.run())[-1] == "mqtt: not running, since somebody paused or stopped it"


def test_killed_and_run_again(worker: Connect, job: Job) -> None:
    for number in range(4):
        job.declare(f"connector-{number}", CLASS)
    worker.connectors["old"] = Connector({**CLASS, "vela.realtime.owner": OWNER})
    for seconds in (0.02, 0.05, 0.1, 0.15):
        job.script.run_and_kill(seconds)
    succeeded(job.script.run())
    assert sorted(worker.connectors) == [f"connector-{number}" for number in range(4)]


def test_two_at_once(worker: Connect, job: Job) -> None:
    job.declare("mqtt", CLASS)
    worker.connectors["old"] = Connector({**CLASS, "vela.realtime.owner": OWNER})
    for running in [job.script.start() for _ in range(2)]:
        assert succeeded(finish(running))[-1] == "mqtt: runs"
    assert sorted(worker.connectors) == ["mqtt"]


def test_ends_when_told_to(worker: Connect, job: Job) -> None:
    job.declare("mqtt", CLASS)
    running = Script("connector-register.sh", "dash", {**job.script.env, "POLL_SECONDS": "0.3"}).start()
    worker.before = lambda _: Answer(503)
    wait_until(lambda: bool(worker.requests))
    running.terminate()
    finish(running, 5)
    assert running.returncode == 143
