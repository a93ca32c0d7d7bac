"""Files inside definitions: what is on disk is, byte for byte, what CUE makes of the generated string."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vela_realtime import cue
from vela_realtime.errors import InputError
from vela_realtime.library import build, embed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.tiny import TinyLibrary


@pytest.mark.parametrize(
    ("file", "definition"),
    [
        ("kafka-start.sh", "#KafkaStartSh"),
        ("json.awk", "#JsonAwk"),
        ("iot-sensors.grafana.json", "#IotSensorsGrafanaJson"),
        ("01_schema.sql", "#01SchemaSql"),
    ],
)
def test_names(file: str, definition: str) -> None:
    assert embed.definition_name(file) == definition


@pytest.mark.parametrize(
    ("script", "kept"),
    [
        ("#!/bin/sh\n# Says it.\necho a\n", "#!/bin/sh\necho a\n"),
        ("echo a # b\n\t#c is no comment\n\t# d\n#\n", "echo a # b\n\t#c is no comment\n"),
        ("cat <<TEXT\n# a heading\nTEXT\n# gone\n", "cat <<TEXT\n# a heading\nTEXT\n"),
        ("cat <<-'TEXT'\n\t# a heading\n\tTEXT\n# gone\n", "cat <<-'TEXT'\n\t# a heading\n\tTEXT\n"),
    ],
)
def test_comments_of_scripts_stay_in_the_source(script: str, kept: str) -> None:
    assert embed.without_comments(script) == kept


def read_back(text: str, folder: Path) -> str:
    done = cue.run(["export", "-", "-e", "x"], folder=folder, stdin=f"x: {embed.literal(text)}\n")
    assert done.ok, done.stderr
    value: str = json.loads(done.stdout)
    return value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "one line",
        "one line\n",
        "two\n\n\nlines\n\n",
        "\ttab first\n  spaces first\n",
        "trailing space \n \n",
        "backslash \\ \\n \\(x) \\#(x)\n",
        'quotes "" """ """# ""\n',
        '"""#\n\t"""##\n',
        'end"',
        "carriage\r\nreturn\r\n",
        "bell \x07 escape \x1b nel \x85 ls \u2028 bom \ufeff emoji 🎯\n",
        '#!/bin/sh\nset -eu\nprintf \'%s\\n\' "${1#"$2"}"\n',
    ],
)
def test_round_trip(text: str, tmp_path: Path) -> None:
    assert read_back(text, tmp_path) == text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.sampled_from(list("ab \n\t\r\"\\#(){}$`'é\x00\x85")), max_size=30))
def test_round_trip_of_anything(text: str, tmp_path: Path) -> None:
    assert read_back(text, tmp_path) == text


SCRIPT = '#!/bin/sh\n\techo "hi"\n\nexit 0\n'


def test_a_build_writes_the_string_and_bundles_it(tiny: TinyLibrary) -> None:
    tiny.write("cue/scripts/say-hi.sh", SCRIPT)
    tiny.change("cue/echo/template.cue", "rules: {", "_script: #SayHiSh\n\nrules: {")
    build.build(tiny.library)
    text = tiny.read("cue/scripts_gen.cue")
    assert text == (
        "// Generated from scripts/ by `vela-realtime build`; edit the files there instead.\n"
        "package realtime\n\n"
        "// #SayHiSh is say-hi.sh.\n"
        '#SayHiSh: #"""\n\t#!/bin/sh\n\t\techo "hi"\n\n\texit 0\n\n\t"""#\n'
    )
    assert '#SayHiSh:#"""' in tiny.read("definitions/echo.yaml")


def test_a_definition_carries_only_the_scripts_that_it_uses(tiny: TinyLibrary) -> None:
    tiny.write("cue/scripts/say-hi.sh", SCRIPT)
    tiny.write("cue/scripts/say-bye.sh", SCRIPT.replace("hi", "bye"))
    tiny.change("cue/echo/template.cue", "rules: {", "_script: #SayHiSh\n\nrules: {")
    build.build(tiny.library)
    built = tiny.read("definitions/echo.cue")
    assert 'echo "hi"' in built
    assert "SayBye" not in built
    assert "bye" not in built


def test_it_is_formatted_as_cue_formats(tiny: TinyLibrary) -> None:
    tiny.write("cue/scripts/say-hi.sh", SCRIPT + "\\x \r ''' \"\"\" \n")
    for path, (text, _) in embed.render(tiny.library).items():
        done = cue.run(["fmt", "-"], folder=path.parent, stdin=text)
        assert done.stdout == text


def test_check_finds_a_script_that_changed(tiny: TinyLibrary) -> None:
    tiny.write("cue/scripts/say-hi.sh", SCRIPT)
    build.build(tiny.library)
    tiny.write("cue/scripts/say-hi.sh", SCRIPT.replace("hi", "ho"))
    (finding,) = build.build(tiny.library, check=True).findings
    assert (finding.file, finding.line, finding.rule) == ("cue/scripts_gen.cue", 7, "drift")
    assert finding.message == "is out of date; it is built from cue/scripts"


def test_a_generated_file_goes_with_its_script(tiny: TinyLibrary) -> None:
    script = tiny.write("cue/scripts/say-hi.sh", SCRIPT)
    by_hand = tiny.write("cue/other_gen.cue", "package realtime\n\n#Other: 1\n")
    build.build(tiny.library)
    script.unlink()
    assert [finding.message for finding in build.build(tiny.library, check=True).findings] == [
        "nothing builds this file any more"
    ]
    assert build.build(tiny.library).removed == [tiny.path("cue/scripts_gen.cue")]
    assert by_hand.exists()  # only what a build wrote may be removed by one


def test_two_scripts_of_one_name_are_refused(tiny: TinyLibrary) -> None:
    tiny.write("cue/scripts/a-b.sh", "")
    tiny.write("cue/scripts/a_b.sh", "")
    with pytest.raises(InputError, match=r"cue/scripts/a-b\.sh and cue/scripts/a_b\.sh would both become #ABSh"):
        embed.render(tiny.library)


def test_a_script_that_is_not_text_is_refused(tiny: TinyLibrary) -> None:
    tiny.path("cue/scripts").mkdir()
    tiny.path("cue/scripts/x.sh").write_bytes(b"ok\n\xff\n")
    with pytest.raises(InputError, match=r"cue/scripts/x\.sh:2: not UTF-8 text"):
        embed.render(tiny.library)
