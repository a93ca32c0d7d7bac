"""lenses-processors.sh against a Lenses that is played: what is declared comes to run, and nothing else is touched."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.doubles.http_double import Answer, Double, Request
from tests.support.doubles.lenses import PASSWORD, TOKEN, USER, Lenses
from tests.support.doubles.scripts import SHELLS, Script, failed, finish, succeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ENVIRONMENT = "plant"
OWNER = "default.sensors"
V1 = f"/api/v1/environments/{ENVIRONMENT}/proxy/api/v1/streams"
V2 = f"/api/v1/environments/{ENVIRONMENT}/proxy/api/v2/streams"
CHANGES = ("PUT", "DELETE")


@pytest.fixture
def lenses() -> Iterator[Lenses]:
    with Lenses() as double:
        double.connect(ENVIRONMENT)
        yield double


@dataclass
class Component:
    """What one stream-processor declares, in the files that its pods mount."""

    folder: Path
    owner: str = OWNER
    prefix: str = "sensors"

    def declare(self, mode: str = "IN_PROC", fixed: str = "", **queries: str) -> Component:
        """Write the files: query name to SQL. The hash is ``fixed``, else that of the SQL."""
        self.folder.mkdir(exist_ok=True)
        table = ""
        for query, sql in queries.items():
            name = f"{self.prefix}-{query}"
            digest = fixed or hashlib.sha256(f"{sql} {mode}".encode()).hexdigest()[:8]
            body = {
                "name": name,
                "sql": sql,
                "processorId": f"{self.owner}.{query}",
                "description": f"Declared elsewhere. [vela-realtime:{self.owner}:{digest}]",
                "deployment": {"mode": mode},
            }
            (self.folder / f"{query}.json").write_text(json.dumps(body))
            table += f"{name} {query}.json {digest}\n"
        (self.folder / "processors").write_text(table)
        return self

    def script(self, mode: str, shell: str, lenses: Lenses, **env: object) -> Script:
        """Return the script as the component's pods start it."""
        script = Script(
            "lenses-processors.sh",
            shell,
            {
                "OWNER": self.owner,
                "NAMESPACE": "default",
                "PROCESSORS_DIR": self.folder,
                "LENSES_URL": lenses.url,
                "LENSES_ENVIRONMENT": ENVIRONMENT,
                "LENSES_USER": USER,
                "LENSES_PASSWORD": PASSWORD,
                "WAIT_SECONDS": 30,
                "POLL_SECONDS": 0.05,
                "KEEP_SECONDS": 0.05,
                **env,
            },
        )
        script.argv.append(mode)
        return script


@pytest.fixture
def component(tmp_path: Path) -> Component:
    return Component(tmp_path / "declared").declare(
        hot="INSERT INTO hot SELECT STREAM * FROM all", cold="INSERT INTO cold SELECT STREAM * FROM all"
    )


def changes(lenses: Lenses) -> list[str]:
    """Return the requests that change something, without the way to the environment."""
    return [
        line.replace(f"/api/v1/environments/{ENVIRONMENT}/proxy/api", "")
        for line in lenses.lines
        if line.startswith(CHANGES) or line == f"POST {V2}"
    ]


def failing(times: int, line: str, answer: Answer) -> Callable[[Request], Answer | None]:
    """Answer some requests, all that begin like this, otherwise than Lenses would."""
    left = [times]

    def before(request: Request) -> Answer | None:
        if left[0] and request.line.startswith(line):
            left[0] -= 1
            return answer
        return None

    return before


# apply


@SHELLS
def test_first_run_creates_all_and_ends_when_they_run(shell: str, lenses: Lenses, component: Component) -> None:
    lines = succeeded(component.script("apply", shell, lenses).run())
    assert lines == [
        "creating sensors-hot",
        "creating sensors-cold",
        "waiting: sensors-hot has just been created",
        "all processors run: sensors-hot, sensors-cold",
    ]
    assert lenses.named("sensors-hot").sql == "INSERT INTO hot SELECT STREAM * FROM all"
    assert lenses.named("sensors-hot").processor_id == "default.sensors.hot"


