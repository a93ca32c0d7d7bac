"""``--fix`` changes what is certain, says how many places that were, and leaves the rest to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import checking
from vela_realtime.check import links
from vela_realtime.documents.fix import value_edit
from vela_realtime.errors import InputError
from vela_realtime.findings.suggest import is_slip, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vela_realtime.check.links.landscape import Landscape
    from vela_realtime.findings import Finding

HEAD = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: a}\nspec:\n  components:\n"
PLATFORM = "    - {name: plant, type: realtime-platform, properties: {name: plant, kafkaConfig: {topics: [sensors]}}}\n"


def processor(reads: str, writes: str, sql: str, name: str = "filter") -> str:
    topics = f"topics: {{input: [{reads}], output: [{writes}]}}"
    queries = f'queries: [{{name: q, sql: "{sql}"}}]'
    return f"    - {{name: {name}, type: stream-processor, properties: {{name: {name}, {topics}, {queries}}}}}\n"


def mended(folder: Path, *components: str) -> tuple[str, int]:
    """Return what becomes of an Application with these components, and the number of changes that are told."""
    file = folder / "app.yaml"
    file.write_text(HEAD + "".join(components))
    result = checking.check_files(file, mend=True)
    return file.read_text().removeprefix(HEAD), sum(result.fixed.values())


def test_what_the_platform_declares_is_right_and_the_query_is_not(tmp_path: Path) -> None:
    given = processor("sensors", "hot", "INSERT INTO hot SELECT STREAM * FROM sensrs")
    wanted = processor("sensors", "hot", "INSERT INTO hot SELECT STREAM * FROM sensors")
    assert mended(tmp_path, PLATFORM, given) == (PLATFORM + wanted, 1)


def test_what_the_platform_declares_is_right_and_the_list_is_not(tmp_path: Path) -> None:
    given = processor("sensrs", "hot", "INSERT INTO hot SELECT STREAM * FROM sensors")
    wanted = processor("sensors", "hot", "INSERT INTO hot SELECT STREAM * FROM sensors")
    assert mended(tmp_path, PLATFORM, given) == (PLATFORM + wanted, 1)


def test_two_places_are_two_changes(tmp_path: Path) -> None:
    given = processor("sensrs", "hot", "INSERT INTO hot SELECT STREAM * FROM sensrs")
    wanted = processor("sensors", "hot", "INSERT INTO hot SELECT STREAM * FROM sensors")
    assert mended(tmp_path, PLATFORM, given) == (PLATFORM + wanted, 2)


@pytest.mark.parametrize(
    "given",
    [
        processor("sensors", "hot", "INSERT INTO hot SELECT STREAM * FROM sensrs"),
        processor("sensors", "alert", "INSERT INTO alerts SELECT STREAM * FROM sensors"),
    ],
    ids=["read", "written"],
)
def test_what_nobody_declares_is_left_to_people(tmp_path: Path, given: str) -> None:
    """The list may be misspelt as well as the query."""
    assert mended(tmp_path, given) == (given, 0)


def test_a_reader_is_not_led_to_a_topic_that_no_query_writes(tmp_path: Path) -> None:
    writer = processor("sensors", "alert", "INSERT INTO alerts SELECT STREAM * FROM sensors")
    reader = processor("alerts", "mails", "INSERT INTO mails SELECT STREAM * FROM alerts", "reader")
    assert mended(tmp_path, PLATFORM, writer, reader) == (PLATFORM + writer + reader, 0)


def test_a_query_is_not_made_to_write_into_what_it_reads(tmp_path: Path) -> None:
    given = processor("sensors", "hot", "INSERT INTO hot_sensors SELECT STREAM * FROM sensors")
    assert mended(tmp_path, PLATFORM, given) == (PLATFORM + given, 0)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("realtime-platfrom", "realtime-platform"),
        ("realtime-platfrom@v1.0.0", "realtime-platform@v1.0.0"),
        ('"realtime_platform"', '"realtime-platform"'),
        ("realtime", "realtime"),  # is a trait
        ("platform", "platform"),  # more than a slip
    ],
)
def test_a_type(tmp_path: Path, given: str, wanted: str) -> None:
    text = "    - {{name: plant, type: {0}, properties: {{name: plant}}}}\n"
    assert mended(tmp_path, text.format(given)) == (text.format(wanted), int(given != wanted))


def test_what_is_as_near_to_one_as_to_another_is_left_alone() -> None:
    assert nearest("sensor", ["sensors", "sensory"]) == ""
    assert nearest("sensor", ["sensors", "other"]) == "sensors"


@pytest.mark.parametrize("word", ["myworker", "worker-2x", "my-worker"])
def test_a_name_made_from_another_is_no_slip_of_it(word: str) -> None:
    assert not is_slip(word, "worker")
    assert is_slip("workers", "worker")


def test_another_number_is_another_thing() -> None:
    assert not is_slip("sensor1", "sensor2")
    assert is_slip("sensr1", "sensor1")


def _swaps(names: dict[str, str]) -> object:
    """Return a layer that wants each of these component's names changed into the other."""

    def check(landscape: Landscape, _: object) -> Iterator[Finding]:
        for part in landscape.components:
            route = (*part.route, "name")
            edit = value_edit(landscape.document, route, names[part.component])
            yield landscape.document.finding(route, "one-copy", "swap", edit=edit)

    return check


def test_a_fix_whose_hint_runs_both_ways_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "check", _swaps({"alpha": "alphb", "alphb": "alpha"}))
    given = [f"    - {{name: {name}, type: raw, properties: {{}}}}\n" for name in ("alpha", "alphb")]
    assert mended(tmp_path, *given) == ("".join(given), 0)


def test_a_run_that_does_not_settle_fails_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "check", _swaps({"alpha": "alphb", "alphb": "alphc", "alphc": "alpha"}))
    given = "    - {name: alpha, type: raw, properties: {}}\n"
    with pytest.raises(InputError, match=r"--fix does not come to an end in \S*app\.yaml"):
        mended(tmp_path, given)
    assert (tmp_path / "app.yaml").read_text() == HEAD + given
