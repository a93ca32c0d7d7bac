"""The library in this checkout: ``vet`` finds nothing, and what is committed is what a build makes."""

from __future__ import annotations

from vela_realtime import library, toolchain
from vela_realtime.check.load import load
from vela_realtime.findings import report
from vela_realtime.kubevela import catalog, dryrun
from vela_realtime.kubevela.builtins import Builtins
from vela_realtime.library import vet

LIBRARY = library.find()


def test_vet_finds_nothing() -> None:
    result = vet.vet(LIBRARY)
    assert report.text(result.findings) == ""
    assert result.definitions > 0


def test_every_example_renders() -> None:
    loaded = load([str(LIBRARY.examples)])
    assert report.text(loaded.findings) == ""
    source = toolchain.kubevela_source()
    assert source is not None
    definitions = catalog.Catalog([], LIBRARY.definitions, Builtins(), source, frozenset({"webservice"}))
    outcomes = dryrun.render_all(loaded.applications, definitions, companions=loaded.companions)
    assert report.text([finding for outcome in outcomes for finding in outcome.findings]) == ""
    assert all(outcome.objects for outcome in outcomes)