@SHELLS
def test_second_run_changes_nothing(shell: str, lenses: Lenses, component: Component) -> None:
    succeeded(component.script("apply", shell, lenses).run())
    lenses.requests.clear()
    assert succeeded(component.script("apply", shell, lenses).run()) == [
        "all processors run: sensors-hot, sensors-cold"
    ]
    assert lenses.lines == ["POST /api/v1/login", f"GET /api/v1/environments/{ENVIRONMENT}", f"GET {V2}"]


@SHELLS
@pytest.mark.parametrize("digest", ["1234e567", "00e00001"])
def test_a_hash_that_looks_like_a_number_is_a_text(
    shell: str, digest: str, lenses: Lenses, component: Component
) -> None:
    component.declare(fixed=digest, hot="INSERT INTO hot SELECT STREAM * FROM all")
    succeeded(component.script("apply", shell, lenses).run())
    assert succeeded(component.script("apply", shell, lenses).run()) == ["all processors run: sensors-hot"]
    assert changes(lenses) == ["POST /v2/streams"]


@SHELLS
def test_changed_sql_replaces_that_processor_and_no_other(shell: str, lenses: Lenses, component: Component) -> None:
    succeeded(component.script("apply", shell, lenses).run())
    hot, cold = lenses.named("sensors-hot"), lenses.named("sensors-cold")
    component.declare(hot="INSERT INTO hot SELECT STREAM * FROM all WHERE t > 30", cold=cold.sql)
    lenses.requests.clear()
    lines = succeeded(component.script("apply", shell, lenses).run())
    assert lines[0] == "removing sensors-hot: it has changed"
    assert changes(lenses) == [f"PUT /v1/streams/{hot.id}/stop", f"DELETE /v1/streams/{hot.id}", "POST /v2/streams"]
    assert lenses.named("sensors-hot").sql.endswith("WHERE t > 30")
    assert lenses.named("sensors-hot").processor_id == hot.processor_id
    assert lenses.named("sensors-cold") is cold


@SHELLS
def test_removed_query_removes_its_processor(shell: str, lenses: Lenses, component: Component) -> None:
    succeeded(component.script("apply", shell, lenses).run())
    component.declare(hot=lenses.named("sensors-hot").sql)
    lines = succeeded(component.script("apply", shell, lenses).run())
    assert lines == ["removing sensors-cold: it is no longer declared", "all processors run: sensors-hot"]
    assert lenses.names == ["sensors-hot"]


@SHELLS
def test_last_query_removed_leaves_nothing(shell: str, lenses: Lenses, component: Component) -> None:
    succeeded(component.script("apply", shell, lenses).run())
    succeeded(component.declare().script("apply", shell, lenses).run())
    assert lenses.names == []


@SHELLS
@pytest.mark.parametrize(
    "description",
    [
        "",
        "made by hand",
        "[vela-realtime:default.sensors2:0123abcd]",
        "[vela-realtime:other.sensors:0123abcd]",
        "[vela-realtime:default.sensor:0123abcd]",
        "vela-realtime:default.sensors:0123abcd",
        'a "quoted" text, a \\ and a\ttab',
    ],
)
def test_processors_of_others_are_not_touched(
    description: str, shell: str, lenses: Lenses, component: Component
) -> None:
    other = lenses.add("theirs", description, level="FAILED")
    succeeded(component.script("apply", shell, lenses).run())
    succeeded(component.script("remove", shell, lenses).run())
    assert lenses.processors == [other]
    assert other.level == "FAILED"
    assert not [line for line in lenses.lines if other.id in line]


@SHELLS
def test_name_that_somebody_else_uses(shell: str, lenses: Lenses, component: Component) -> None:
    other = lenses.add("sensors-hot")
    assert failed(component.script("apply", shell, lenses).run(WAIT_SECONDS=0)) == (
        "lenses-processors.sh: there is a processor sensors-hot in plant that is not this component's: "
        "remove it there, or rename the query"
    )
    assert lenses.named("sensors-hot") is other
    assert "sensors-cold" in lenses.names


@SHELLS
def test_two_of_one_processor_become_one(shell: str, lenses: Lenses, component: Component) -> None:
    succeeded(component.script("apply", shell, lenses).run())
    first = lenses.named("sensors-hot")
    lenses.add("sensors-hot", first.description)
    lines = succeeded(component.script("apply", shell, lenses).run())
    assert lines[0] == "removing sensors-hot: there are two of it"
    assert lenses.named("sensors-hot") is first


