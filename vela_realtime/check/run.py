"""The layers one after another, over any number of Applications."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime import cache
from vela_realtime.check import companions as referring
from vela_realtime.check import envelope, external, form, links, policies, properties
from vela_realtime.check.links.landscape import SERVICE, Landscape
from vela_realtime.check.links.neighbours import Neighbours
from vela_realtime.documents import collect, fix
from vela_realtime.documents.application import show_path
from vela_realtime.errors import InputError
from vela_realtime.files import write_text
from vela_realtime.findings import Finding, Severity, ignore, rules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from vela_realtime.check.objects.custom import Custom
    from vela_realtime.check.previous import Previous
    from vela_realtime.documents.application import Document, Route
    from vela_realtime.kubevela.catalog import Catalog, Found
    from vela_realtime.kubevela.dryrun import Outcome
    from vela_realtime.kubevela.uses import Use
    from vela_realtime.schema.store import Store

LATER_LAYERS = {"Render", "Objects"}
"""The layers that only an Application without errors comes to, and none without ``vela``."""

MOST_ROUNDS = 20
"""How often files are mended and looked at again: one mistake can hide another. More than that is no mending."""


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    ``external`` has what is elsewhere, as ``platform/name``, ``secret/name`` or ``topic/name``; ``profile`` is
    ``baseline`` or ``restricted`` for all objects, or empty: restricted for the library's definitions, else baseline.
    """

    render: bool = True
    namespace: str = ""
    external: frozenset[str] = frozenset()
    profile: str = ""
    kubernetes_version: str = ""
    kubevela_version: str = ""
    custom: Custom | None = None
    previous: Previous | None = None
    """What the Applications were, for what must not change; None where that is not asked."""

    use_cache: bool = True


@dataclass
class Result:
    """What was found, in the order of files and lines, and how many Applications were looked at."""

    findings: list[Finding] = field(default_factory=list)
    applications: int = 0
    fixed: dict[str, int] = field(default_factory=dict)
    """The number of changes by file, where files were to be mended."""


@dataclass
class _Checked:
    """One Application on its way through the layers."""

    document: Document
    findings: list[Finding] = field(default_factory=list)
    external: frozenset[str] = frozenset()
    definitions: Mapping[tuple[str, str], Found] = field(default_factory=dict)
    landscape: Landscape | None = None
    neighbours: Neighbours | None = None
    rendered: bool = False
    counted: bool = True
    """Whether it is an Application, or wants to be one."""

    beside: list[_Checked] = field(default_factory=list)
    """The Policies and Workflows that it refers to."""

    def broken(self, kept: AbstractSet[Finding]) -> bool:
        """Tell whether it has errors that nobody accepted, or what it refers to has."""
        own = any(finding.severity is Severity.ERROR for finding in self.findings if finding in kept)
        return own or any(item.broken(kept) for item in self.beside)

    def answered(self, kept: AbstractSet[Finding]) -> set[Route]:
        """Return the ways to the components that have errors which were accepted."""
        paths = {found.path for found in self.findings if found.severity is Severity.ERROR and found not in kept}
        routes: list[Route] = [
            ("spec", "components", index) for index in range(len(self.document.data["spec"]["components"]))
        ]
        return {route for route in routes if any(f"{path}.".startswith(f"{show_path(route)}.") for path in paths)}


