"""``explain``: every part and every word of a status line, events and logs, and what comes first of what is missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests import ROOT
from vela_realtime.cli import cli
from vela_realtime.explain import text, troubles

if TYPE_CHECKING:
    from vela_realtime.explain.text import Explanation
    from vela_realtime.explain.troubles import Trouble

PART = re.compile(r'\[\s*"([a-z0-9-]+)",\s*"(?:StatefulSet|Deployment|DaemonSet|Job)",\s*"[\w-]*"\s*\]')


def test_every_part_of_every_definition_is_known() -> None:
    files = [path for path in (ROOT / "definitions").rglob("*.yaml") if path.parent.name != "schemas"]
    named = {name for path in files for name in PART.findall(path.read_text())}
    assert named == troubles.parts().keys()
    assert {other for part in troubles.parts().values() for other in part.waits} <= named


def explained(given: str) -> list[str]:
    return [f"{item.said}: {item.why}" for item in text.explain(given)]


@pytest.mark.parametrize("before", ["", "simple-streaming: ", "    Unhealthy "])
def test_a_status_line_begins_with_what_the_others_wait_for(before: str) -> None:
    found = text.explain(f"{before}connect 0/1, topics running, kafka 2/3, postgres 1/1, credentials done")
    assert [item.said for item in found] == ["kafka 2/3", "connect 0/1", "topics running"]
    kafka, connect, topics = found
    assert kafka.means == (
        "kafka, the Kafka brokers and controllers: so many of its pods are ready, of those that should be"
    )
    assert connect.why == topics.why == "it waits for kafka, which is told above"
    assert kafka.command == "kubectl -n NS get pods -l app.kubernetes.io/part-of=APP"


def test_nothing_is_said_of_what_is_up() -> None:
    assert text.explain("kafka 3/3, connect 1/1, topics done") == []


@pytest.mark.parametrize("line", ["kafka is slow, connect too", "total 3/4", "", "web 0/1"])
def test_other_texts_are_no_status_line(line: str) -> None:
    assert text.status_line(line) == {}


@pytest.mark.parametrize("item", troubles.troubles(), ids=lambda item: item.id)
def test_a_line_of_each_kind_is_told_as_that_kind(item: Trouble) -> None:
    (found,) = text.explain(f"2026-01-01 {item.like}\n")
    assert (found.means, found.why, found.command) == (item.means, item.why, item.command)


@pytest.mark.parametrize("item", [*troubles.troubles(), *troubles.words()], ids=lambda item: item.id)
def test_the_pages_that_are_named_are_there(item: Trouble) -> None:
    assert not item.page or (ROOT / "docs" / item.page).is_file()


def test_what_the_scripts_say_is_known() -> None:
    """Messages that the table rests on stand in the scripts as they are."""
    scripts = "".join(path.read_text() for path in (ROOT / "cue/scripts").glob("*.sh"))
    for words in (
        "gave up after ${WAIT_SECONDS:-600} seconds: $1",
        "this cluster was made with the controllers",
        "Metabase does not take the password of",
        "$1 cannot be downloaded",
        "has the sha256 ${actual%% *}, not $3",
        "HQ needs the extension pgcrypto",
        "an Agent is connected to environment",
    ):
        assert words in scripts


def test_a_log_is_told_once() -> None:
    log = "waiting: 3 brokers\nkafka-topics: gave up after 600 seconds: 3 brokers\n"
    done = CliRunner().invoke(cli, ["explain", "-"], input=log + log)
    assert done.exit_code == 1
    assert done.output == (
        "kafka-topics: gave up after 600 seconds: 3 brokers\n"
        "  means: the Job waited for another part, which did not come\n"
        "  why:   that part is what is to be looked at\n"
        "  next:  kubectl -n NS get pods\n"
        "  more:  docs/runbooks/RealtimeJobFailed.md\n"
    )


def test_a_status_line_can_be_given_as_it_is() -> None:
    piped = CliRunner().invoke(cli, ["explain", "-"], input="kafka 2/3, topics running\n")
    given = CliRunner().invoke(cli, ["explain", "kafka 2/3, topics running"])
    assert given.output.startswith("kafka 2/3\n  means: ")
    assert (given.exit_code, given.output) == (1, piped.output)


@pytest.mark.parametrize(
    ("given", "said"),
    [("", "nothing was given\n"), ("all is well", "nothing is missing, or nothing of it is known\n")],
)
def test_what_is_not_known_is_no_trouble(given: str, said: str) -> None:
    done = CliRunner().invoke(cli, ["explain", "-"], input=given)
    assert (done.exit_code, done.output) == (0, said)


def test_of_a_long_line_what_is_around_the_trouble_is_told() -> None:
    said = 'namespaces "shop" not found'
    (found,) = text.explain(f"{'x' * 500} {said} {'y' * 500}")
    assert said in found.said
    assert found.said.startswith("... xxx")
    assert found.said.endswith("yyy ...")
    assert len(found.said) < 400


def test_places_are_put_into_a_command() -> None:
    item: Explanation = text.explain("topics failed")[0]
    assert item.at({"NS": "shop", "JOB": "a-topics-1"}).command.startswith("kubectl -n shop logs job/a-topics-1 ")


def test_the_page_is_what_the_table_says() -> None:
    assert (ROOT / "docs" / troubles.PAGE).read_text() == troubles.page("vela-realtime build")
