"""``plugin-fetch.sh``: a plugin is there whole and as it should be, or the script says why not."""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
import threading
import time
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.doubles.scripts import SHELLS, Script, failed, finish, kill, succeeded, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = SHELLS

FILES = {"kafka-connect-mqtt-1.0/mqtt.jar": "fat jar", "kafka-connect-mqtt-1.0/LICENSE": "Apache-2.0"}


class Releases(ThreadingHTTPServer):
    """A release page."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.downloads: list[str] = []
        self.broken = 0
        """How many downloads still fail."""
        self.seconds = 0.0
        """How long one takes."""
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(SimpleHTTPRequestHandler):
    server: Releases

    def do_GET(self) -> None:
        self.server.downloads.append(self.path)
        if self.server.broken:
            self.server.broken -= 1
            self.send_error(503)
            return
        time.sleep(self.server.seconds)
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[Releases]:
    folder = tmp_path / "releases"
    folder.mkdir()
    with zipfile.ZipFile(folder / "mqtt.zip", "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
    with tarfile.open(folder / "mqtt.tar.gz", "w:gz") as tar:
        for name, text in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    (folder / "driver.jar").write_bytes((folder / "mqtt.zip").read_bytes())
    (folder / "broken.zip").write_bytes((folder / "mqtt.zip").read_bytes()[:100])
    (folder / "page.html").write_text("<html>moved</html>")
    with zipfile.ZipFile(folder / "empty.zip", "w") as archive:
        archive.writestr("README", "nothing")
    with Releases(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Container:
    """The init container."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.plugins = folder / "plugins"
        self.plugins.mkdir()
        self.list = folder / "list"
        self.script = Script(
            "plugin-fetch.sh",
            shell,
            {"PLUGINS_DIR": self.plugins, "PLUGINS_FILE": self.list, "RETRY_SECONDS": "0.05", "TRIES": "3"},
        )

    def list_plugins(self, *lines: str) -> None:
        self.list.write_text("\n".join(lines) + "\n")

    def files(self) -> dict[str, str]:
        """Return what is in the plugins' directories, but for the notes of the script's own."""
        return {
            str(path.relative_to(self.plugins)): path.read_text()
            for path in sorted(self.plugins.glob("[!.]*/**/*"))
            if path.is_file() and path.name != ".source"
        }


@pytest.fixture
def container(tmp_path: Path, shell: str) -> Container:
    return Container(tmp_path, shell)


@pytest.mark.parametrize("file", ["mqtt.zip", "mqtt.tar.gz", "mqtt.zip?token=1"])
def test_unpacks(releases: Releases, container: Container, file: str) -> None:
    container.list_plugins(f"mqtt {releases.url}/{file}")
    assert succeeded(container.script.run()) == [f"plugin mqtt: from {releases.url}/{file}"]
    assert container.files() == {f"mqtt/{name}": text for name, text in FILES.items()}


def test_a_jar_stays_as_it_is(releases: Releases, container: Container) -> None:
    container.list_plugins("", f"driver {releases.url}/driver.jar")
    succeeded(container.script.run())
    assert (container.plugins / "driver" / "driver.jar").read_bytes() == (releases.folder / "driver.jar").read_bytes()


def test_others_may_read_what_is_there(releases: Releases, container: Container) -> None:
    container.list_plugins(f"mqtt {releases.url}/mqtt.zip")
    succeeded(container.script.run())
    for path in (container.plugins / "mqtt").rglob("*"):
        assert path.stat().st_mode & (0o055 if path.is_dir() else 0o044)
    assert (container.plugins / "mqtt").stat().st_mode & 0o055 == 0o055


def test_a_second_run_downloads_only_what_is_new(releases: Releases, container: Container) -> None:
    container.list_plugins(f"mqtt {releases.url}/mqtt.zip")
    succeeded(container.script.run())
    container.list_plugins(f"mqtt {releases.url}/mqtt.zip", f"driver {releases.url}/driver.jar")
    assert succeeded(container.script.run()) == [
        "plugin mqtt: already there",
        f"plugin driver: from {releases.url}/driver.jar",
    ]
    assert releases.downloads == ["/mqtt.zip", "/driver.jar"]