def check(
    sources: Sequence[str],
    catalog: Catalog,
    schemas: Store,
    options: Options,
    *,
    mend: bool = False,
    allow_none: bool = False,
) -> Result:
    """Check Applications. With ``mend``, write what is unambiguous into their files first.

    With ``allow_none``, files need not have any: those that are not about Applications are passed over.

    Raises:
        InputError: a file cannot be read or written, none has an Application and one must be there, or mending does
            not come to an end: the files are then as they were.
        ToolError: ``vela`` is missing, and something is to be rendered.
    """
    read, checked = _first_layers(sources, catalog, schemas, options, allow_none)
    fixed: dict[str, int] = {}
    if mend:
        before = read.texts
        read, checked = _mended(read, checked, lambda: _first_layers(sources, catalog, schemas, options, allow_none))
        counts = {file: fix.changes(text, read.texts[file]) for file, text in before.items() if file in read.texts}
        fixed = {file: count for file, count in counts.items() if count}
    found = list(read.findings)
    if options.previous is not None:
        found += options.previous.unread()
    if options.render:
        found += _render(read, checked, catalog, options)
    found += [finding for item in checked for finding in item.findings]
    own = options.custom.names() if options.custom else ()
    later = frozenset({name for name, rule in rules.RULES.items() if rule.layer in LATER_LAYERS} | {*own})
    # What a comment says of a change is nothing that the next run could find again.
    changes = frozenset(name for name, rule in rules.RULES.items() if rule.layer == "Change")
    open_rules = dict.fromkeys(read.texts, changes)
    open_rules |= {item.document.file: later | changes for item in checked if not item.rendered}
    kept = ignore.apply(dict.fromkeys(found), read.texts, [*rules.RULES, *own], open_rules)
    order = {file: number for number, file in enumerate(read.texts)}
    kept.sort(key=lambda finding: (order.get(finding.file, 0), finding.line, finding.column, finding.rule))
    return Result(kept, sum(item.counted for item in checked), fixed)


def _mended(
    read: collect.Files, checked: list[_Checked], again: Callable[[], tuple[collect.Files, list[_Checked]]]
) -> tuple[collect.Files, list[_Checked]]:
    """Write what is unambiguous into the files, and look at them again, until there is nothing left to write."""
    before, seen = read.texts, [read.texts]
    while done := fix.apply((finding for item in checked for finding in item.findings), read.texts):
        read, checked = again()
        if read.texts in seen or len(seen) > MOST_ROUNDS:
            for file in {file for texts in (before, read.texts) for file in texts} & set(before):
                if read.texts.get(file) != before[file]:
                    write_text(Path(file), before[file])
            raise InputError(
                f"--fix does not come to an end in {', '.join(done)}: one change leads to another that undoes it",
                "nothing was changed; run without --fix, and mend it by hand",
            )
        seen.append(read.texts)
    return read, checked


def _first_layers(
    sources: Sequence[str], catalog: Catalog, schemas: Store, options: Options, allow_none: bool
) -> tuple[collect.Files, list[_Checked]]:
    from vela_realtime.kubevela import uses as names
    from vela_realtime.kubevela.catalog import KUBEVELA, beside

    read = collect.read(sources, allow_none=allow_none)
    near = beside(read.documents)
    companions = [document for document in read.documents if envelope.is_companion(document)]
    checked = []
    for document in read.documents:
        if not form.is_application(document):
            misspelt = list(form.misspelt_kind(document))
            if misspelt:
                checked.append(_Checked(document, misspelt))
            continue
        item = _Checked(document, form.check(document))
        checked.append(item)
        item.document = document = envelope.conformed(document, envelope.schema_of("Application"))
        item.findings += form.names(document, companions)
        item.external = options.external | external.declared(document)
        resolved = names.resolve(document, catalog, near[document.file], item.external)
        item.definitions = resolved.definitions
        item.findings += [*resolved.findings, *names.deprecated(document, resolved)]
        faults = list(properties.check(document, resolved.uses, item.definitions, schemas))
        item.findings += [*faults, *policies.check(document, resolved)]
        item.findings += _changed(item, schemas, options)
        service = item.definitions.get(("component", SERVICE))
        item.landscape = Landscape(
            document,
            options.external,
            chosen=options.namespace,
            services=service is not None and service.source != KUBEVELA,
            broken=_broken(faults, resolved.uses),
        )
    checked += _companions(checked, companions, catalog, near, schemas)
    if not checked and not read.findings and not allow_none:
        raise collect.none_found(sources)
    _link(read, checked)
    return read, checked


def _companions(
    checked: Sequence[_Checked],
    companions: Sequence[Document],
    catalog: Catalog,
    near: Mapping[str, list[Found]],
    schemas: Store,
) -> list[_Checked]:
    """Look at the Policies and Workflows beside Applications that these refer to."""
    applications = {id(item.document): item for item in checked if item.landscape is not None}
    policies = {item.name for item in companions if item.kind == "Policy"}
    found = []
    for document, by in referring.referred([item.document for item in applications.values()], companions):
        elsewhere = frozenset[str]().union(*(applications[id(one)].external for one in by))
        known = (catalog, near[document.file], elsewhere)
        item = _Checked(document, list(referring.check(document, by, policies, known, schemas)), counted=False)
        found.append(item)
        for one in by:
            applications[id(one)].beside.append(item)
    return found


