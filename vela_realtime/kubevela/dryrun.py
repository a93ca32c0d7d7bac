"""Rendering Applications through the real ``vela dry-run``, without a cluster."""

from __future__ import annotations

import json
import re
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime import cache, process
from vela_realtime.documents import dump, loader
from vela_realtime.documents.application import show_path
from vela_realtime.errors import SourceError, ToolError
from vela_realtime.files import write_text
from vela_realtime.kubevela import offline, targets, vela
from vela_realtime.kubevela.uses import Resolved, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

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
    left: tuple[Finding, ...] = ()
    """What of it cannot be rendered without a cluster."""

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
    answered: Mapping[int, Collection[Route]] | None = None,
    elsewhere: Callable[[Document], AbstractSet[str]] = lambda _: frozenset(),
    namespace: str = "",
    version: str | None = None,
    use_cache: bool = True,
    done: Callable[[], None] | None = None,
    then: Callable[[int, Outcome], None] | None = None,
) -> list[Outcome]:
    """Render several Applications at once; see ``render``. ``done`` is called after each.

    ``then`` is called with each one's number and outcome while others are rendered, in any thread.
    ``beside`` has the definitions that stand beside the Applications of a file, by the file's name; ``answered`` has
    the ways to components whose mistakes were accepted, by the document's number.
    """

    def one(pair: tuple[int, Document]) -> Outcome:
        number, document = pair
        outcome = render(
            document,
            catalog,
            beside=(beside or {}).get(document.file, ()),
            companions=companions,
            answered=(answered or {}).get(number, ()),
            elsewhere=elsewhere(document),
            namespace=namespace,
            version=version,
            use_cache=use_cache,
        )
        if then is not None:
            then(number, outcome)
        return outcome

    return process.in_parallel(one, list(enumerate(documents)), done=done)


def render(
    document: Document,
    catalog: Catalog,
    *,
    beside: Sequence[Found] = (),
    companions: Sequence[Document] = (),
    answered: Collection[Route] = (),
    elsewhere: AbstractSet[str] = frozenset(),
    namespace: str = "",
    version: str | None = None,
    use_cache: bool = True,
) -> Outcome:
    """Render one Application, or what of it can be rendered without a cluster.

    ``beside`` has the definitions that stand beside it, the nearest first; ``companions`` are the Policies and
    Workflows that it may refer to; ``answered`` has the ways to components whose mistakes were accepted, and
    ``elsewhere`` the types that others bring; ``namespace`` wins over its own; ``version`` is one of ``vela``'s that
    are pinned.

    Raises:
        ToolError: there is no ``vela``.
        InputError: a definition's file cannot be read.
    """
    started = time.monotonic()
    resolved = resolve(document, catalog, beside, elsewhere)
    wrong = [item for item in resolved.findings if item.path.partition(".type")[0] not in map(show_path, answered)]
    if wrong:
        return Outcome(document, (), tuple(wrong), time.monotonic() - started)
    planned = offline.plan(document, resolved, companions, answered)
    left = tuple(offline.notes(document, planned.left))
    if planned.nothing:
        return Outcome(document, (), (), time.monotonic() - started, left)
    definitions = _definitions(planned.data, resolved, catalog, beside)
    key = _key(
        dump.dump_all([planned.data, *([name, copy] for name, copy in planned.copies)]), definitions, namespace, version
    )

    def once(data: dict[str, Any], definitions: Sequence[Found]) -> list[vela.Rendered]:
        found: list[vela.Rendered] = []
        for run in targets.runs(data, planned.namespaces):
            text = dump.dump(run.data)
            rendered = vela.parse_dry_run(_dry_run(document, text, definitions, run.namespace or namespace, version))
            found += [item for item in rendered if item.topology not in run.left_out]
        return found

    def produce() -> str:
        found = once(planned.data, definitions) if planned.data["spec"]["components"] else []
        for name, copy in planned.copies:
            found += _copy(name, copy, once, definitions)
        return json.dumps([item.to_dict() for item in found])

    try:
        data = json.loads(cache.cached("renders", key, produce, enabled=use_cache))
    except SourceError as error:
        return Outcome(document, (), error.findings, time.monotonic() - started, left, key)
    except ToolError as error:
        # It is said of this Application: what was found in the others must not be lost over it.
        finding = document.finding((), "dry-run", f"could not be rendered: {error.message}", error.hint)
        return Outcome(document, (), (finding,), time.monotonic() - started, left, key)
    return Outcome(document, tuple(vela.Rendered(**item) for item in data), (), time.monotonic() - started, left, key)


