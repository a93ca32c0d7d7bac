"""Rendering Applications through the real ``vela dry-run``, without a cluster."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime import __version__, process
from vela_realtime.cache import cached
from vela_realtime.errors import SourceError
from vela_realtime.files import write_text
from vela_realtime.kubevela import vela
from vela_realtime.kubevela.uses import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vela_realtime.cue import Problem
    from vela_realtime.documents.application import Document, Route
    from vela_realtime.findings import Finding
    from vela_realtime.kubevela.catalog import Catalog, Found


@dataclass(frozen=True)
class Outcome:
    """What became of one Application: its objects, or what kept it from being rendered."""

    document: Document
    objects: tuple[vela.Rendered, ...]
    findings: tuple[Finding, ...]
    seconds: float
    key: str = ""
    """A hash of everything that the rendering depends on."""

    @property
    def ok(self) -> bool:
        """Whether it was rendered."""
        return not self.findings


def render_all(
    documents: Sequence[Document],
    catalog: Catalog,
    *,
    beside: Mapping[str, Sequence[Found]] | None = None,
    companions: Sequence[Document] = (),
    namespace: str = "",
    version: str | None = None,
    use_cache: bool = True,
    done: Callable[[], None] | None = None,
) -> list[Outcome]:
    """Render several Applications at once; see ``render``. ``done`` is called after each.

    ``beside`` has the definitions that stand beside the Applications of a file, by the file's name.
    """

    def one(document: Document) -> Outcome:
        return render(
            document,
            catalog,
            beside=(beside or {}).get(document.file, ()),
            companions=companions,
            namespace=namespace,
            version=version,
            use_cache=use_cache,
        )

    return process.in_parallel(one, documents, done=done)


def render(
    document: Document,
    catalog: Catalog,
    *,
    beside: Sequence[Found] = (),
    companions: Sequence[Document] = (),
    namespace: str = "",
    version: str | None = None,
    use_cache: bool = True,
) -> Outcome:
    """Render one Application.

    ``beside`` has the definitions that stand beside it, the nearest first; ``companions`` are the Policies and
    Workflows that it may refer to; ``namespace`` wins over its own; ``version`` is one of ``vela``'s that are pinned.

    Raises:
        ToolError: there is no ``vela``, or it does not finish.
        InputError: a definition's file cannot be read.
    """
    started = time.monotonic()
    resolved = resolve(document, catalog, beside)
    uses, definitions = resolved.uses, resolved.definitions
    if resolved.findings:
        return Outcome(document, (), tuple(resolved.findings), time.monotonic() - started)

    # Offline, vela knows no versions: a type has to be a plain name.
    text = document.replace_scalars({use.route: use.name for use in uses if use.version})
    key = _key(text, companions, definitions.values(), namespace, version)

    def produce() -> str:
        stdout = _dry_run(document, text, companions, definitions.values(), namespace, version)
        return json.dumps([item.to_dict() for item in vela.parse_dry_run(stdout)])

    try:
        data = json.loads(cached("renders", key, produce, enabled=use_cache))
    except SourceError as error:
        return Outcome(document, (), error.findings, time.monotonic() - started, key)
    return Outcome(document, tuple(vela.Rendered(**item) for item in data), (), time.monotonic() - started, key)


def _key(
    text: str,
    companions: Sequence[Document],
    definitions: Iterator[Found] | Any,
    namespace: str,
    version: str | None,
) -> str:
    """Return a hash of everything that a rendering depends on."""
    from vela_realtime import toolchain

    program = toolchain.vela(version)
    state = program.stat()
    parts = [__version__, str(program), str(state.st_size), str(state.st_mtime_ns), namespace, text]
    parts += [Path(module).read_text(encoding="utf-8") for module in (__file__, vela.__file__)]
    parts += [companion.text for companion in companions]
    parts += sorted(f"{item.type}/{item.name}{item.suffix}\n{item.text}" for item in definitions)
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(f"{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def _dry_run(
    document: Document,
    text: str,
    companions: Sequence[Document],
    definitions: Any,
    namespace: str,
    version: str | None,
) -> str:
    """Run ``vela`` in a folder of its own: it reads one object a file, and stumbles over what it does not know."""
    with tempfile.TemporaryDirectory(prefix="vela-realtime-") as temporary:
        folder = Path(temporary)
        arguments: list[str | Path] = ["dry-run", "--offline", "-d", folder / "definitions"]
        (folder / "definitions").mkdir()
        for item in (item for item in definitions if item.renderable):
            write_text(folder / "definitions" / f"{item.type}-{item.name}{item.suffix}", item.text)
        for number, content in enumerate([text, *(companion.text for companion in companions)]):
            file = folder / f"object-{number}.yaml"
            write_text(file, content)
            arguments += ["-f", file]
        if namespace:
            arguments += ["-n", namespace]
        done = vela.run(arguments, version=version)
    if not done.ok:
        raise SourceError(list(dict.fromkeys(explain(document, vela.failure(done.stderr)))))
    return done.stdout


def explain(document: Document, failure: vela.Failure) -> Iterator[Finding]:
    """Turn what ``vela`` says into findings about the Application's own lines."""
    base = _failing_part(document, failure)
    for problem in failure.problems:
        route, message = _property(problem)
        if problem.rule:
            yield document.finding((*base, "properties"), "dry-run", problem.rule)
        elif route:
            shown = ".".join(str(step) for step in route)
            yield document.finding((*base, "properties", *route), "dry-run", f"{shown}: {message}")
        else:
            yield document.finding((*base, "type") if base else (), "dry-run", problem.text)


def _failing_part(document: Document, failure: vela.Failure) -> Route:
    for index, component in enumerate(document.data["spec"]["components"]):
        if component["name"] != failure.component:
            continue
        for number, trait in enumerate(component.get("traits") or []):
            if failure.trait and trait["type"].partition("@")[0] == failure.trait:
                return ("spec", "components", index, "traits", number)
        return ("spec", "components", index)
    return ()


# The template checks parameters under these names: KubeVela's own, and the one where bounds are applied.
_PARAMETER_ROOTS = {"parameter", "strict", "_strict", "#Parameter", "#Strict"}
_STEP = re.compile(r'"((?:[^"\\]|\\.)*)"|\[(\d+)\]|([^.\[\]"]+)')


def _property(problem: Problem) -> tuple[Route, str]:
    """Return the way to a property inside ``properties``, empty where the problem is about something else."""
    steps: list[str | int] = []
    for quoted, index, plain in _STEP.findall(problem.path):
        if index or plain.isdigit():
            steps.append(int(index or plain))
        else:
            steps.append(quoted or plain)
    if not steps or steps[0] not in _PARAMETER_ROOTS:
        return (), problem.message
    return tuple(steps[1:]), problem.message