def _changed(item: _Checked, schemas: Store, options: Options) -> list[Finding]:
    """Return what an Application changes that must not change."""
    before = options.previous.of(item.document, options.namespace) if options.previous is not None else None
    if before is None:
        return []
    from vela_realtime.check.previous import parameters

    return list(parameters.check(item.document, before, item.definitions, schemas, use_cache=options.use_cache))


def _broken(faults: Sequence[Finding], uses: Sequence[Use]) -> frozenset[Route]:
    """Return the ways to the parts of an Application whose properties have errors."""
    errors = [fault.path for fault in faults if fault.severity is Severity.ERROR]
    routes = [use.route[:-1] for use in uses]
    return frozenset(route for route in routes if any(path.startswith(show_path(route)) for path in errors))


def _link(read: collect.Files, checked: Sequence[_Checked]) -> None:
    secrets = frozenset(document.name for document in read.documents if document.kind == "Secret")
    neighbours = Neighbours([item.landscape for item in checked if item.landscape is not None], secrets)
    for item in checked:
        if item.landscape is not None:
            item.neighbours = neighbours
            item.findings += links.check(item.landscape, neighbours)


def _render(read: collect.Files, checked: Sequence[_Checked], catalog: Catalog, options: Options) -> list[Finding]:
    """Render what has no errors, look at its objects, and return what is said of a change to them."""
    said = [found for item in checked for found in item.findings]
    own = options.custom.names() if options.custom else ()
    kept = frozenset(ignore.apply(said, read.texts, [*rules.RULES, *own], {}))
    ready = [item for item in checked if item.landscape is not None and not item.broken(kept)]
    outside = {id(item.document): item.external for item in ready}
    shared = _shared(read, options)

    def look(number: int, outcome: Outcome) -> None:
        item = ready[number]
        item.rendered = outcome.ok and not outcome.left
        item.findings += outcome.left
        item.findings += _explained(outcome, item) if not outcome.ok else _objects(outcome, item, shared, options)

    outcomes = _rendered(
        [item.document for item in ready],
        read.documents,
        lambda document: outside[id(document)],
        catalog,
        options,
        answered={number: item.answered(kept) for number, item in enumerate(ready)},
        then=look,
    )
    return _changes(options.previous, checked, outcomes, catalog, options) if options.previous is not None else []


def _rendered(
    applications: Sequence[Document],
    documents: Sequence[Document],
    elsewhere: Callable[[Document], AbstractSet[str]],
    catalog: Catalog,
    options: Options,
    *,
    answered: Mapping[int, Collection[Route]] | None = None,
    then: Callable[[int, Outcome], None] | None = None,
) -> list[Outcome]:
    """Render Applications; ``documents`` are all that stood beside them, for the rest see ``dryrun.render_all``."""
    from vela_realtime.kubevela import dryrun
    from vela_realtime.kubevela.catalog import beside

    return dryrun.render_all(
        applications,
        catalog,
        beside=beside(documents),
        companions=envelope.companions(documents),
        answered=answered,
        elsewhere=elsewhere,
        namespace=options.namespace,
        version=options.kubevela_version or None,
        use_cache=options.use_cache,
        then=then,
    )


def _changes(
    previous: Previous, checked: Sequence[_Checked], outcomes: Sequence[Outcome], catalog: Catalog, options: Options
) -> list[Finding]:
    """Render what the Applications were, and return what becomes of the objects that are there."""
    from vela_realtime.check.previous import objects, state

    def known_as(document: Document) -> state.Key:
        return state.key(document, options.namespace)

    now = {known_as(outcome.document): outcome for outcome in outcomes if outcome.ok}
    there = {known_as(item.document) for item in checked if item.landscape is not None}
    gone = {key for key in previous.applications if key not in there} if previous.complete else set()
    before = [document for key, document in previous.applications.items() if key in now or key in gone]
    rendered = _rendered(
        before,
        previous.documents,
        lambda document: options.external | external.declared(document),
        catalog,
        options,
    )
    pairs = [objects.Pair(outcome, now.get(known_as(outcome.document))) for outcome in rendered]
    return list(objects.check(pairs, list(now.values())))