def _copy(
    key: str,
    data: dict[str, Any],
    render: Callable[[dict[str, Any], Sequence[Found]], list[vela.Rendered]],
    definitions: Sequence[Found],
) -> list[vela.Rendered]:
    """Render the copy of a component that has a key: ``vela`` cannot be told it, so the definitions are."""
    name = data["spec"]["components"][0]["name"]
    found = [item for item in render(data, [_keyed(item, key) for item in definitions]) if item.component == name]
    for item in found:
        item.object.setdefault("metadata", {}).setdefault("labels", {})[vela.REPLICA_KEY] = key
    return found


def _keyed(definition: Found, key: str) -> Found:
    """Return a definition for which ``context.replicaKey`` is a key."""
    written = json.dumps(key, ensure_ascii=False)
    if not offline.REPLICA_KEY.search(definition.text):
        return definition
    if definition.suffix == ".cue":
        return replace(definition, text=offline.REPLICA_KEY.sub(lambda _: written, definition.text))
    data = loader.load(definition.text)
    try:
        cue = data["spec"]["schematic"]["cue"]
        cue["template"] = offline.REPLICA_KEY.sub(lambda _: written, cue["template"])
    except (KeyError, TypeError):  # it is no template that has the key
        return definition
    return replace(definition, text=dump.dump(data))


def _definitions(data: dict[str, Any], resolved: Resolved, catalog: Catalog, beside: Sequence[Found]) -> list[Found]:
    """Return the definitions that ``vela`` looks for: those that are named, and those that policies bring."""
    found = dict(resolved.definitions)
    wanted = []
    for policy in data["spec"]["policies"]:
        if policy["type"] in {"env-binding", "envbinding"}:
            wanted.append(("workflow-step", "deploy2env"))  # KubeVela makes a step of it where there is no workflow
        components = policy.get("properties", {}).get("components") if policy["type"] == "override" else None
        for component in components if isinstance(components, list) else []:
            traits = component.get("traits") if isinstance(component, dict) else None
            names = [str(trait.get("type")) for trait in traits or () if isinstance(trait, dict)]
            wanted += [("trait", name.partition("@")[0]) for name in names]
    for kind, name in wanted:
        if (kind, name) not in found and (item := catalog.find(kind, name, beside)) is not None:
            found[kind, name] = item
    return [item for item in found.values() if item.renderable]


def _key(
    text: str,
    definitions: Sequence[Found],
    namespace: str,
    version: str | None,
) -> str:
    """Return a hash of everything that a rendering depends on."""
    from vela_realtime import toolchain

    program = toolchain.vela(version)
    state = program.stat()
    parts: list[object] = [program, state.st_size, state.st_mtime_ns, namespace, text]
    parts += sorted(f"{item.type}/{item.name}{item.suffix}\n{item.text}" for item in definitions)
    return cache.key(*parts, code=__name__)


def _dry_run(
    document: Document,
    text: str,
    definitions: Sequence[Found],
    namespace: str,
    version: str | None,
) -> str:
    """Run ``vela`` in a folder of its own: it reads one object a file, and stumbles over what it does not know."""
    with tempfile.TemporaryDirectory(prefix="vela-realtime-") as temporary:
        folder = Path(temporary)
        arguments: list[str | Path] = ["dry-run", "--offline", "-d", folder / "definitions"]
        (folder / "definitions").mkdir()
        for number, item in enumerate(definitions):
            # A name may be no name for a file: it comes from whoever wrote the definition.
            write_text(folder / "definitions" / f"{number}{item.suffix}", item.text)
        write_text(folder / "application.yaml", text)
        arguments += ["-f", folder / "application.yaml"]
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
            if message == vela.MISSING:
                yield document.finding((*base, "properties", *route), "missing-property", f"{shown} {message}")
                continue
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
