"""Stand-ins for the programs that the tool runs, so that these tests take no time and need no network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.tiny import TinyLibrary

if TYPE_CHECKING:
    from pathlib import Path

FAKE_GO = """\
#!/bin/sh
echo "$*" >> "$FAKES/calls"
case "$1" in
  version) echo "go version go$(cat "$FAKES/go-version") linux/amd64"; exit ;;
  list) cat "$FAKES/module-folder"; exit ;;
  mod) exit ;;
esac
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\n' > "$2"
if [ -e "$FAKES/say" ]; then cat "$FAKES/say" >&2; exit 1; fi
if [ -e "$FAKES/slow" ]; then sleep "$(cat "$FAKES/slow")"; fi
chmod +x "$2"
"""


class Fakes:
    """Fake programs on PATH, with a cache of their own; nothing else of this machine is to be seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.cache = folder / "cache"
        self.bin.mkdir()

    def program(self, name: str, script: str, folder: Path | None = None) -> Path:
        """Put a shell script on PATH, or into another folder."""
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)
        return path

    def cue(self, version: str, folder: Path | None = None) -> Path:
        """Put a ``cue`` of a version on PATH, or into another folder."""
        return self.program(
            "cue", f'#!/bin/sh\necho "cue $*" >> {self.folder}/calls\necho "cue version v{version}"\n', folder
        )

    def vela(self, version: str, folder: Path | None = None) -> Path:
        """Put a ``vela`` of a version on PATH, or into another folder."""
        log = f'echo "vela $*" >> {self.folder}/calls'
        script = f'#!/bin/sh\n{log}\nprintf "CLI Version: v{version}\\nCore Version: \\n"\n'
        return self.program("vela", script, folder)

    def go(self, version: str = "1.26.8", says: str = "", seconds: float = 0) -> Path:
        """Put a ``go`` on PATH. With ``says`` it fails with these words, a half-written program left behind."""
        (self.folder / "go-version").write_text(version)
        if says:
            (self.folder / "say").write_text(says)
        if seconds:
            (self.folder / "slow").write_text(str(seconds))
        return self.program("go", FAKE_GO)

    def works_again(self) -> None:
        """Let ``go`` succeed from now on."""
        (self.folder / "say").unlink()

    @property
    def calls(self) -> list[str]:
        """The arguments of every call of a fake so far."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def in_cache(self) -> list[str]:
        """What lies in the cache's folder for programs, lock files aside, hashes cut off."""
        names = (path.name for path in (self.cache / "tools").glob("*"))
        return sorted(name.rpartition("-")[0] or name for name in names if not name.endswith(".lock"))


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fakes:
    """Return fakes for a machine that has no Go, no cue, no vela and an empty cache."""
    from vela_realtime.toolchain import golang

    fakes = Fakes(tmp_path)
    monkeypatch.setenv("PATH", f"{fakes.bin}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("FAKES", str(tmp_path))
    monkeypatch.setenv("VELA_REALTIME_CACHE", str(fakes.cache))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("VELA_REALTIME_CUE", "VELA_REALTIME_VELA", "XDG_CACHE_HOME", "KUBECONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(golang, "USUAL_PLACES", ())
    return fakes


@pytest.fixture
def real_tools(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use the real cue and vela with a cache of the test's own, and return that cache."""
    from vela_realtime.cache import cache_folder

    cache = tmp_path_factory.mktemp("cache")
    (cache / "tools").symlink_to(cache_folder() / "tools")
    monkeypatch.setenv("VELA_REALTIME_CACHE", str(cache))
    return cache


@pytest.fixture
def tiny(tmp_path: Path, real_tools: Path, monkeypatch: pytest.MonkeyPatch) -> TinyLibrary:
    """Return a small library in a folder of its own, which becomes the current one."""
    monkeypatch.chdir(tmp_path)
    return TinyLibrary(tmp_path)