def _explained(outcome: Outcome, item: _Checked) -> list[Finding]:
    from vela_realtime.check import render

    return render.explain(outcome, item.definitions)


@dataclass(frozen=True)
class _Shared:
    """What the objects of all Applications are held against: the objects beside them, and the rest as a text."""

    beside: Sequence[dict[str, Any]]
    state: str


def _shared(read: collect.Files, options: Options) -> _Shared:
    from vela_realtime.check.objects import run as rendered_objects

    beside = rendered_objects.beside(read.documents)
    custom = options.custom.state() if options.custom else ""
    state = [beside, options.profile, options.kubernetes_version, custom]
    return _Shared(beside, json.dumps(state, sort_keys=True, default=str))


def _objects(outcome: Outcome, item: _Checked, shared: _Shared, options: Options) -> list[Finding]:
    from vela_realtime.check.objects import idle
    from vela_realtime.check.objects import run as rendered_objects

    mentioned = set(rendered_objects.strings([rendered.object for rendered in outcome.objects]))
    external = frozenset[str]()
    if item.landscape is not None and item.neighbours is not None:
        external = item.neighbours.elsewhere(item.landscape, mentioned)
    reported = [found for found in item.findings if found.rule == "unknown-secret"]
    external |= {f"secret/{_secret(finding)}" for finding in reported}

    def produce() -> str:
        notes = _notes(outcome, item, shared.beside, external, options)
        return json.dumps([note.to_dict() for note in notes])

    key = cache.key(outcome.key, shared.state, sorted(external), code=__name__)
    text = cache.cached("checks", key, produce, enabled=options.use_cache)
    notes = [rendered_objects.Note(**data) for data in json.loads(text)]
    unused = idle.check(item.document, outcome.objects, lambda component, origin: _definition(item, component, origin))
    return [*rendered_objects.placed(item.document, notes), *unused]


def _secret(finding: Finding) -> str:
    return str(json.loads(finding.message[finding.message.index('"') :]))


def _notes(
    outcome: Outcome,
    item: _Checked,
    beside: Sequence[dict[str, Any]],
    external: frozenset[str],
    options: Options,
) -> list[Any]:
    from vela_realtime.check import objects
    from vela_realtime.check.objects import outputs
    from vela_realtime.check.objects import run as rendered_objects
    from vela_realtime.kubernetes.schemas import DEFAULT_VERSION, of_version

    schemas = of_version(options.kubernetes_version or DEFAULT_VERSION)
    rules = [*objects.RULES, *(options.custom.rules if options.custom else ())]
    notes: list[Any] = []
    # With several topologies, every object is rendered once for each of them.
    for topology in dict.fromkeys(rendered.topology for rendered in outcome.objects):
        rendered = [one for one in outcome.objects if one.topology == topology]
        sources = [_definition(item, one.component, one.origin) for one in rendered]
        profiles = [options.profile or _profile(source) for source in sources]
        old = [_says_of_versions(source) for source in sources]
        found = objects.Objects([one.object for one in rendered], beside, external, profiles)
        notes += [*rendered_objects.check(rendered, found, schemas, rules, old), *outputs.twice(rendered, sources)]
    return list(dict.fromkeys(notes))


def _says_of_versions(definition: Found | None) -> Severity | None:
    """Return how bad an API version is that is gone, None where the definition chooses it by the cluster's version.

    Without a cluster such a one chooses the oldest. Of what KubeVela calls deprecated it is nothing that the
    Application could mend but by another type.
    """
    if definition is None:
        return Severity.ERROR
    if "clusterVersion" in definition.text:
        return None
    return Severity.WARNING if definition.deprecated else Severity.ERROR


def _definition(item: _Checked, component: str, origin: str) -> Found | None:
    """Return the definition that an object comes from."""
    kind, name = "trait", origin.removeprefix("trait ")
    if not origin.startswith("trait "):
        kind, name = "component", ""
        for entry in item.document.data["spec"]["components"]:
            if entry["name"] == component:
                name = entry["type"].partition("@")[0]
    return item.definitions.get((kind, name))


def _profile(definition: Found | None) -> str:
    """Return what is asked of a definition's objects: of the library's, which promise it, more than of others."""
    ours = definition is not None and definition.library and not definition.optional
    return "restricted" if ours else "baseline"
