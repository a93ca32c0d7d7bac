"""Building and vetting on save: only the definitions that an edit can change.

What a definition is made of is its bundle, the declarations that it reaches. It is taken at each save and held against
the last one: an edit of a part concerns the definitions that have the part, and a comment none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime import cache
from vela_realtime.cue.syntax import CueSyntaxError
from vela_realtime.errors import RealtimeError, SourceError, ToolError
from vela_realtime.files import read_text, write_text
from vela_realtime.findings import Finding
from vela_realtime.library import CONTEXT_FILE, METADATA_FILE, build, embed
from vela_realtime.library.bundle import Sources
from vela_realtime.library.vet.run import formatting, source_rules, vet

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import Protocol

    from vela_realtime.library import Library

    class Stop(Protocol):
        """What ends waiting, as ``threading.Event`` does."""

        def is_set(self) -> bool:
            """Tell whether to end."""


SETTLED = 50
"""Milliseconds without another change after which files count as saved: editors write several at once."""

LONGEST = 1_000
"""Milliseconds after which changes are looked at though there are more."""


IDLE = 200
"""Milliseconds between two looks at whether to end."""


@dataclass(frozen=True)
class Run:
    """What became of one save."""

    edited: tuple[Path, ...]
    names: tuple[str, ...] = ()
    """The definitions that the edit can change: they were built and vetted."""

    written: tuple[Path, ...] = ()
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    failure: RealtimeError | None = None
    """What kept the work from being done, such as a file that cannot be read; the next save is another try."""


@dataclass
class Watch:
    """A library that somebody edits, or some definitions of it.

    ``fixtures`` renders all fixtures of what changed; without it, those of a file of fixtures that was saved.
    """

    library: Library
    names: Sequence[str] = ()
    fixtures: bool = False
    use_cache: bool = True
    _states: dict[str, str] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)
    """The definitions among which something was found at last."""

    _cases: set[Path] = field(default_factory=set)
    """The files of fixtures that were looked at then."""

    def saves(self, stop: Stop | None = None) -> Iterator[tuple[Path, ...]]:
        """Yield the sources that were saved, time and again, until ``stop`` is set; none, as soon as it is watching.

        What is saved while the caller is busy comes with the next ones: the system keeps count.

        Raises:
            InputError: there is no such definition.
            ToolError: ``watchfiles`` is not installed.
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        build.choose(self.library, self.names)
        try:
            from watchfiles import watch
        except ImportError as error:
            raise ToolError(
                "PyPI's watchfiles is missing, which tells of saved files", "pip install 'vela-realtime[watch]'"
            ) from error
        folders = [folder for folder in (self.library.cue, self.library.fixtures) if folder.is_dir()]
        changes = watch(
            *folders,
            watch_filter=lambda _, path: self.is_source(Path(path)),
            step=SETTLED,
            debounce=LONGEST,
            stop_event=stop,
            # The first time-out says that it is watching; the others, that nothing was saved.
            rust_timeout=IDLE,
            yield_on_timeout=True,
        )
        for number, found in enumerate(changes):
            if found or not number:
                yield tuple(sorted({Path(path) for _, path in found}))

    def is_source(self, path: Path) -> bool:
        """Tell whether a file is one that people edit: no editor's own, and none that a build writes."""
        if path.name.startswith((".", "#")) or path.name.endswith(("~", "_gen.cue")):
            return False
        if path.is_relative_to(self.library.fixtures):
            return path.suffix == ".yaml"
        return path.suffix == ".cue" or path.parent == self.library.cue / "scripts"

    def run(self, edited: Collection[Path] = ()) -> Run:
        """Build and vet the definitions that differ from the last run's, at first all.

        What was found is looked at again each time, until it is mended. Whatever goes wrong is in what this returns.
        """
        started = time.monotonic()
        names, written, found = list[str](), list[Path](), list[Finding]()
        failure = None
        try:
            for path, (text, _) in embed.render(self.library, use_cache=self.use_cache).items():
                if write_text(path, text):
                    written.append(path)
            sources = Sources(self.library)
            states = {folder.name: self._state(sources, folder) for folder in self._folders()}
            names = [name for name, one in states.items() if self._states.get(name) != one]
            found += self._built(names, sorted(states) == sorted(self._states), written) if names else ()
            found += self._vetted(names, edited, sources)
            self._states = states
        except CueSyntaxError as error:
            found.append(build.syntax_finding(self.library.cue, error))
        except SourceError as error:
            found += error.findings
        except RealtimeError as error:
            failure = error
        seconds = time.monotonic() - started
        return Run(tuple(edited), tuple(names), tuple(written), tuple(sorted(set(found))), seconds, failure)

    def _folders(self) -> list[Path]:
        return [folder for folder in self.library.folders() if not self.names or folder.name in self.names]

    def _state(self, sources: Sources, folder: Path) -> str:
        files = (folder / METADATA_FILE, self.library.cue / CONTEXT_FILE)
        return cache.key(sources.bundle(folder).text, *map(read_text, files), code=__name__)

    def _built(self, names: Sequence[str], same: bool, written: list[Path]) -> Sequence[Finding]:
        """Build definitions; what keeps them from being built is left to ``vet``, which says more."""
        # One that came, or went: a whole build also takes away what nothing builds any more.
        whole = not self.names and (not same or len(names) == len(self.library.folders()))
        try:
            result = build.build(self.library, names=() if whole else names, use_cache=self.use_cache)
        except SourceError as error:
            return error.findings
        written += [*result.changed, *result.removed]
        return result.findings

    def _vetted(self, names: Sequence[str], edited: Collection[Path], sources: Sources) -> list[Finding]:
        fixtures = self.library.fixtures
        cases = {path for path in {*edited, *self._cases} if path.is_relative_to(fixtures) and path.is_file()}
        known = {folder.name for folder in self._folders()}
        wanted = {*names, *self._open, *(path.relative_to(fixtures).parts[0] for path in cases)} & known
        if not wanted:
            return formatting(self.library) + source_rules(sources)
        found = vet(
            self.library, names=sorted(wanted), fixtures=True if self.fixtures else cases, use_cache=self.use_cache
        ).findings
        self._open, self._cases = (wanted, cases) if found else (set(), set())
        return found
