"""Building: the library and a definition's folder become two self-contained files in ``definitions/``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime import cache, cue, process, schema
from vela_realtime.cue.syntax import CueSyntaxError
from vela_realtime.errors import InputError, SourceError
from vela_realtime.files import display, read_text, write_text
from vela_realtime.findings import Finding
from vela_realtime.library import definition, embed, reference, released, schemas, together
from vela_realtime.library import site as sites
from vela_realtime.library.bundle import Sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vela_realtime.library import Library

SIZE_LIMIT = 240_000
"""Bytes that one definition may have as JSON: ``kubectl apply`` on the client's side keeps it in an annotation, and
annotations end at 256 KiB."""

TOTAL_LIMIT = 1_000_000
"""Bytes that all definitions may have together: a revision of an Application carries all that it uses, and the API
server's store takes 1.5 MiB for an object."""

COMMAND = "vela-realtime build"


@dataclass(frozen=True)
class Output:
    """One file of a build."""

    path: Path
    text: str
    sources: tuple[Path, ...]
    """What to look at when it differs."""

    size: int = 0
    """Of a definition, its bytes as JSON; of any other file 0."""


@dataclass
class Result:
    """What a build wrote, or would write."""

    outputs: list[Output] = field(default_factory=list)
    changed: list[Path] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def build(
    library: Library,
    *,
    names: Sequence[str] = (),
    output: Path | None = None,
    site: Path | None = None,
    check: bool = False,
    use_cache: bool = True,
) -> Result:
    """Build the definitions of a library, all or those in folders called ``names``.

    ``output`` takes the place of the library's ``definitions/``; ``site`` is a YAML file with an organisation's
    settings; ``check`` writes nothing and reports what differs, and what changed under the version of the last release.

    Raises:
        SourceError: a source file or the site file has faults.
        InputError: a file cannot be read or written, or there is no such folder.
        ToolError: there is no ``cue``.
    """
    if library.packaged and output is None and not check:
        raise InputError("the installed package cannot be written to", "name a folder with --output")
    if site is not None and output is None:
        raise InputError("definitions/ keeps no organisation's settings", "name another folder with --output")
    result = Result()
    folder = output or library.definitions
    for path, (text, sources) in embed.render(library, use_cache=use_cache).items():
        result.outputs.append(Output(path, text, sources))
    left = embed.stale(library, [output.path for output in result.outputs])
    _settle(result, result.outputs, left, check=check or library.packaged)
    if check and result.findings:
        return result  # the definitions would be built from what is out of date

    built = render(library, names=names, site=site, use_cache=use_cache)
    targets = [Output(folder / output.path, output.text, output.sources, output.size) for output in built]
    wanted = {target.path for target in targets}
    patterns = ("*", "optional/*", f"{schema.FOLDER}/*")
    present = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    stale = [path for path in present if path not in wanted and _ours(path)]
    if output is None and not names:
        targets += _made_pages(library, use_cache=use_cache)
    if output is None and (pages := _pages(library, built, use_cache=use_cache)):
        targets += pages
        wanted = {page.path for page in pages}
        present = sorted(pages[0].path.parent.glob("*.md"))
        stale += [path for path in present if path not in wanted and reference.generated_file(read_text(path))]
    _settle(result, targets, [] if names else stale, check=check)
    result.outputs += targets
    result.findings += sizes(targets)
    if check and output is None and not result.findings:
        result.findings += released.unraised(library)
    return result


def _pages(library: Library, built: Iterable[Output], *, use_cache: bool) -> list[Output]:
    """Return the pages of the parameter reference, where the library has a folder for documents."""
    folder = library.root / "docs"
    if not folder.is_dir():
        return []
    kinds = {kind: name for name, kind in definition.KINDS.items()}
    by_name = {item.path.stem: item for item in built if item.path.parent.name == schema.FOLDER}
    pages = []
    for item in built:
        if item.path.suffix != ".yaml":
            continue
        source = by_name[item.path.stem]
        kind = kinds[item.text.split("\nkind: ", 1)[1].split("\n", 1)[0]]
        text = _page(source, kind, use_cache=use_cache)
        pages.append(Output(folder / reference.FOLDER / f"{item.path.stem}.md", text, source.sources))
    return pages


