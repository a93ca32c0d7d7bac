"""Publishing a small library: files that are the same every time, a real registry, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from tests import ROOT
from tests.support.registry import run_registry
from vela_realtime import cue
from vela_realtime.cli import cli
from vela_realtime.errors import InputError, ToolError
from vela_realtime.files import write_bytes
from vela_realtime.publish import archive, oci, release
from vela_realtime.registry import Reference, Registry, digest_of, pull

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from tests.support.tiny import TinyLibrary


def publish(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["publish", *arguments])


def test_an_archive_is_the_same_twice_and_has_checksums_of_everything(tiny: TinyLibrary, tmp_path: Path) -> None:
    assert publish("tarball", "--output", "one").output == (
        "wrote one/vela-realtime-1.2.3.tgz\nwrote one/vela-realtime-1.2.3.tgz.sha256\n"
    )
    assert publish("tarball", "--output", "two").exit_code == 0
    first, second = (tmp_path / folder / "vela-realtime-1.2.3.tgz" for folder in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    assert first.with_name(f"{first.name}.sha256").read_text() == f"{digest}  {first.name}\n"
    with tarfile.open(first) as archive:
        files = {item.name: archive.extractfile(item).read() for item in archive}  # type: ignore[union-attr]
        assert {item.mtime for item in archive} == {315_532_800}
    listed = dict(line.split("  ")[::-1] for line in files.pop("SHA256SUMS").decode().splitlines())
    assert listed == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert {"definitions/echo.yaml", "definitions/echo.cue", "release.json", "sbom.cdx.json"} <= set(files)
    assert publish("tarball", "--output", "one").output == "everything is there already\n"


def test_a_version_that_was_published_is_not_changed_by_accident(tiny: TinyLibrary) -> None:
    publish("tarball")
    tiny.change("cue/echo/parameter.cue", "replicas: *1 | int", "replicas: *2 | int")
    refused = publish("tarball")
    assert isinstance(refused.exception, InputError)
    assert "dist/vela-realtime-1.2.3.tgz is there already, with another content" in str(refused.exception)
    assert publish("tarball", "--dry-run", "--overwrite").output.startswith("would write dist/vela-realtime-1.2.3.tgz")
    assert publish("tarball", "--overwrite").exit_code == 0


def test_a_version_that_is_too_low_for_what_changed_is_refused(tiny: TinyLibrary) -> None:
    publish("tarball", "--output", "old")
    tiny.change("cue/echo/template.cue", "name: parameter.name\n", 'name: "\\(parameter.name)-echo"\n')
    tiny.change("cue/echo/parameter.cue", "replicas: *1 | int", "replicas: *2 | int")
    refused = publish("tarball", "--since", "old/vela-realtime-1.2.3.tgz")
    assert "version 1.2.3 is too low for what changed since old/" in str(refused.exception)


@pytest.mark.parametrize("kind", ["tarball", "addon"])
def test_files_that_were_interrupted_are_finished_by_the_next_run(
    tiny: TinyLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Wherever it ends, each file is there whole or not at all, and run again it makes the same."""
    publish(kind, "--output", "whole")
    whole = {path.relative_to(tmp_path / "whole"): path.read_bytes() for path in files_in(tmp_path / "whole")}
    write = write_bytes
    for step in range(len(whole)):
        written = 0

        def breaking(path: Path, data: bytes, step: int = step) -> bool:
            nonlocal written
            if written == step:
                raise ToolError("the power went")
            written += 1
            return write(path, data)

        output = tmp_path / f"broken-{step}"
        with monkeypatch.context() as patch:
            patch.setattr(archive, "write_bytes", breaking)
            assert publish(kind, "--output", output.name).exit_code != 0
        there = {path.relative_to(output): path.read_bytes() for path in files_in(output)}
        assert len(there) == step
        assert there.items() <= whole.items()
        assert publish(kind, "--output", output.name).exit_code == 0
        assert {path.relative_to(output): path.read_bytes() for path in files_in(output)} == whole


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_changelog_begins_with_this_version() -> None:
    titles = re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert titles[0] == re.findall(r'^#Version: "(.*)"$', (ROOT / "cue/version.cue").read_text(), re.MULTILINE)[0]


