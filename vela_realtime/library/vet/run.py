"""Everything about the library and its definitions that can be found out without a cluster.

``vela def vet`` accepts undefined references, conflicts and unknown packages, and names no line. So ``cue``
compiles the sources first, rules look at what neither of them does, every fixture is rendered, and what was built
goes through ``vela def vet`` last.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from vela_realtime import cache, cue, process
from vela_realtime.cue.syntax import CueSyntaxError, Source
from vela_realtime.errors import SourceError
from vela_realtime.files import display, read_text, write_text
from vela_realtime.findings import Finding
from vela_realtime.kubevela import vela
from vela_realtime.library import CONTEXT_FILE, build, defaults, definition
from vela_realtime.library import fixtures as sets
from vela_realtime.library.bundle import Sources
from vela_realtime.library.vet import choices, inputs, objects, package, parameter, parts, scripts, unused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from vela_realtime.library import Library


@dataclass(frozen=True)
class Result:
    """What was found, and how many definitions and fixtures were looked at."""

    findings: list[Finding]
    definitions: int
    cases: int


def vet(
    library: Library,
    *,
    names: Sequence[str] = (),
    fixtures: bool | Collection[Path] = True,
    built: Path | None = None,
    use_cache: bool = True,
    progress: Callable[[int], Callable[[], None]] | None = None,
) -> Result:
    """Check a library, or only the definitions called ``names``; all findings at once.

    ``fixtures`` renders the fixtures too, all or those of some files; ``built`` is the folder of built definitions, the
    library's own by default. ``progress`` is told how many things there are to do, and returns what to call after each.

    Raises:
        InputError: there is no such definition, or a file cannot be read.
        ToolError: ``cue`` or ``vela`` is missing.
    """
    folders = build.choose(library, names)
    sources = Sources(library)
    found = formatting(library) + source_rules(sources)
    sound, faults = definition.load_sound(library)
    found += faults
    chosen = []
    for item in sound:
        if item.folder not in folders:
            continue
        try:
            build.compile_all(library, [item.folder])
        except SourceError as error:
            found += error.findings
        else:
            chosen.append(item)
    found += parameters(sources, chosen)
    for items in process.in_parallel(lambda item: values(library, sources, item), chosen):
        found += items
    good = [item.folder.name for item in chosen]
    if good:
        # Without names a build also looks for what nothing builds any more.
        found += build.build(
            library,
            names=[] if len(good) == len(library.folders()) else good,
            output=built,
            check=True,
            use_cache=use_cache,
        ).findings
    all_cases = [(item, case) for item in chosen for case in sets.load(library, item.name)] if fixtures else []
    if not isinstance(fixtures, bool):
        all_cases = [(item, case) for item, case in all_cases if case.file in fixtures]
    done = progress(len(chosen) + len(all_cases)) if progress else None
    for items in process.in_parallel(
        lambda item: built_definition(library, item, use_cache=use_cache), chosen, done=done
    ):
        found += items
    states = {item.folder: _state(sources, item.folder) if use_cache and fixtures else "" for item in chosen}
    for trait, carriers in _carriers(library, all_cases).items():
        if states[trait]:
            states[trait] = cache.key(states[trait], *(_state(sources, one) for one in carriers), code=__name__)
    broken = process.in_parallel(lambda pair: fixture(library, *pair, states[pair[0].folder]), all_cases, done=done)
    found += together([fault for faults_of_one in broken for fault in faults_of_one])
    # What is built of a mistake would be as wrong: that it is out of date is said when nothing else is.
    wrong = [item for item in found if item.rule != "drift"]
    return Result(sorted(set(wrong or found)), len(folders), len(all_cases))


def formatting(library: Library) -> list[Finding]:
    """Report the files that ``cue fmt`` would change."""
    done = cue.run(["fmt", "--check", "--files", "."], folder=library.cue)
    found = []
    for name in done.stdout.splitlines():
        path = library.cue / name.strip()
        if path.is_file():
            line = _first_unformatted(path)
            message = "is not formatted"
            found.append(Finding(display(path), line, 1, "format", message, hint=f"run cue fmt {display(path)}"))
    if not done.ok and not found:
        found = cue.findings(cue.failure(done, library.cue), "cue", prefer=library.cue)
    return found


def _first_unformatted(path: Path) -> int:
    text = read_text(path)
    done = cue.run(["fmt", "-"], folder=path.parent, stdin=text)
    pairs = zip(text.split("\n"), done.stdout.split("\n"), strict=False)
    return next((number for number, (one, other) in enumerate(pairs, 1) if one != other), 1)


def source_rules(sources: Sources) -> list[Finding]:
    """Check every file of the library and of the definitions by itself, and what refers to each other."""
    library, found = sources.library, list[Finding]()
    for path in [*library.shared_files(), *(path for folder in library.folders() for path in folder.glob("*.cue"))]:
        try:
            found += package.check_file(sources.read(path))
        except CueSyntaxError as error:
            found.append(Finding(display(path), error.line, error.column, "syntax", error.message))
    for folder in library.folders():
        try:
            found += package.check_bundle(sources.files(folder))
            own = sources.own(folder)
            found += inputs.check(own, [*sources.shared(), *own])
            found += inputs.defaults(own)
            found += unused.inputs(own)
            reached = sources.reached(folder)
            found += parts.collected(own, reached)
            found += parts.images(own, reached)
        except CueSyntaxError:
            continue  # reported above
    for path in sorted((library.cue / "scripts").glob("*.sh")):
        found += scripts.check(path)
    with contextlib.suppress(CueSyntaxError):
        found += inputs.check(sources.shared(), sources.shared())
        found += inputs.defaults(sources.shared())
        found += unused.inputs(sources.shared())
    return found


def parameters(sources: Sources, definitions: Iterable[definition.Definition]) -> list[Finding]:
    """Check the parameters of definitions that compile: of others nobody knows yet what they read."""
    found = list[Finding]()
    for item in definitions:
        try:
            files = sources.files(item.folder)
            own, reached = sources.own(item.folder), sources.reached(item.folder)
        except CueSyntaxError:
            continue
        found += parameter.check(files, may_be_open=item.open)
        found += unused.parameters(own, [piece.source for piece in reached])
    return found


def values(library: Library, sources: Sources, item: definition.Definition) -> list[Finding]:
    """Check what a definition's parameters offer, defaults and choices, against their bounds."""
    found = default_values(library, sources, item)
    with contextlib.suppress(CueSyntaxError):
        found += choices.check(library.cue, item.folder, sources.own(item.folder), sources.shared())
    return found


