"""Starting other programs: what comes back, and what ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vela_realtime import process
from vela_realtime.errors import ToolError


def test_output_exit_code_and_input() -> None:
    done = process.run(["sh", "-c", "cat; echo $X; echo oops >&2; exit 3"], stdin="in\n", env={"X": "x"})
    assert (done.returncode, done.ok, done.stdout, done.stderr) == (3, False, "in\nx\n", "oops\n")


def test_bytes_that_are_no_text() -> None:
    assert process.run(["printf", r"a\377b"]).stdout == "a\ufffdb"


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(ToolError, match=r"cannot start /nonexistent/cue: No such file or directory"):
        process.run(["/nonexistent/cue"])


def test_a_program_that_a_signal_ends_has_no_result() -> None:
    with pytest.raises(ToolError, match=r"sh was ended by SIGKILL"):
        process.run(["sh", "-c", "echo half of it; kill -KILL $$"])


def test_a_time_out_ends_everything_that_was_started(tmp_path: Path) -> None:
    script = f"sh -c 'echo $$ > {tmp_path}/child; exec sleep 60' & wait"
    with pytest.raises(ToolError, match=r"sh did not finish within 0\.5 s"):
        process.run(["sh", "-c", script], timeout=0.5)
    child = int((tmp_path / "child").read_text())
    for _ in range(50):
        if not Path(f"/proc/{child}").exists() or "zombie" in Path(f"/proc/{child}/status").read_text():
            return
        time.sleep(0.1)
    pytest.fail("the child is still there")


@pytest.mark.parametrize(
    ("set_by_the_user", "left"),
    [({}, {"GOGC": "400", "GOMEMLIMIT": "400MiB"}), ({"GOGC": "50"}, {"GOMEMLIMIT": "400MiB"})],
    ids=["nothing", "their own"],
)
def test_go_programs_collect_less_garbage_unless_the_user_says_otherwise(
    set_by_the_user: dict[str, str], left: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOGC", "GOMEMLIMIT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_by_the_user.items():
        monkeypatch.setenv(name, value)
    assert process.quick_go() == left


def test_results_come_in_order_and_each_is_told() -> None:
    told: list[None] = []

    def nap(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    found = process.in_parallel(nap, [0.2, 0, 0.1], done=lambda: told.append(None))
    assert (found, len(told)) == ([0.2, 0, 0.1], 3)


def test_an_exception_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        process.in_parallel(lambda number: 1 // number, [1, 0, 1])


def test_ctrl_c_ends_the_programs_at_once(tmp_path: Path) -> None:
    code = (
        "from vela_realtime import process\n"
        f"process.in_parallel(lambda n: process.run(['sh', '-c', f'echo > {tmp_path}/{{n}}; sleep 60']), [1, 2, 3])\n"
    )
    root = str(Path(process.__file__).parent.parent)
    running = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 20
    while not (tmp_path / "2").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    started = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=20)
    assert "KeyboardInterrupt" in stderr
    assert time.monotonic() - started < 10
    assert not (tmp_path / "3").exists()