def _page(schema: Output, kind: str, *, use_cache: bool) -> str:
    folder = schema.sources[0]
    parameters = folder / "parameter.cue"
    own = read_text(parameters) if parameters.is_file() else ""
    key = cache.key(schema.text, kind, folder.name, own, code="vela_realtime.library.reference")

    def produce() -> str:
        return reference.page(json.loads(schema.text), kind, folder, COMMAND)

    return cache.cached("pages", key, produce, enabled=use_cache)


def _made_pages(library: Library, *, use_cache: bool) -> list[Output]:
    """Return the pages of ``check``'s rules and of what ``explain`` says, and the guide's examples in one file.

    There are none where the library has no folder for them.
    """
    from vela_realtime.explain import troubles
    from vela_realtime.findings import rules

    folder = library.root / "docs" / "rules"
    if not folder.is_dir():
        return []
    found = [Output(folder / name, text, (Path(rules.__file__),)) for name, text in rules.pages().items()]
    table = Path(troubles.__file__).with_name("troubles.yaml")
    key = cache.key(COMMAND, code=troubles.__name__)
    text = cache.cached("pages", key, lambda: troubles.page(COMMAND), enabled=use_cache)
    found.append(Output(folder.parent / troubles.PAGE, text, (table,)))
    examples = together.text(library, COMMAND)
    return [*found, Output(folder.parent / together.FILE, examples, together.sources(library))]


def _ours(path: Path) -> bool:
    if not path.is_file() or path.suffix not in {".cue", ".json", ".yaml"}:
        return False
    text = read_text(path)
    return schema.generated_file(text) if path.suffix == ".json" else definition.generated_file(text)


def _settle(result: Result, outputs: Iterable[Output], stale: Iterable[Path], *, check: bool) -> None:
    """Write what differs and remove what nothing makes any more, or report both."""
    for output in outputs:
        if not check:
            if write_text(output.path, output.text):
                result.changed.append(output.path)
            continue
        if not output.path.is_file():
            result.findings.append(_drift(output, 1, "is missing"))
        elif (old := read_text(output.path)) != output.text:
            result.findings.append(_drift(output, _first_difference(old, output.text), "is out of date"))
    for path in stale:
        if check:
            message = "nothing builds this file any more"
            result.findings.append(Finding(display(path), 1, 1, "drift", message, hint=f"run {COMMAND}"))
            continue
        try:
            path.unlink()
        except OSError as error:
            raise InputError(f"cannot remove {display(path)}: {error.strerror}") from error
        result.removed.append(path)


def _drift(output: Output, line: int, what: str) -> Finding:
    names = list(dict.fromkeys(display(path) for path in output.sources))
    sources = ", ".join(names) if len(names) <= 4 else f"{names[0]} and {len(names) - 1} files of the library"
    return Finding(display(output.path), line, 1, "drift", f"{what}; it is built from {sources}", hint=f"run {COMMAND}")


def _first_difference(old: str, new: str) -> int:
    lines = zip(old.split("\n"), new.split("\n"), strict=False)
    same = 0
    for one, other in lines:
        if one != other:
            break
        same += 1
    return same + 1


def sizes(outputs: Iterable[Output]) -> list[Finding]:
    """Return a finding for each definition over ``SIZE_LIMIT``, and one when all pass ``TOTAL_LIMIT``."""
    found, total, last = list[Finding](), 0, None
    for output in outputs:
        if not output.size:
            continue
        total, last = total + output.size, output
        if output.size > SIZE_LIMIT:
            message = f"{output.size} bytes of JSON; a definition may have {SIZE_LIMIT}"
            found.append(Finding(display(output.path), 0, 0, "size", message))
    if last is not None and total > TOTAL_LIMIT:
        message = f"all definitions have {total} bytes of JSON; together they may have {TOTAL_LIMIT}"
        found.append(Finding(display(last.path.parent), 0, 0, "size", message))
    return found


def render(
    library: Library, *, names: Sequence[str] = (), site: Path | None = None, use_cache: bool = True
) -> list[Output]:
    """Return the files of definitions, with paths relative to ``definitions/``.

    Raises:
        SourceError: a source file or the site file has faults.
    """
    command = f"{COMMAND} --site {site.name}" if site else COMMAND
    folders = choose(library, names)
    key = _key(library, folders, site)

    def produce() -> str:
        declaration = sites.declaration(library, site) if site else ""
        outputs = _render(library, folders, declaration, command)
        outputs += _schemas(library, folders, whole=not names)
        root = library.root
        return json.dumps(
            [
                [str(item.path), item.text, [str(path.relative_to(root)) for path in item.sources], item.size]
                for item in outputs
            ]
        )

    data = json.loads(cache.cached("builds", key, produce, enabled=use_cache))
    return [
        Output(Path(path), text, tuple(library.root / source for source in sources), size)
        for path, text, sources, size in data
    ]