def default_values(library: Library, sources: Sources, item: definition.Definition) -> list[Finding]:
    """Check the defaults of a definition's parameters against their bounds, each at the line where it stands.

    ``cue`` itself says nothing of a default that is out of bounds: the parameter then has none, and what a reader is
    told is that some object is incomplete.
    """
    try:
        found = defaults.of(sources.own(item.folder), sources.shared())
    except CueSyntaxError:
        return []
    known = {one.path: one for one in found if not one.in_list}
    tree: dict[str, Any] = {}
    for path, one in known.items():
        place = tree
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place[path[-1]] = one.value
    arguments = ["vet", "-c=false", "-E", f"./{item.folder.name}", "json:", "-"]
    done = cue.run(arguments, folder=library.cue, stdin=json.dumps({"strict": tree}))
    findings = []
    for problem in cue.failure(done, library.cue):
        default = known.get(tuple(json.loads(key) if key[0] == '"' else key for key in _KEY.findall(problem.path))[1:])
        if default is not None:
            name, value = ".".join(default.path), json.dumps(default.value, ensure_ascii=False)
            message = f"{value} cannot be the default of {name}: {problem.message}"
            file = display(default.source.path)
            findings.append(Finding(file, default.at.line, default.at.column, "default", message))
    return findings


_KEY = re.compile(r"\"(?:[^\"\\]|\\.)*\"|[\w$#-]+")