@SHELLS
def test_in_kubernetes_processors_are_started(shell: str, lenses: Lenses, component: Component) -> None:
    component.declare(mode="KUBERNETES", hot="INSERT INTO hot SELECT STREAM * FROM all")
    lenses.slow = 2
    succeeded(component.script("apply", shell, lenses).run())
    (processor,) = lenses.processors
    assert processor.level == "RUNNING"
    assert changes(lenses) == ["POST /v2/streams", f"PUT /v1/streams/{processor.id}/start"]


@SHELLS
def test_stopped_processor_is_started(shell: str, lenses: Lenses, component: Component) -> None:
    succeeded(component.script("apply", shell, lenses).run())
    lenses.named("sensors-hot").level = "NOT_RUNNING"
    succeeded(component.script("apply", shell, lenses).run())
    assert lenses.named("sensors-hot").level == "RUNNING"


def _killed_at(number: int, script: Script, lenses: Lenses) -> bool:
    """Start with two processors of ours and one of somebody else, and kill a script at a request; tell if it ended."""
    lenses.processors.clear()
    lenses.requests.clear()
    lenses.add("sensors-hot", f"[vela-realtime:{OWNER}:0000aaaa]")
    lenses.add("sensors-cold", f"[vela-realtime:{OWNER}:0000bbbb]")
    lenses.add("theirs")
    running: queue.Queue[int] = queue.Queue()

    def before(request: Request) -> None:
        if len(lenses.requests) == number:
            # The request takes effect, and nobody is left to hear of it.
            os.killpg(running.get(timeout=20), signal.SIGKILL)

    lenses.before = before
    process = script.start()
    running.put(process.pid)
    ended = finish(process).returncode == 0
    lenses.before = lambda _: None
    return ended


@SHELLS
def test_killed_after_any_request(shell: str, lenses: Lenses, component: Component) -> None:
    """One changed query, one removed, one new: wherever the first run ends, the second brings it to its end."""
    component.declare(hot="SELECT 2", new="SELECT 3")
    for number in range(1, 30):
        ended = _killed_at(number, component.script("apply", shell, lenses), lenses)
        succeeded(component.script("apply", shell, lenses).run())
        assert lenses.names == ["sensors-hot", "sensors-new", "theirs"]
        assert lenses.named("sensors-hot").sql == "SELECT 2"
        if ended:
            assert number > 10
            return
    pytest.fail("the run needs more requests than a case of this size should")


@SHELLS
@pytest.mark.parametrize("unique", [True, False])
def test_two_at_once(unique: bool, shell: str, lenses: Lenses, component: Component) -> None:
    lenses.unique_names = unique
    lenses.add("sensors-old", f"[vela-realtime:{OWNER}:0000aaaa]")
    lenses.add("sensors-hot", f"[vela-realtime:{OWNER}:0000bbbb]")
    running = [component.script("apply", shell, lenses).start() for _ in range(3)]
    for process in running:
        succeeded(finish(process))
    succeeded(component.script("apply", shell, lenses).run())
    assert lenses.names == ["sensors-cold", "sensors-hot"]


# what Lenses may answer


@SHELLS
def test_wrong_password(shell: str, lenses: Lenses, component: Component) -> None:
    done = component.script("apply", shell, lenses).run(LENSES_USER="nobody", WAIT_SECONDS=0)
    assert failed(done) == (
        "lenses-processors.sh: Lenses HQ does not let nobody in: Wrong username or password. (status 401)"
    )
    assert PASSWORD not in done.stdout + done.stderr


@SHELLS
def test_no_credentials(shell: str, lenses: Lenses, component: Component) -> None:
    done = component.script("apply", shell, lenses).run(LENSES_PASSWORD="", WAIT_SECONDS=0)
    assert failed(done) == (
        "lenses-processors.sh: the Secret for Lenses HQ has neither LENSES_TOKEN nor LENSES_USER and LENSES_PASSWORD"
    )


@SHELLS
def test_service_account(shell: str, lenses: Lenses, component: Component) -> None:
    succeeded(component.script("apply", shell, lenses).run(LENSES_TOKEN=TOKEN, LENSES_USER="", LENSES_PASSWORD=""))
    assert "POST /api/v1/login" not in lenses.lines


