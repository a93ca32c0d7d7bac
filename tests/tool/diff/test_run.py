"""The command, on a library that is changed: what it says, where it takes a version from, and what it refuses."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from vela_realtime.cli import cli
from vela_realtime.diff import sources
from vela_realtime.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.support.tiny import TinyLibrary

VALID = "tests/fixtures/echo/valid/cases.yaml"
CASES = """\
- name: alone
  properties: {name: abc}
- name: with-words
  properties: {name: abc, words: hello}
"""

EXAMPLE = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: first
      type: echo@v1.2.3
      properties: {name: hello, replicas: 2}
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["diff", *arguments])


@pytest.fixture
def released(tiny: TinyLibrary) -> TinyLibrary:
    """A library with a release, v1.2.3 in its repository."""
    tiny.write(VALID, CASES)
    tiny.write("examples/shop.yaml", EXAMPLE)
    from vela_realtime.library import build

    build.build(tiny.library)
    git(tiny.root, "init", "-q")
    git(tiny.root, "add", "cue", "definitions", "examples", "tests")
    git(tiny.root, "commit", "-q", "-m", "release")
    git(tiny.root, "tag", "v1.2.3")
    return tiny


def git(folder: Path, *arguments: str) -> None:
    person = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.com"]
    subprocess.run(["/usr/bin/git", "-C", str(folder), *person, *arguments], check=True, capture_output=True)


def test_nothing_changed(released: TinyLibrary) -> None:
    done = run("v1.2.3")
    assert done.output == "v1.2.3 -> the working tree\n\nnothing changed that an Application can notice\n"
    assert done.exit_code == 0


def test_a_change_that_nobody_can_be_hurt_by(released: TinyLibrary) -> None:
    released.change("cue/echo/parameter.cue", "words?: string", "words?: string\n\t// +usage=How loud\n\tvolume?: int")
    done = run("v1.2.3")
    assert "compatible volume: is new [parameter-added]\n             it may be left out" in done.output
    # The version is still the released one.
    assert "component echo has version 1.2.3: after 1.2.3 it must be 1.3.0 or higher" in done.output
    assert done.exit_code == 1
    released.change("cue/echo/definition.cue", "1.2.3", "1.3.0")
    done = run("v1.2.3")
    assert "asks for a minor version\n1.3.0 is high enough after 1.2.3" in done.output
    assert done.exit_code == 0


def test_a_version_that_is_too_low_is_refused_unless_it_is_not_asked_for(released: TinyLibrary) -> None:
    released.change("cue/echo/parameter.cue", "\t// +usage=What to say\n\twords?: string\n", "")
    released.change("cue/echo/template.cue", "parameter.words != _|_", "false")
    released.change("cue/echo/template.cue", "\\(parameter.words)", "none")
    released.change("cue/echo/template.cue", 'parameter.words == "nothing"', "false")
    released.change("cue/echo/definition.cue", "1.2.3", "1.9.0")
    done = run("v1.2.3", "--format", "json")
    assert done.exit_code == 1
    report = json.loads(done.output)
    assert report["bump"] == "major"
    assert report["enough"] is False
    kinds = {item["kind"]: item for item in report["changes"]}
    assert kinds["parameter-removed"]["where"] == "words"
    # What the parameter sets of the release render tells the same once more: one of them is refused.
    assert kinds["render-fails"]["cases"] == ["with-words"]
    assert "words" in kinds["render-fails"]["message"]
    assert {"of": "the set", "old": "1.2.3", "new": "1.9.0", "wanted": "2.0.0", "bump": "major", "enough": False} in (
        report["versions"]
    )
    assert run("v1.2.3", "--any-version").exit_code == 0
    assert "render-fails" not in run("v1.2.3", "--no-render").output


def test_what_examples_and_fixtures_render_is_compared_and_told_once(released: TinyLibrary) -> None:
    released.change("cue/echo/template.cue", "name: parameter.name\n", 'name: "\\(parameter.name)-echo"\n')
    done = run("v1.2.3", "--format", "json")
    (renamed,) = [item for item in json.loads(done.output)["changes"] if item["kind"] == "object-renamed"]
    assert renamed["where"] == "Deployment {name}"
    assert renamed["message"] == "is called {name}-echo"
    assert renamed["cases"] == ["alone", "with-words", "shop/first"]


def test_a_removed_definition_asks_for_a_major_version_of_the_set(released: TinyLibrary) -> None:
    for suffix in ("cue", "yaml"):
        released.path(f"definitions/echo.{suffix}").unlink()
    released.write("cue/other/definition.cue", released.read("cue/echo/definition.cue").replace('"echo"', '"other"'))
    for name in ("parameter", "template"):
        released.write(f"cue/other/{name}.cue", released.read(f"cue/echo/{name}.cue"))
    for path in released.path("cue/echo").glob("*.cue"):
        path.unlink()
    done = run("v1.2.3")
    assert "component echo\n  breaking   is gone [definition-removed]" in done.output
    assert "the set has version 1.2.3: after 1.2.3 it must be 2.0.0 or higher" in done.output
    assert done.exit_code == 1


def test_two_versions_can_be_named(released: TinyLibrary) -> None:
    assert "v1.2.3 -> HEAD" in run("v1.2.3", "HEAD").output


def test_a_folder_and_an_archive_are_read_as_a_commit_is(released: TinyLibrary, tmp_path: Path) -> None:
    archive = tmp_path / "release.tgz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(released.path("definitions"), "definitions")
        file.add(released.path("examples"), "examples")
    for reference in ("definitions", ".", "release.tgz"):
        done = run(reference)
        assert "nothing changed" in done.output, reference
        assert done.exit_code == 0


def test_an_archive_writes_nothing_and_follows_no_link(released: TinyLibrary, tmp_path: Path) -> None:
    archive = tmp_path / "evil.tgz"
    with tarfile.open(archive, "w:gz") as file:
        link = tarfile.TarInfo("definitions/echo.yaml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
        outside = tarfile.TarInfo("../../outside.yaml")
        outside.size = 2
        file.addfile(outside, io.BytesIO(b"{}"))
    with pytest.raises(InputError, match=r"no definition in evil\.tgz"):
        sources.read("evil.tgz", released.library)
    assert not (tmp_path.parent.parent / "outside.yaml").exists()


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("v9.9.9", "v9.9.9 is no file, no folder, and no commit of this repository\n  hint: git fetch --tags"),
        ("--output=x", "no commit of this repository"),
        ("cue/echo/template.cue", "cue/echo/template.cue is no archive"),
        ("examples", "there is no definition in examples"),
    ],
)
def test_what_is_no_version_is_refused(released: TinyLibrary, reference: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        sources.read(reference, released.library)
    assert message in str(refused.value)


def test_a_damaged_archive_is_refused(released: TinyLibrary) -> None:
    released.write("broken.tgz", "this is no archive")
    with pytest.raises(InputError, match=r"broken\.tgz is no archive that can be read"):
        sources.read("broken.tgz", released.library)


def test_annotations_for_github_name_each_breaking_change(released: TinyLibrary) -> None:
    released.change("cue/echo/template.cue", "name: parameter.name\n", 'name: "\\(parameter.name)-echo"\n')
    lines = run("v1.2.3", "--format", "github").output.splitlines()
    assert lines[0] == (
        "::warning file=definitions/echo.yaml,title=object-renamed::component echo: Deployment {name}: is called"
        " {name}-echo%0Awhoever names it finds it no more"
    )
    assert lines[-1].startswith("::error title=version::component echo has version 1.2.3")


def test_a_comment_in_markdown_shows_what_others_wrote_as_it_is(released: TinyLibrary) -> None:
    released.change("cue/echo/parameter.cue", "replicas: *1 | int", "replicas: *2 | int")
    text = run("v1.2.3", "--format", "markdown").output
    assert text.startswith("### Definitions: `v1.2.3` to `the working tree`\n")
    assert "- `replicas` default is 2, was 1: Applications that leave it out get the new value\n" in text
    assert "#### Breaking" not in text
    released.change("cue/echo/parameter.cue", "words?: string", 'words: *"<img src=x> @all | #1" | string')
    assert r"&#60;img src=x&#62; &#64;all \| \#1" in run("v1.2.3", "--format", "markdown").output