def _bundled(sources: Sources, folder: Path) -> list[Source]:
    """Return the files that a bundle takes something of."""
    return [*sources.own(folder), *(piece.source for piece in sources.reached(folder))]


def _state(sources: Sources, folder: Path) -> str:
    """Return a hash of everything that a definition's rendering depends on, and of where each line of it stands.

    It is the bundle, not all files: an edit elsewhere in the library, or of a comment's words, changes nothing for it.
    """
    from vela_realtime import toolchain

    library, bundle = sources.library, sources.bundle(folder)
    places = [(path.relative_to(library.cue).as_posix(), line) for path, line in filter(None, bundle.origins)]
    context = read_text(library.cue / CONTEXT_FILE)
    return cache.key(toolchain.cue(), bundle.text, json.dumps(places), context, code=__name__)


def _carriers(library: Library, cases: Iterable[tuple[definition.Definition, sets.Case]]) -> dict[Path, list[Path]]:
    """Return the folders of the library's own components that carry the traits of cases, by the traits' folders."""
    found: dict[Path, set[Path]] = {}
    for item, case in cases:
        carrier = library.cue / case.workload.get("type", "")
        if case.workload and carrier in library.folders():
            found.setdefault(item.folder, set()).add(carrier)
    return {folder: sorted(carriers) for folder, carriers in found.items()}


@dataclass(frozen=True)
class Cause:
    """What ``cue`` says of a case, and the line of the library that it says it of; places count from 1."""

    file: Path
    line: int
    column: int
    path: str
    message: str


@dataclass(frozen=True)
class Fault:
    """What is wrong with a case, and what in the library it may come from."""

    case: sets.Case
    message: str
    causes: tuple[Cause, ...]

    @property
    def place(self) -> str:
        """Where the case is."""
        return f"{display(self.case.file)}:{self.case.line}"

    @property
    def finding(self) -> Finding:
        """What is said of the case by itself."""
        where = ""
        if self.case.valid and self.causes:
            where = f" ({display(self.causes[0].file)}:{self.causes[0].line})"
        return Finding(
            display(self.case.file), self.case.line, 1, "fixture", f"{self.case.name}: {self.message}{where}"
        )


def fixture(library: Library, item: definition.Definition, case: sets.Case, state: str = "") -> list[Fault]:
    """Render one case and compare with what it must be. ``state`` makes the result's cache key; empty: no cache."""
    shown = json.dumps(sets.package_input(case, item.type), sort_keys=True)
    key = cache.key(state, item.folder.name, shown, case.error, code=__name__)
    text = cache.cached("cases", key, lambda: json.dumps(_faults(library, item, case)), enabled=bool(state))
    return [
        Fault(case, message, tuple(Cause(library.cue / file, *rest) for file, *rest in causes))
        for message, causes in json.loads(text)
    ]


def _faults(library: Library, item: definition.Definition, case: sets.Case) -> list[tuple[str, list[_Plain]]]:
    """Return what is wrong with a case, each with its causes, whose files are relative to the library's."""
    result = sets.render_package(library, item.folder.name, case, item.type)
    texts = [f"{problem.path}: {problem.message}" if problem.path else problem.message for problem in result.problems]
    texts += [problem.rule for problem in result.problems if problem.rule]
    if case.valid:
        if result.problems:
            return [(f"must render, but {one.text}", _causes(library, [one])) for one in result.problems]
        watched = {part.output for part in item.parts} or None
        return [(text, []) for text in objects.check(result.objects, takes_place=item.open, parts=watched)]
    if not result.problems:
        return [(f"must fail with {case.error!r}, but renders", [])]
    if not any(case.error in text for text in texts):
        said = "; ".join(problem.text for problem in result.problems[:3])
        return [(f"must fail with {case.error!r}, but cue says: {said}", _causes(library, result.problems))]
    return []


_Plain: TypeAlias = "tuple[str, int, int, str, str]"


