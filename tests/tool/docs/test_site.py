"""``docs``: the documentation as a site."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from vela_realtime import library
from vela_realtime.cli import cli
from vela_realtime.docs import pages, site
from vela_realtime.errors import InputError, ToolError
from vela_realtime.library import Library

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = """\
# yaml-language-server: $schema=../definitions/schemas/application.json
# The least there is: one platform.
# Nothing else.
apiVersion: core.oam.dev/v1beta1
"""


@pytest.fixture
def small(tmp_path: Path) -> Library:
    """A library with a start page, two guides, a rule and an example."""
    files = {
        "README.md": "# Tool\n\n## Install\n",
        "CONTRIBUTING.md": "# Contributing\n",
        "docs/index.md": "# Start\n\n"
        "[rules](rules/README.md), [examples](../examples), [install](../README.md#install)\n",
        "docs/kafka.md": "# Kafka\n\nSee [one](../examples/one.yaml) and [its source](../cue/part.cue).\n",
        "docs/unplaced.md": "# A guide of no section\n",
        "docs/rules/README.md": "# Rules\n\n[yaml](yaml.md), [Kafka](../kafka.md), [elsewhere](https://example.com/a.md)\n",
        "docs/rules/yaml.md": "# YAML\n\n```md\n[not a link](nowhere.md)\n```\n",
        "cue/part.cue": "package realtime\n",
        "examples/one.yaml": EXAMPLE,
    }
    for name, text in files.items():
        path = tmp_path / "library" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Library(tmp_path / "library")


def test_links_lead_to_where_their_targets_stand_on_the_site(small: Library) -> None:
    texts = pages.collect(small, {}).texts
    assert "[rules](rules/index.md), [examples](examples/index.md), [install](readme.md#install)" in texts["index.md"]
    assert "See [one](examples/one.md) and its source." in texts["kafka.md"]
    assert (
        "[yaml](../rules/yaml.md), [Kafka](../kafka.md), [elsewhere](https://example.com/a.md)"
        in texts["rules/index.md"]
    )
    assert "[not a link](nowhere.md)" in texts["rules/yaml.md"]


def test_a_link_that_leads_nowhere_is_named_with_its_line(small: Library) -> None:
    (small.root / "docs" / "kafka.md").write_text("# Kafka\n\n[gone](gone.md)\n")
    with pytest.raises(InputError, match=r"docs/kafka\.md:3: the link to gone\.md leads nowhere"):
        pages.collect(small, {})


def test_every_page_is_in_the_menu_once(small: Library) -> None:
    collected = pages.collect(small, {})
    listed = ["index.md", *(page for _, names in collected.menu for page in names)]
    assert sorted(listed) == sorted(collected.texts)
    assert dict(collected.menu)["Use a platform"] == ("kafka.md",)
    assert "unplaced.md" in dict(collected.menu)["Check and publish"]


def test_an_example_has_its_words_its_text_and_its_picture(small: Library) -> None:
    text = pages.collect(small, {"one": "pictures/one"}).texts["examples/one.md"]
    # What its first lines say stands above it, once; the picture has the room beside the text.
    words = (
        "# One\n\nThe least there is: one platform. Nothing else.\n\n```yaml\napiVersion: core.oam.dev/v1beta1\n```\n"
    )
    assert text.startswith(f"---\nhide: [navigation, toc]\n---\n\n{words}")
    assert pages.collect(small, {}).texts["examples/one.md"] == words
    assert "(../pictures/one.svg)](../pictures/one.html)" in text
    assert (
        "| [one](one.md) | The least there is: one platform. Nothing else. |"
        in pages.collect(small, {}).texts["examples/index.md"]
    )


def test_the_start_page_shows_what_its_lines_give(small: Library) -> None:
    (small.root / "examples" / f"{pages.FIRST}.yaml").write_text(EXAMPLE)
    index = small.root / "docs" / "index.md"
    index.write_text("# Start\n\nFour lines.\n\n## Then\n")
    text = pages.collect(small, {pages.FIRST: f"pictures/{pages.FIRST}"}).texts["index.md"]
    assert re.search(r"Four lines\.\n\n\[!\[.*\]\(pictures/simple-setup\.svg\)\]\(.*\)\n\n.*\n\n## Then\n", text)


def test_each_guide_stands_where_its_readers_look() -> None:
    texts = pages.collect(library.find(), {}).texts
    guides = {page for page in texts if "/" not in page} - {"index.md", "contributing.md"}
    assert {page for _, section in pages.SECTIONS for page in section} == guides


@pytest.mark.parametrize(
    ("name", "heading"), [("iot-sensors", "IoT sensors"), ("tls", "TLS"), ("simple-setup", "Simple setup")]
)
def test_an_examples_heading_is_written_as_people_do(small: Library, name: str, heading: str) -> None:
    (small.root / "examples" / f"{name}.yaml").write_text(EXAMPLE)
    assert pages.collect(small, {}).texts[f"examples/{name}.md"].startswith(f"# {heading}\n")


def test_the_whole_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    output = tmp_path / "site"
    done = CliRunner().invoke(cli, ["docs", "--output", str(output), "--no-pictures"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert re.fullmatch(rf"wrote {output}: \d+ pages\n", done.output)
    built = sorted(output.rglob("*.html"))
    listed = pages.collect(library.find(), {}).texts
    assert {path.relative_to(output).with_suffix(".md").as_posix() for path in built} - {"404.md"} == set(listed)
    for path in built:
        loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"?(https?:[^\s\">]+)", path.read_text())
        assert [url for url in loaded if "example.com" not in url] == [], path.name
    assert (output / "search.json").is_file()
    # The same files at the same addresses, whatever else changes.
    for place, text in site.schemas(library.find()).items():
        assert (output / place).read_text() == text
    assert 'href="schemas/application.json"' in (output / "check.html").read_text()


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("", "{}.json"),
        ("https://platform.example.com", "https://platform.example.com/schemas/{}.json"),
        ("https://example.com/platform/", "https://example.com/platform/schemas/{}.json"),
    ],
)
def test_a_schema_is_named_by_where_it_is(address: str, name: str) -> None:
    source = library.find()
    found = site.schemas(source, address)
    own = {path.stem: json.loads(path.read_text()) for path in (source.definitions / "schemas").iterdir()}
    assert {"application", "realtime-platform", "webservice"} <= set(own)
    assert {place: json.loads(text) for place, text in found.items()} == {
        f"schemas/{stem}.json": {**text, "$id": name.format(stem)} for stem, text in own.items()
    }
    validator = jsonschema.Draft7Validator(json.loads(found["schemas/application.json"]))
    application = yaml.safe_load((source.examples / "simple-setup.yaml").read_text())
    assert list(validator.iter_errors(application)) == []
    application["spec"]["components"][0]["properties"]["iot"] = "perhaps"
    assert list(validator.iter_errors(application))


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli, ["docs", "--output", str(tmp_path / "site"), "--no-pictures", "--url", "example.com"]
    )
    assert isinstance(done.exception, InputError)
    assert not (tmp_path / "site").exists()


def test_a_folder_with_something_else_is_left_alone(small: Library, tmp_path: Path) -> None:
    output = tmp_path / "home"
    output.mkdir()
    (output / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match=r"home has something else in it"):
        site.build(small, output, {})
    assert (output / "letter.txt").read_text() == "dear"


def test_a_site_takes_the_place_of_the_one_before(small: Library, tmp_path: Path) -> None:
    output = tmp_path / "site"
    assert site.build(small, output, {}) == 9
    (output / "stale.html").write_text("")
    assert site.build(small, output, {}) == 9
    assert not (output / "stale.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["library", "site"]


def test_a_place_that_is_not_on_the_page_is_told_and_nothing_is_written(small: Library, tmp_path: Path) -> None:
    (small.root / "docs" / "kafka.md").write_text("# Kafka\n\n[there](rules/yaml.md#nowhere)\n")
    with pytest.raises(ToolError, match=r"could not build the site: kafka\.md:3: anchor does not exist"):
        site.build(small, tmp_path / "site", {})
    assert not (tmp_path / "site").exists()


def test_without_docs_it_says_where_there_are_some(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no documentation") as caught:
        pages.collect(Library(tmp_path), {})
    assert "checkout of vela-realtime" in caught.value.hint
