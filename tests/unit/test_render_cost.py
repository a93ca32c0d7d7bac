"""What it costs KubeVela to render a definition, in objects that CUE's evaluator allocates: alike on every machine.

The controller of KubeVela 1.11 runs CUE's older evaluator, which evaluates what is referred to anew in every place,
and each definition by itself too unless it is told when it is needed. The evaluator's own count of steps leaves out
what a function such as ``json.Marshal`` evaluates, which can be nearly all of it.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from vela_realtime import bundle, cases, library, toolchain

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = library.find()

MOST = {
    ("realtime-platform", "minimal"): 1_100_000,
    ("stream-processor", "smallest"): 1_180_000,
    ("analytics-dashboard", "everything-of-the-guide"): 1_170_000,
    ("analytics-dashboard", "everything-of-the-guide-in-grafana"): 960_000,
    ("iot-broker", "minimal"): 325_000,
}
"""Objects that a case may take."""


def allocations(definition: str, case: str, folder: Path) -> int:
    """Return how many a definition's bundle takes with the properties of a case."""
    (item,) = (item for item in LIBRARY.folders() if item.name == definition)
    (found,) = (found for found in cases.load(LIBRARY, definition) if found.name == case)
    values = "".join(f"{key}: {json.dumps(value)}\n" for key, value in cases.package_input(found, "component").items())
    counts = folder / "counts.json"
    done = subprocess.run(
        [toolchain.cue(), "export", "-", "-e", "{main: output, more: outputs}"],
        input=f"{bundle.Sources(LIBRARY).bundle(item).text}\n{values}",
        env={**os.environ, "CUE_EXPERIMENT": "evalv3=0,keepvalidators=0", "CUE_STATS_FILE": str(counts)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found_counts = json.loads(counts.read_text())
    assert found_counts["CUE"]["EvalVersion"] == 2
    return int(found_counts["Go"]["AllocObjects"])


@pytest.mark.parametrize(("definition", "case"), MOST)
def test_allocations(definition: str, case: str, tmp_path: Path) -> None:
    assert allocations(definition, case, tmp_path) < MOST[definition, case]