def test_another_source_takes_the_place_of_the_old_one(releases: Releases, container: Container) -> None:
    container.list_plugins(f"mqtt {releases.url}/mqtt.zip")
    succeeded(container.script.run())
    container.list_plugins(f"mqtt {releases.url}/driver.jar")
    succeeded(container.script.run())
    assert sorted(path.name for path in (container.plugins / "mqtt").iterdir()) == [".source", "driver.jar"]


def test_checks_the_sum(releases: Releases, container: Container) -> None:
    actual = hashlib.sha256((releases.folder / "mqtt.zip").read_bytes()).hexdigest()
    container.list_plugins(f"mqtt {releases.url}/mqtt.zip {actual}")
    succeeded(container.script.run())

    container.list_plugins(f"other {releases.url}/mqtt.zip {'0' * 64}")
    assert failed(container.script.run()) == (
        f"plugin-fetch: {releases.url}/mqtt.zip has the sha256 {actual}, not {'0' * 64}"
    )
    assert not (container.plugins / "other").exists()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("broken.zip", "is neither a zip nor a tar.gz file that can be read"),
        ("page.html", "is neither a zip nor a tar.gz file that can be read"),
        ("empty.zip", "has no .jar file in it"),
        ("missing.zip", "cannot be downloaded"),
    ],
)
def test_what_is_no_plugin(releases: Releases, container: Container, file: str, message: str) -> None:
    container.list_plugins(f"mqtt {releases.url}/{file}")
    assert failed(container.script.run()) == f"plugin-fetch: {releases.url}/{file} {message}"
    assert not (container.plugins / "mqtt").exists()


def test_tries_again(releases: Releases, container: Container) -> None:
    releases.broken = 2
    container.list_plugins(f"mqtt {releases.url}/mqtt.zip")
    again = f"{releases.url}/mqtt.zip: failed, trying again"
    assert succeeded(container.script.run()) == [again, again, f"plugin mqtt: from {releases.url}/mqtt.zip"]


def test_killed_it_leaves_no_half_plugin(releases: Releases, container: Container) -> None:
    releases.seconds = 0.3
    container.list_plugins(f"mqtt {releases.url}/mqtt.zip")
    running = container.script.start()
    wait_until(lambda: bool(releases.downloads))
    kill(running)
    assert not (container.plugins / "mqtt").exists()
    releases.seconds = 0

    for number in range(8):
        container.script.run_and_kill(0.01 * number)
        if (container.plugins / "mqtt").exists():
            assert set(FILES.values()) <= set(container.files().values())
    succeeded(container.script.run())
    assert [path.name for path in container.plugins.iterdir()] == ["mqtt"]


def test_copies_from_the_image_that_it_runs_in(container: Container, tmp_path: Path) -> None:
    source = tmp_path / "image" / "plugin"
    source.mkdir(parents=True)
    (source / "a.jar").write_text("jar")
    env: dict[str, Any] = {"PLUGIN_NAME": "carried", "PLUGIN_SOURCE": source}
    assert succeeded(container.script.run(**env)) == [f"plugin carried: from {source}"]
    assert container.files() == {"carried/plugin/a.jar": "jar"}
    assert succeeded(container.script.run(**env)) == ["plugin carried: already there"]


def test_copies_nothing_that_is_not_there(container: Container, tmp_path: Path) -> None:
    env: dict[str, Any] = {"PLUGIN_NAME": "carried", "PLUGIN_SOURCE": tmp_path / "missing"}
    assert failed(container.script.run(**env)) == f"plugin-fetch: {tmp_path}/missing cannot be copied"
    with contextlib.suppress(FileNotFoundError):
        assert not (container.plugins / "carried").exists()
    succeeded(finish(Script("plugin-fetch.sh", "dash", {**container.script.env, "PLUGINS_FILE": "/dev/null"}).start()))
