"""``cue/README.md`` is the map of the library: it names every file, every part, what it runs as, and every image."""

from __future__ import annotations

import json
import re

from vela_realtime import cue, library

LIBRARY = library.find()
MAP = (LIBRARY.cue / "README.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"`([^`]+)`", MAP))
ROWS = [[cell.strip() for cell in line.split("|")] for line in MAP.splitlines() if line.startswith("| `part_")]
PARTS = {row[1].strip("`"): (row[3].split(", "), re.findall(r"`([^`]+)`", row[4])) for row in ROWS if len(row) > 5}
OF_A_DEFINITION = {"definition.cue", "parameter.cue", "rules.cue", "template.cue", "parts.cue"}
KINDS = {"Deployment", "StatefulSet", "Job", "CronJob"}


def test_every_file_is_on_the_map() -> None:
    patterns = [re.compile(re.escape(word).replace(r"\*", ".*")) for word in WORDS]
    lost = [path.name for path in LIBRARY.cue.glob("*.cue") if not any(one.fullmatch(path.name) for one in patterns)]
    assert not lost, f"cue/README.md does not say what {', '.join(lost)} is"


def test_what_is_on_the_map_is_there() -> None:
    words = [word for word in WORDS if word.endswith(".cue") and word not in OF_A_DEFINITION]
    assert not [word for word in words if not list(LIBRARY.cue.glob(word))]
    assert len(words) > 20


def test_every_part_is_listed_with_what_it_runs_as() -> None:
    assert set(PARTS) == {path.name for path in LIBRARY.cue.glob("part_*.cue")}
    for name, (kinds, _) in PARTS.items():
        text = (LIBRARY.cue / name).read_text(encoding="utf-8")
        made = {kind for kind in KINDS if f"#{kind} & " in text} | ({"Secret"} if not KINDS & set(kinds) else set())
        assert set(kinds) == made, name


def test_every_part_is_listed_with_its_images() -> None:
    for name, (_, images) in PARTS.items():
        text = (LIBRARY.cue / name).read_text(encoding="utf-8")
        used = set(re.findall(r'_instance\.images(?:\.|\[")([a-z-]+)', text))
        if "#PluginFetch" in text and "helper" in used:
            used.add("fetch")
        assert set(images) == used, name


def test_no_image_is_forgotten() -> None:
    done = cue.run(["export", ".", "-e", "#Images"], folder=LIBRARY.cue)
    images = json.loads(done.stdout)
    of_parts = {name for _, names in PARTS.values() for name in names}
    own = {
        name
        for path in LIBRARY.cue.glob("*/*.cue")
        for name in images
        if f"#Images.{name}." in path.read_text(encoding="utf-8")
    }
    assert of_parts | own == {*images, "connect"}
    assert own <= WORDS