@SHELLS
def test_service_account_that_is_refused(shell: str, lenses: Lenses, component: Component) -> None:
    done = component.script("apply", shell, lenses).run(LENSES_TOKEN=TOKEN + "x", WAIT_SECONDS=0)
    assert failed(done) == (
        "lenses-processors.sh: Lenses HQ does not show its environment plant: The request is not authenticated. "
        "(status 401)"
    )


@SHELLS
def test_session_that_ends_is_begun_anew(shell: str, lenses: Lenses, component: Component) -> None:
    def before(request: Request) -> None:
        if len(lenses.requests) in (3, 6):
            lenses.sessions.clear()

    lenses.before = before
    succeeded(component.script("apply", shell, lenses).run())
    assert lenses.lines.count("POST /api/v1/login") == 3
    assert lenses.names == ["sensors-cold", "sensors-hot"]


@SHELLS
def test_a_session_of_an_hq_that_people_open_by_https(shell: str, component: Component) -> None:
    """Its cookies are secure, and curl keeps none such of a server that speaks plain HTTP."""
    with Lenses(https=True, host="127.0.0.2") as lenses:
        lenses.connect(ENVIRONMENT)
        succeeded(component.script("apply", shell, lenses).run())
        assert lenses.lines.count("POST /api/v1/login") == 1
        assert lenses.names == ["sensors-cold", "sensors-hot"]


@SHELLS
def test_conflict_when_creating_is_looked_at_again(shell: str, lenses: Lenses, component: Component) -> None:
    lenses.before = failing(1, f"POST {V2}", Answer(409, {"error": "A processor with that name exists."}))
    succeeded(component.script("apply", shell, lenses).run())
    assert lenses.names == ["sensors-cold", "sensors-hot"]


@SHELLS
def test_processor_that_takes_time_to_stop(shell: str, lenses: Lenses, component: Component) -> None:
    lenses.add("sensors-old", f"[vela-realtime:{OWNER}:0000aaaa]")
    lenses.busy = 2
    lines = succeeded(component.script("apply", shell, lenses).run())
    assert lines[1] == "waiting: Lenses does not remove sensors-old: Processor [lsql_0002] is stopping. (status 409)"
    assert lenses.names == ["sensors-cold", "sensors-hot"]


@SHELLS
@pytest.mark.parametrize("status", [500, 502, 503])
def test_errors_that_pass(status: int, shell: str, lenses: Lenses, component: Component) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        lenses.processors.clear()
        lenses.add("sensors-old", f"[vela-realtime:{OWNER}:0000aaaa]")
        lenses.before = failing(2, method, Answer(status, {"error": "boom"}))
        succeeded(component.script("apply", shell, lenses).run())
        assert lenses.names == ["sensors-cold", "sensors-hot"]


@SHELLS
def test_error_that_stays(shell: str, lenses: Lenses, component: Component) -> None:
    lenses.before = failing(
        10**6,
        f"GET {V2}",
        Answer(500, {"error": "An internal server error has occurred"}),
    )
    assert failed(component.script("apply", shell, lenses).run(WAIT_SECONDS=0)) == (
        "lenses-processors.sh: Lenses does not list its processors: An internal server error has occurred (status 500)"
    )
    assert lenses.names == []


@SHELLS
def test_answer_that_is_no_json(shell: str, lenses: Lenses, component: Component) -> None:
    def before(request: Request) -> Answer | None:
        return Answer(200, b"<html>") if request.line == f"GET {V2}" else None

    lenses.before = before
    assert failed(component.script("apply", shell, lenses).run(WAIT_SECONDS=0)) == (
        "lenses-processors.sh: Lenses lists its processors in a form that cannot be read"
    )


@SHELLS
def test_hq_that_is_not_there(shell: str, lenses: Lenses, component: Component) -> None:
    done = component.script("apply", shell, lenses).run(WAIT_SECONDS=0, LENSES_URL="http://127.0.0.1:1")
    assert failed(done) == "lenses-processors.sh: Lenses HQ does not answer at http://127.0.0.1:1 (status 000)"