def test_a_set_has_one_version(tiny: TinyLibrary) -> None:
    for name in ("definition", "parameter", "template"):
        tiny.write(f"cue/other/{name}.cue", tiny.read(f"cue/echo/{name}.cue"))
    tiny.change("cue/other/definition.cue", '"echo"', '"other"')
    tiny.change("cue/other/definition.cue", "1.2.3", "1.2.4")
    with pytest.raises(InputError, match=r"the set has several versions: component echo has 1\.2\.3, component other"):
        release.assemble(tiny.library)


def test_an_addon_has_what_kubevela_reads(tiny: TinyLibrary, tmp_path: Path) -> None:
    done = publish("addon", "--output", "dist")
    assert done.output.endswith("vela addon enable dist/vela-realtime\n")
    folder = tmp_path / "dist/vela-realtime"
    metadata = yaml.safe_load((folder / "metadata.yaml").read_text())
    assert (metadata["name"], metadata["version"]) == ("vela-realtime", "1.2.3")
    assert '"size"?: "small" | "large"' in (folder / "parameter.cue").read_text()
    form = yaml.safe_load((folder / "schemas/component-uischema-echo.yaml").read_text())
    assert [(entry["jsonKey"], entry["uiType"]) for entry in form] == [
        ("name", "Input"),
        ("replicas", "Number"),
        ("words", "Input"),
    ]
    assert form[0]["validate"]["required"] is True
    assert form[1]["validate"]["defaultValue"] == 1
    before = (tmp_path / "dist/vela-realtime-1.2.3.addon.tgz").read_bytes()
    publish("addon", "--output", "again")
    assert (tmp_path / "again/vela-realtime-1.2.3.addon.tgz").read_bytes() == before


def rendered(folder: Path, parameter: str) -> dict[str, dict[str, object]]:
    """Return an addon's objects, put together as KubeVela does: all files of the package main, and the parameter."""
    files = ["template.cue", "parameter.cue", "resources/definitions.cue"]
    texts = {name: (folder / name).read_text() for name in files}
    texts["parameter.cue"] = f"package main\n{texts['parameter.cue']}\nparameter: {parameter}\n"
    for name, text in texts.items():
        (folder / f"try-{name.replace('/', '-')}").write_text(text)
    names = sorted(path.name for path in folder.glob("try-*.cue"))
    done = cue.run(["export", *names, "-e", "outputs"], folder=folder)
    assert done.ok, done.stderr
    data: dict[str, dict[str, object]] = json.loads(done.stdout)
    return data


def test_the_settings_of_an_addon_reach_its_definitions(tiny: TinyLibrary, tmp_path: Path) -> None:
    publish("addon", "--output", "dist")
    folder = tmp_path / "dist/vela-realtime"
    built = yaml.safe_load(tiny.read("definitions/echo.yaml")) if tiny.path("definitions/echo.yaml").exists() else None
    plain = rendered(folder, "{}")["echo"]
    assert plain["metadata"]["namespace"] == "vela-system"  # type: ignore[index]
    template = plain["spec"]["schematic"]["cue"]["template"]  # type: ignore[index]
    assert "\nsite: {" not in template
    assert built is None or template == built["spec"]["schematic"]["cue"]["template"]
    given = rendered(folder, '{registry: "mirror.example.com", clusters: ["local"]}')["echo"]
    text = given["spec"]["schematic"]["cue"]["template"]  # type: ignore[index]
    assert text == f'{template}\n\nsite: {{"registry":"mirror.example.com"}}\n'


