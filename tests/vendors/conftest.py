"""The cluster, and the report at the end of the run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.pods.conftest import platform_cluster, real_cluster
from tests.pods.images import store
from tests.vendors import installing
from tests.vendors.report import Report

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.hermetic import Cluster

OURS = ("jdbc-sink", "mysql", "mysql-exporter")
"""The images that our own node has beside those of the smallest platform."""

__all__ = ["platform_cluster", "real_cluster"]

_REPORT = pytest.StashKey[Report]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin the report."""
    config.stash[_REPORT] = Report()


def pytest_report_header() -> str:
    """Say which cluster is worked with: it may be one that matters to somebody."""
    named = installing.named()
    return f"cluster: the one of KUBECONFIG={named}" if named else "cluster: our own, with a real node"


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """Return the cluster of ``KUBECONFIG``; without it our own with a real node."""
    named = installing.named()
    if named is None:
        ours: Cluster = request.getfixturevalue("platform_cluster")
        store.give(ours, *OURS)
        yield ours
        return
    reporter = pytestconfig.pluginmanager.getplugin("terminalreporter")
    yield installing.ready(named, reporter.write_line if reporter else print)


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """Return the report, to be filled."""
    return pytestconfig.stash[_REPORT]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note how a test ended: what it is called says what it shows."""
    outcome = yield
    if outcome.when == "call" or not outcome.passed:
        how: str = outcome.outcome
        if outcome.skipped and isinstance(outcome.longrepr, tuple):
            how = f"not tried: {outcome.longrepr[2].removeprefix('Skipped: ')}"
        name = item.name.removeprefix("test_").replace("_", " ")
        item.config.stash[_REPORT].checks[f"{item.path.stem.removeprefix('test_')}: {name}"] = how
    return outcome


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the report, and write it to the file that ``VENDORS_REPORT`` names."""
    if not config.stash[_REPORT].checks:
        return
    text = config.stash[_REPORT].text()
    terminalreporter.write_line(f"\n{text}")
    if name := os.environ.get("VENDORS_REPORT"):
        Path(name).write_text(text)