@SHELLS
def test_waits_for_hq_environment_and_agent(shell: str, lenses: Lenses, component: Component) -> None:
    stage = {"starting": 3, "empty": 6, "lonely": 9}
    environment = lenses.environments.pop(ENVIRONMENT)

    def before(request: Request) -> Answer | None:
        count = len(lenses.requests)
        if count >= stage["empty"]:
            lenses.environments[ENVIRONMENT] = environment
        environment["status"]["agent_connected"] = count >= stage["lonely"]
        return Answer(503) if count < stage["starting"] else None

    lenses.before = before
    lines = succeeded(component.script("apply", shell, lenses).run())
    assert [line for line in lines if line.startswith("waiting")] == [
        f"waiting: Lenses HQ does not answer at {lenses.url} (status 503)",
        "waiting: Lenses HQ has no environment plant yet",
        "waiting: the Agent of the environment plant is not connected to Lenses HQ",
        "waiting: sensors-hot has just been created",
    ]


@SHELLS
def test_query_that_lenses_refuses(shell: str, lenses: Lenses, component: Component) -> None:
    lenses.topics = {"all"}
    component.declare(
        hot="INSERT INTO hot\nSELECT STREAM *\nFROM nowhere", cold="INSERT INTO cold SELECT STREAM * FROM all"
    )
    done = component.script("apply", shell, lenses).run(WAIT_SECONDS=0)
    assert failed(done) == (
        "lenses-processors.sh: Lenses refuses sensors-hot: Invalid SQL; Topic [nowhere] does not exist (line 3) "
        "(status 400)"
    )
    assert lenses.names == ["sensors-cold"]


@SHELLS
def test_topic_that_comes_later(shell: str, lenses: Lenses, component: Component) -> None:
    lenses.topics = {"other"}
    running = component.script("apply", shell, lenses).start()
    time.sleep(0.5)
    lenses.topics.add("all")
    succeeded(finish(running))
    assert lenses.names == ["sensors-cold", "sensors-hot"]


@SHELLS
def test_processor_that_does_not_run(shell: str, lenses: Lenses, component: Component) -> None:
    lenses.broken["sensors-hot"] = 'Failed to deserialize key "k"'
    assert failed(component.script("apply", shell, lenses).run(WAIT_SECONDS=4)) == (
        r"lenses-processors.sh: sensors-hot is FAILED: Failed to deserialize key \"k\""
    )


@SHELLS
def test_unknown_mode(shell: str, lenses: Lenses, component: Component) -> None:
    assert failed(component.script("polish", shell, lenses).run()) == (
        "lenses-processors.sh: unknown mode polish: apply, keep or remove"
    )


# keep


@dataclass
class Deployments(Double):
    """The part of a Kubernetes API server that the keeper asks."""

    status: int = 200
    going: bool = False

    def answer(self, request: Request) -> Answer:
        """Show the keeper's Deployment, or refuse."""
        assert request.line == "GET /apis/apps/v1/namespaces/default/deployments/sensors-stream-keeper"
        assert request.headers["Authorization"] == "Bearer token-of-the-keeper"
        if self.status != 200:
            return Answer(self.status, {"kind": "Status", "code": self.status, "metadata": {}})
        metadata: dict[str, Any] = {"name": "sensors-stream-keeper"}
        if self.going:
            metadata["deletionTimestamp"] = "2026-11-24T10:00:00Z"
        return Answer(200, {"kind": "Deployment", "metadata": metadata})


@pytest.fixture
def deployments() -> Iterator[Deployments]:
    with Deployments() as double:
        yield double