def test_the_bill_of_materials_is_one(tiny: TinyLibrary) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    tiny.write("cue/images.cue", 'package realtime\n\n#Images: web: {registry: "", repository: "nginx", tag: "1.27"}\n')
    item = release.assemble(tiny.library)
    text = item.files["sbom.cdx.json"].decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    (image,) = [part for part in json.loads(text)["components"] if part["type"] == "container"]
    assert image["purl"] == "pkg:oci/nginx?repository_url=docker.io%2Fnginx&tag=1.27"
    assert item.files["images.txt"] == b"docker.io/nginx:1.27\n"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a real registry."""
    with run_registry(tmp_path_factory.mktemp("registry")) as address:
        yield address


def test_a_release_goes_to_a_registry_and_comes_back(tiny: TinyLibrary, registry: str) -> None:
    reference = f"oci://{registry}/team/realtime"
    done = publish("oci", reference, "--source", "https://example.com/source")
    assert done.exit_code == 0, done.exception
    item = release.assemble(tiny.library)
    assert digest_of(pull(f"{reference}:1.2.3")) == digest_of(archive.tgz(item.files))
    repository = Registry(Reference.parse(f"{reference}:1.2.3"))
    found = repository.manifest("1.2.3")
    assert found is not None
    assert done.output == f"pushed {registry}/team/realtime@{found[1]} as 1.2.3\n"
    manifest = json.loads(found[0])
    assert manifest["annotations"]["org.opencontainers.image.source"] == "https://example.com/source"
    # The bill of materials is found by the digest of what it is of.
    listed = repository.manifest(found[1].replace(":", "-"))
    assert listed is not None
    (entry,) = json.loads(listed[0])["manifests"]
    assert entry["artifactType"] == "application/vnd.cyclonedx+json"
    attached = repository.manifest(entry["digest"])
    assert attached is not None
    assert json.loads(attached[0])["subject"]["digest"] == found[1]
    assert repository.blob(json.loads(attached[0])["layers"][0]["digest"]) == item.files["sbom.cdx.json"]
    # Once more: nothing new, and nothing double.
    assert publish("oci", reference, "--source", "https://example.com/source").output.startswith("is there already:")
    again = repository.manifest(found[1].replace(":", "-"))
    assert again == listed
    assert "nothing changed" in CliRunner().invoke(cli, ["diff", f"{reference}:1.2.3"]).output


def test_a_tag_that_is_taken_is_refused(tiny: TinyLibrary, registry: str) -> None:
    reference = f"oci://{registry}/team/taken"
    publish("oci", reference)
    tiny.change("cue/echo/parameter.cue", "replicas: *1 | int", "replicas: *2 | int")
    refused = publish("oci", reference)
    assert "taken:1.2.3 is there already, with another content" in str(refused.exception)
    assert publish("oci", reference, "--overwrite").output.startswith("pushed")


@pytest.mark.parametrize("step", range(8))
def test_a_push_that_was_interrupted_shows_no_tag_and_goes_on(
    tiny: TinyLibrary, registry: str, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Whatever was sent before the line broke, the tag is there only when all of it is."""
    reference = f"oci://{registry}/team/step-{step}"
    sent = 0
    whole = {name: getattr(Registry, name) for name in ("put_blob", "put_manifest")}

    def breaking(name: str) -> object:
        def put(self: Registry, *arguments: object, **more: object) -> object:
            nonlocal sent
            if sent == step:
                raise ToolError("the line broke")
            sent += 1
            return whole[name](self, *arguments, **more)

        return put

    with monkeypatch.context() as patch:
        for name in whole:
            patch.setattr(Registry, name, breaking(name))
        first = publish("oci", reference)
    repository = Registry(Reference.parse(reference))
    if first.exit_code:
        assert repository.manifest("1.2.3") is None
    done = publish("oci", reference)
    assert done.exit_code == 0
    assert pull(f"{reference}:1.2.3")


def test_a_registry_that_is_not_there_is_said_in_one_line_and_at_once(
    tiny: TinyLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client's own, not the clock of whoever waits for a program.
    monkeypatch.setattr("oras.decorator.time", SimpleNamespace(sleep=lambda _: pytest.fail("it is tried again")))
    refused = publish("oci", "oci://127.0.0.1:1/team/realtime")
    assert isinstance(refused.exception, ToolError)
    assert refused.exception.message.startswith("127.0.0.1:1 does not answer: ")


@pytest.mark.parametrize("text", ["oci://registry.example.com", "oci://a/B:1", "oci://a/b:1@sha256:12", "oci://"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no reference to a registry"):
        Reference.parse(text)


def test_signing_is_done_by_cosign_with_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "cosign"
    program.write_text(f'#!/bin/sh\necho "$*" >{tmp_path}/calls\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    oci.sign("registry.example.com/a@sha256:00", "cosign.key")
    assert (tmp_path / "calls").read_text() == "sign --yes --key cosign.key registry.example.com/a@sha256:00\n"
    program.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="cosign is missing"):
        oci.sign("registry.example.com/a@sha256:00")