def choose(library: Library, names: Sequence[str]) -> list[Path]:
    """Return the source folders of definitions, all where no names are given.

    Raises:
        InputError: there is no such folder.
    """
    folders = library.folders()
    known = {folder.name for folder in folders}
    if unknown := sorted(set(names) - known):
        from vela_realtime.findings.suggest import did_you_mean

        hint = did_you_mean(unknown, sorted(known), f"there are {', '.join(sorted(known))}")
        raise InputError(f"there is no definition {', '.join(unknown)}", hint)
    return [folder for folder in folders if not names or folder.name in names]


def _key(library: Library, folders: Sequence[Path], site: Path | None) -> str:
    """Return a hash of everything that a build depends on, the tool's own code included."""
    from vela_realtime import toolchain

    files = [*sorted(library.cue.glob("*.cue")), *(path for folder in folders for path in sorted(folder.glob("*.cue")))]
    files += [site] if site else []
    texts = [item for path in files for item in (display_key(path, library), read_text(path))]
    return cache.key(toolchain.cue(), *texts, code=__name__)


def display_key(path: Path, library: Library) -> str:
    """Name a file independently of where the checkout lies."""
    return str(path.relative_to(library.root)) if path.is_relative_to(library.root) else path.name


def _render(library: Library, folders: Sequence[Path], declaration: str, command: str) -> list[Output]:
    definitions = definition.load(library, folders)
    names: dict[tuple[str, str], definition.Definition] = {}
    for item in definitions:
        if (other := names.setdefault((item.type, item.name), item)) is not item:
            message = f"{item.type} {item.name} is also defined in {display(other.folder)}"
            file = display(item.folder / "definition.cue")
            raise SourceError([Finding(file, 1, 1, "definition", message)])
    compile_all(library, folders)
    sources, outputs = Sources(library), list[Output]()
    for item in definitions:
        try:
            bundle = sources.bundle(item.folder)
        except CueSyntaxError as error:
            raise SourceError([syntax_finding(item.folder, error)]) from error
        if declaration:
            bundle = bundle.with_site(declaration)
        source = item.folder.relative_to(library.root).as_posix()
        looked_at = (item.folder, *(path for path in bundle.sources if path.parent != item.folder))
        text = definition.render_cue(item, bundle, source, command)
        outputs.append(Output(Path(f"{item.stem}.cue"), text, looked_at))
        text = definition.render_yaml(item, bundle, source, command)
        outputs.append(Output(Path(f"{item.stem}.yaml"), text, looked_at, definition.size(item, bundle)))
    return outputs


def _schemas(library: Library, folders: Sequence[Path], *, whole: bool) -> list[Output]:
    """Return the JSON Schemas of definitions, and that of whole Applications where these are all of them."""
    definitions = definition.load(library, folders)
    try:
        made = schemas.render(Sources(library), definitions, COMMAND)
    except schema.ExportError as error:
        raise SourceError([Finding(display(error.path or library.cue), 0, 0, "schema", error.message)]) from error
    return [
        Output(Path(schema.FOLDER) / f"{name}.json", text, sources)
        for name, (text, sources) in made.items()
        if whole or name != schema.APPLICATION
    ]


def syntax_finding(folder: Path, error: CueSyntaxError) -> Finding:
    """Report what our reader does not understand, though ``cue`` does."""
    return Finding(display(error.path or folder), error.line, error.column, "syntax", error.message)


def compile_all(library: Library, folders: Sequence[Path] | None = None) -> None:
    """Let ``cue`` compile definitions, all or those of ``folders``, with a typed ``context``.

    Raises:
        SourceError: one does not compile; all errors of all definitions are in it.
    """

    def compile_one(folder: Path) -> list[Finding]:
        done = cue.run(["vet", "-c=false", "-E", f"./{folder.name}"], folder=library.cue)
        if done.ok:
            return []
        return cue.findings(cue.failure(done, library.cue), "cue", prefer=library.cue)

    found = [
        item
        for items in process.in_parallel(compile_one, library.folders() if folders is None else folders)
        for item in items
    ]
    if found:
        raise SourceError(sorted(set(found)))