class Keeper:
    """The script in its mode keep, as a pod runs it."""

    def __init__(self, shell: str, component: Component, lenses: Lenses, url: str, **env: object) -> None:
        self.state = component.folder.parent / "state"
        account = component.folder.parent / "account"
        for folder in (self.state, account):
            folder.mkdir()
        (account / "token").write_text("token-of-the-keeper")
        (account / "ca.crt").write_text("")
        self.script = component.script(
            "keep",
            shell,
            lenses,
            **{
                "STATE_DIR": self.state,
                "DEPLOYMENT": "sensors-stream-keeper",
                "KUBERNETES_URL": url,
                "ACCOUNT_DIR": account,
                **env,
            },
        )
        self.running = self.script.start()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait for something to become true."""
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            assert self.running.poll() is None, finish(self.running)
            time.sleep(0.02)

    def ready(self) -> bool:
        """Tell what the readiness probe would find."""
        return (self.state / "ready").exists()

    def stop(self) -> list[str]:
        """End the pod as Kubernetes does, and return what it said."""
        self.running.send_signal(signal.SIGTERM)
        return succeeded(finish(self.running))


@SHELLS
def test_keeper_is_ready_while_all_run(
    shell: str, lenses: Lenses, component: Component, deployments: Deployments
) -> None:
    keeper = Keeper(shell, component, lenses, deployments.url)
    keeper.wait(keeper.ready)
    assert (keeper.state / "alive").exists()
    lenses.environments[ENVIRONMENT]["status"]["agent_connected"] = False
    keeper.wait(lambda: not keeper.ready())
    lenses.environments[ENVIRONMENT]["status"]["agent_connected"] = True
    keeper.wait(keeper.ready)
    keeper.stop()


@SHELLS
def test_keeper_mends_what_others_change(
    shell: str, lenses: Lenses, component: Component, deployments: Deployments
) -> None:
    keeper = Keeper(shell, component, lenses, deployments.url)
    keeper.wait(keeper.ready)
    lenses.processors.remove(lenses.named("sensors-hot"))
    lenses.add("sensors-leftover", f"[vela-realtime:{OWNER}:0000aaaa]")
    keeper.wait(lambda: lenses.names == ["sensors-cold", "sensors-hot"])
    keeper.stop()


@SHELLS
@pytest.mark.parametrize("retries", [0, 3])
def test_keeper_starts_a_failed_processor_again(
    retries: int, shell: str, lenses: Lenses, component: Component, deployments: Deployments
) -> None:
    keeper = Keeper(shell, component, lenses, deployments.url, RETRIES=retries)
    keeper.wait(keeper.ready)
    hot = lenses.named("sensors-hot")
    lenses.broken[hot.name] = "no more memory"
    hot.level, hot.message = "FAILED", "no more memory"
    keeper.wait(lambda: not keeper.ready())
    lenses.requests.clear()
    keeper.wait(lambda: len(lenses.requests) > 30)
    starts = [line for line in lenses.lines if line == f"PUT {V1}/{hot.id}/start"]
    lines = keeper.stop()
    assert len(starts) == retries or len([line for line in lines if "starting it again" in line]) == retries
    assert "waiting: sensors-hot is FAILED: no more memory" in lines


@SHELLS
def test_keeper_counts_anew_once_a_processor_runs(
    shell: str, lenses: Lenses, component: Component, deployments: Deployments
) -> None:
    keeper = Keeper(shell, component, lenses, deployments.url, RETRIES=1)
    keeper.wait(keeper.ready)
    for _ in range(3):
        lenses.named("sensors-hot").level = "FAILED"
        keeper.wait(lambda: not keeper.ready())
        keeper.wait(keeper.ready)
    keeper.stop()


@SHELLS
def test_keeper_starts_what_it_made(shell: str, lenses: Lenses, component: Component, deployments: Deployments) -> None:
    component.declare(mode="KUBERNETES", hot="SELECT 1")
    keeper = Keeper(shell, component, lenses, deployments.url)
    keeper.wait(keeper.ready)
    keeper.stop()


@SHELLS
def test_keeper_that_is_only_moved_leaves_the_processors(
    shell: str, lenses: Lenses, component: Component, deployments: Deployments
) -> None:
    keeper = Keeper(shell, component, lenses, deployments.url)
    keeper.wait(keeper.ready)
    assert keeper.stop()[-1] == "this pod stops, the component stays, and so do its processors"
    assert lenses.names == ["sensors-cold", "sensors-hot"]


@SHELLS
@pytest.mark.parametrize(
    ("status", "going"), [(404, False), (403, False), (401, False), (200, True)], ids=["404", "403", "401", "going"]
)
def test_keeper_removes_the_processors_when_the_component_goes(
    status: int, going: bool, shell: str, lenses: Lenses, component: Component, deployments: Deployments
) -> None:
    deployments.status, deployments.going = status, going
    theirs = lenses.add("theirs")
    keeper = Keeper(shell, component, lenses, deployments.url)
    keeper.wait(keeper.ready)
    assert keeper.stop()[-1] == "no processor of default.sensors is left"
    assert lenses.processors == [theirs]


@SHELLS
@pytest.mark.parametrize("status", [500, 503])
def test_keeper_leaves_the_processors_when_it_learns_nothing(
    status: int, shell: str, lenses: Lenses, component: Component, deployments: Deployments
) -> None:
    deployments.status = status
    keeper = Keeper(shell, component, lenses, deployments.url)
    keeper.wait(keeper.ready)
    keeper.stop()
    assert lenses.names == ["sensors-cold", "sensors-hot"]


@SHELLS
def test_keeper_leaves_the_processors_when_no_api_server_answers(
    shell: str, lenses: Lenses, component: Component
) -> None:
    keeper = Keeper(shell, component, lenses, "http://127.0.0.1:1")
    keeper.wait(keeper.ready)
    keeper.stop()
    assert lenses.names == ["sensors-cold", "sensors-hot"]


@SHELLS
def test_keeper_of_a_lenses_of_its_own_removes_nothing(
    shell: str, lenses: Lenses, component: Component, deployments: Deployments
) -> None:
    deployments.status = 404
    keeper = Keeper(shell, component, lenses, deployments.url, DEPLOYMENT="")
    keeper.wait(keeper.ready)
    keeper.stop()
    assert lenses.names == ["sensors-cold", "sensors-hot"]
    assert deployments.lines == []


@SHELLS
def test_keeper_waits_for_hq_while_its_component_goes(
    shell: str, lenses: Lenses, component: Component, deployments: Deployments
) -> None:
    deployments.status = 404
    keeper = Keeper(shell, component, lenses, deployments.url)
    keeper.wait(keeper.ready)
    lenses.before = failing(5, "", Answer(503, {}))
    lines = keeper.stop()
    assert f"waiting: Lenses HQ does not answer at {lenses.url} (status 503)" in lines
    assert lines[-1] == "no processor of default.sensors is left"
    assert lenses.names == []


@SHELLS
@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        (
            {"LENSES_PASSWORD": ""},
            "the Secret for Lenses HQ has neither LENSES_TOKEN nor LENSES_USER and LENSES_PASSWORD",
        ),
        ({"LENSES_USER": "nobody"}, "Lenses HQ does not let nobody in: Wrong username or password. (status 401)"),
        (
            {"LENSES_TOKEN": TOKEN + "x"},
            "Lenses HQ does not show its environment plant: The request is not authenticated. (status 401)",
        ),
    ],
    ids=["none", "password", "token"],
)
def test_keeper_ends_where_only_another_secret_helps(
    shell: str, lenses: Lenses, component: Component, deployments: Deployments, credentials: dict[str, str], said: str
) -> None:
    """Its container starts again with what the Secret has by then."""
    keeper = Keeper(shell, component, lenses, deployments.url, **credentials)
    assert failed(finish(keeper.running)) == f"lenses-processors.sh: {said}"


@SHELLS
def test_keeper_says_what_it_could_not_remove(
    shell: str, lenses: Lenses, component: Component, deployments: Deployments
) -> None:
    deployments.status = 404
    keeper = Keeper(shell, component, lenses, deployments.url, WAIT_SECONDS=1)
    keeper.wait(keeper.ready)
    lenses.before = failing(10**6, "", Answer(503, {}))
    keeper.running.send_signal(signal.SIGTERM)
    assert failed(finish(keeper.running)) == (
        f"lenses-processors.sh: Lenses HQ does not answer at {lenses.url} (status 503)"
    )
    assert lenses.names == ["sensors-cold", "sensors-hot"]


# remove


@SHELLS
def test_killed_after_any_request_while_removing(shell: str, lenses: Lenses, component: Component) -> None:
    """Wherever the first one ends, a second one leaves nothing, and leaves others alone."""
    for number in range(1, 30):
        ended = _killed_at(number, component.script("remove", shell, lenses), lenses)
        lines = succeeded(component.script("remove", shell, lenses).run())
        assert lines[-1] == "no processor of default.sensors is left"
        assert lenses.names == ["theirs"]
        if ended:
            assert number > 7
            return
    pytest.fail("the run needs more requests than a case of this size should")


@SHELLS
def test_remove_gives_up_and_says_what_is_left(shell: str, lenses: Lenses, component: Component) -> None:
    succeeded(component.script("apply", shell, lenses).run())
    lenses.busy = 10**6
    assert failed(component.script("remove", shell, lenses).run(WAIT_SECONDS=0)) == (
        "lenses-processors.sh: Lenses does not remove sensors-hot: Processor [lsql_0002] is stopping. (status 409)"
    )