def _causes(library: Library, problems: Iterable[cue.Problem]) -> list[_Plain]:
    found: list[_Plain] = []
    for problem in problems:
        # What is not in a file is the case's own input.
        for place in problem.places:
            if place.file.suffix == ".cue" and place.file.is_relative_to(library.cue):
                file = place.file.relative_to(library.cue).as_posix()
                found.append((file, place.line, place.column, problem.path, problem.rule or problem.message))
                break
    return found


def together(faults: Sequence[Fault]) -> list[Finding]:
    """Return findings about cases: one for all that must render and fail at one place of the library, at that place.

    What else fails there, and should for another reason, is counted with them.
    """
    broken: dict[_Key, set[str]] = {}
    for fault in faults:
        for cause in fault.causes if fault.case.valid else ():
            broken.setdefault(_key(cause), set()).add(fault.place)
    groups: dict[_Key, dict[str, tuple[Fault, Cause]]] = {key: {} for key, found in broken.items() if len(found) > 1}
    findings = []
    for fault in faults:
        grouped = [cause for cause in fault.causes if _key(cause) in groups]
        if grouped:
            groups[_key(grouped[0])].setdefault(fault.place, (fault, grouped[0]))
        else:
            findings.append(fault.finding)
    for members in groups.values():
        fault, cause = next(iter(members.values()))
        hint = f"breaks {len(members)} fixtures, first {fault.case.name} ({fault.place})"
        where = (display(cause.file), cause.line, cause.column)
        findings.append(Finding(*where, "fixture", cause.message, path=cause.path, hint=hint))
    return findings


_Key: TypeAlias = "tuple[Path, int, int, str]"


def _key(cause: Cause) -> _Key:
    return (cause.file, cause.line, cause.column, cause.message)


_OLD_SYNTAX = re.compile(r"^\s*- (\[cue@.*)", re.MULTILINE)
_VELA_PLACE = re.compile(r":(?P<line>\d+):(?P<column>\d+)\b")


def built_definition(library: Library, item: definition.Definition, *, use_cache: bool = True) -> list[Finding]:
    """Let ``vela`` look at what a build makes of a definition: is it valid, and is it CUE of today's syntax.

    The controller rewrites older syntax on each rendering, and warns whoever applies it (``vela def upgrade``).
    """
    outputs = {output.path: output for output in build.render(library, names=[item.folder.name], use_cache=use_cache)}
    output = outputs[Path(f"{item.stem}.cue")]

    def produce() -> str:
        with tempfile.TemporaryDirectory(prefix="vela-realtime-") as temporary:
            file = Path(temporary) / f"{item.name}.cue"
            write_text(file, output.text)
            done = vela.run(["def", "vet", file])
            if done.ok:
                return "\n".join(_OLD_SYNTAX.findall(vela.run(["def", "upgrade", file, "--validate"]).stdout))
        words = vela.failure(done.stderr or done.stdout).problems
        return "\n".join(problem.text for problem in words).replace(str(file), file.name)

    from vela_realtime import toolchain

    key = cache.key(toolchain.vela(), output.text, code=__name__)
    message = cache.cached("vela", key, produce, enabled=use_cache)
    return [_mapped(library, item, output.text, message)] if message else []


def _mapped(library: Library, item: definition.Definition, text: str, message: str) -> Finding:
    """Report what ``vela`` says at the source line that the built line comes from."""
    if place := _VELA_PLACE.search(message):
        bundle = Sources(library).bundle(item.folder)
        first = text[: text.index("\ntemplate: {\n")].count("\n") + 2  # the line with `template: {`
        origin = bundle.origin(int(place["line"]) - first + bundle.header.count("\n"))
        if origin is not None:
            path, line = origin
            column = max(int(place["column"]) - 1, 1)  # one tab more in the built file
            return Finding(display(path), line, column, "vela", message)
    return Finding(display(item.folder / "definition.cue"), 0, 0, "vela", message)
