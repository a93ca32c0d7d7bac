"""Fixtures of definitions: parameter sets that must render, and some that must fail with a certain message.

A file below ``tests/fixtures/<definition>/valid`` or ``.../invalid`` is a YAML list of cases. Each is rendered
in two ways that must agree: through the CUE package, which takes milliseconds, and through ``vela dry-run``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from vela_realtime import cue
from vela_realtime.documents import application, dump
from vela_realtime.documents.loader import Loader
from vela_realtime.errors import InputError
from vela_realtime.files import display, read_text
from vela_realtime.kubevela import catalog
from vela_realtime.library import METADATA_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vela_realtime.kubevela.dryrun import Outcome
    from vela_realtime.library import Library

_KEYS = {
    "name",
    "properties",
    "component",
    "application",
    "namespace",
    "siblings",
    "traits",
    "workload",
    "output",
    "error",
    "vela",
}


@dataclass(frozen=True)
class Case:
    """One parameter set of a definition.

    ``properties`` are the component's, or the trait's where the definition is a trait; then ``workload`` is the
    component that carries it, and ``output`` what the trait finds there, where that is more than an image.
    ``error`` must be part of what ``cue`` says of an invalid one, ``vela`` of what
    ``vela`` says where that has other words.
    """

    definition: str
    name: str
    file: Path
    line: int
    properties: dict[str, Any]
    component: str = "under-test"
    application: str = "app"
    namespace: str = "default"
    siblings: list[dict[str, Any]] = field(default_factory=list)
    traits: list[dict[str, Any]] = field(default_factory=list)
    workload: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    vela: str = ""

    @property
    def valid(self) -> bool:
        """Whether the case must render."""
        return not self.error


def load(library: Library, definition: str) -> list[Case]:
    """Return the cases of a definition in the order of their files.

    Raises:
        InputError: a file is no list of cases, or two cases have one name.
    """
    cases: list[Case] = []
    for verdict in ("valid", "invalid"):
        for path in sorted((library.fixtures / definition / verdict).glob("*.yaml")):
            cases += read(path, read_text(path), definition, valid=verdict == "valid")
    names: dict[str, Case] = {}
    for case in cases:
        if (other := names.setdefault(case.name, case)) is not case:
            raise InputError(
                f"{display(case.file)}:{case.line}: case {case.name} is also in {display(other.file)}:{other.line}",
                "give it a name of its own",
            )
    return cases


def read(path: Path, text: str, definition: str, *, valid: bool) -> Iterator[Case]:
    """Yield the cases in the text of a file.

    Raises:
        InputError: it is no list of cases.
    """
    import yaml

    loader = Loader(text)
    try:
        node = loader.get_single_node()
        data = loader.construct_document(node) if node is not None else []
    except yaml.YAMLError as error:
        raise InputError(f"{display(path)}: {' '.join(str(error).split())}") from error
    if not isinstance(data, list):
        raise InputError(f"{display(path)} must be a list of cases")
    for item, place in zip(data, node.value if node is not None else [], strict=True):
        line = place.start_mark.line + 1
        here = f"{display(path)}:{line}"
        if not isinstance(item, dict) or not isinstance(item.get("properties"), dict) or not item.get("name"):
            raise InputError(f"{here}: a case needs a name and properties")
        if unknown := sorted(set(item) - _KEYS):
            raise InputError(f"{here}: a case has no {', '.join(unknown)}; it has {', '.join(sorted(_KEYS))}")
        if valid == bool(item.get("error")):
            raise InputError(f"{here}: a case has an error exactly when it is in a folder named invalid")
        yield Case(definition=definition, file=path, line=line, **item)


def components(case: Case, kind: str) -> list[dict[str, Any]]:
    """Return the components of the case's Application: the one under test, then its siblings."""
    component: dict[str, Any]
    if kind == "trait":
        workload = case.workload or {"type": "webservice", "properties": {"image": "example.com/app:1"}}
        trait = {"type": case.definition, "properties": case.properties}
        component = {"name": case.component, **workload, "traits": [trait, *case.traits]}
    else:
        component = {"name": case.component, "type": case.definition, "properties": case.properties}
        if case.traits:
            component["traits"] = case.traits
    return [component, *case.siblings]


def package_input(case: Case, kind: str, library: Library | None = None, version: str | None = None) -> dict[str, Any]:
    """Return what KubeVela would put beside the template: ``context`` and ``parameter``.

    A trait on a component of the ``library`` finds there what that component renders.
    """
    context: dict[str, Any] = {
        "name": case.component,
        "namespace": case.namespace,
        "appName": case.application,
        "appRevision": "",
        "appRevisionNum": 0,
        "revision": "",
        "components": components(case, kind),
    }
    if kind == "trait":
        context["componentType"] = context["components"][0]["type"]
        context["output"] = case.output or _webservice(case)
        known = library is not None and (library.cue / context["componentType"] / METADATA_FILE).is_file()
        if library is not None and known and case.workload and not case.output:
            name, properties = context["componentType"], case.workload["properties"]
            carrier = replace(case, definition=name, properties=properties, traits=[], workload={})
            rendered = dict(render_package(library, name, carrier, "component", version).objects)
            context["output"] = rendered.pop("output", {})
            context["outputs"] = {key.removeprefix("outputs."): value for key, value in rendered.items()}
    # The API server keeps the fields of a custom resource sorted by name, and vela sorts those it reads from a file.
    parameter = json.loads(json.dumps(case.properties, sort_keys=True))
    return {"context": context, "parameter": parameter}


def _webservice(case: Case) -> dict[str, Any]:
    """Return what KubeVela's webservice makes of an image alone."""
    labels = {"app.oam.dev/component": case.component}
    container = {"name": case.component, "image": "example.com/app:1"}
    pod_labels = {**labels, "app.oam.dev/name": case.application}
    template = {"metadata": {"labels": pod_labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


@dataclass(frozen=True)
class PackageResult:
    """What the CUE package makes of a case.

    ``objects`` has the main object under ``output``, the others under ``outputs.<key>``, a trait's patch under
    ``patch``. Where there are ``problems`` it is empty.
    """

    objects: dict[str, Any]
    problems: tuple[cue.Problem, ...]


def render_package(
    library: Library,
    folder: str,
    case: Case,
    kind: str,
    version: str | None = None,
    *,
    site: Mapping[str, Any] | None = None,
) -> PackageResult:
    """Render a case by ``cue export`` of the definition's package; ``folder`` is its name below ``cue/``.

    ``site`` is what a build with a site file would add.

    Raises:
        ToolError: there is no such ``cue``.
    """
    text = json.dumps(package_input(case, kind, library, version) | ({"site": site} if site else {}))
    return _result(library, ["export", f"./{folder}", "json:", "-"], text, version)


def render_template(
    library: Library, template: str, case: Case, kind: str, version: str | None = None
) -> PackageResult:
    """Render a case by ``cue export`` of a bundle's text, put together with the case as KubeVela does.

    It is what ``vela`` by itself evaluates, on CUE's newer evaluator and in a fraction of the time.

    Raises:
        ToolError: there is no such ``cue``.
    """
    given = package_input(case, kind, library, version)
    declarations = "".join(f"{key}: {json.dumps(value)}\n" for key, value in given.items())
    return _result(library, ["export", "-"], f"{template}\n{declarations}", version)


def _result(library: Library, arguments: Sequence[str], stdin: str, version: str | None) -> PackageResult:
    done = cue.run(arguments, folder=library.cue, stdin=stdin, version=version)
    if not done.ok:
        return PackageResult({}, tuple(cue.failure(done, library.cue)))
    data = cue.answer(done)
    objects = {key: data[key] for key in ("output", "patch", "patchOutputs") if key in data}
    objects |= {f"outputs.{key}": value for key, value in (data.get("outputs") or {}).items()}
    return PackageResult(objects, ())


def application_text(case: Case, kind: str) -> str:
    """Return the case as an Application."""
    return dump.dump(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": case.application, "namespace": case.namespace},
            "spec": {"components": components(case, kind)},
        }
    )


def render_vela(
    case: Case,
    kind: str,
    definition: Path,
    source: Path | None,
    version: str | None = None,
    *,
    use_cache: bool = True,
) -> Outcome:
    """Render a case by ``vela dry-run`` of a built definition.

    Siblings get a stand-in for a definition: templates see them, but what they render is not under test.

    Raises:
        ToolError: there is no such ``vela``.
    """
    from vela_realtime.kubevela import dryrun
    from vela_realtime.kubevela.builtins import Builtins

    (document,), _ = application.parse(display(case.file), application_text(case, kind))
    siblings = {sibling["type"] for sibling in case.siblings}
    first = [*catalog.read_file(definition), *(stand_in(name) for name in sorted(siblings))]
    carrier = definition.with_name(f"{case.workload.get('type', '')}{definition.suffix}")
    if kind == "trait" and carrier.is_file():
        first += catalog.read_file(carrier)
    known = catalog.Catalog(first, None, Builtins(version or ""), source)
    return dryrun.render(document, known, version=version, use_cache=use_cache)


def stand_in(type_name: str) -> catalog.Found:
    """Return a component definition that takes anything and renders next to nothing."""
    name, _, version = type_name.partition("@")
    text = (
        f'{json.dumps(name)}: {{\n\ttype: "component"\n\tannotations: {{}}\n\tlabels: {{}}\n'
        '\tattributes: workload: type: "autodetects.core.oam.dev"\n}\n'
        "template: {\n\tparameter: {...}\n"
        '\toutput: {apiVersion: "v1", kind: "ConfigMap", metadata: name: context.name}\n}\n'
    )
    return catalog.Found("component", name, version.removeprefix("v"), text, ".cue", "a stand-in")


def with_additions(result: PackageResult, case: Case, type_name: str, *, trait: bool = False) -> dict[str, Any]:
    """Return a component's objects as KubeVela hands them on: with its labels, and what it fills in.

    It adds nothing else: ``assemble.go`` and ``appfile.go`` of its ``pkg/controller`` set these labels, an empty
    ``annotations``, and the namespace and the main object's name where they are missing.
    """
    added = {}
    for key, value in result.objects.items():
        if key in {"patch", "patchOutputs"}:
            continue
        labels = {
            "app.oam.dev/appRevision": "",
            "app.oam.dev/component": case.component,
            "app.oam.dev/name": case.application,
            "app.oam.dev/namespace": case.namespace,
        }
        if key == "output":
            labels |= {"app.oam.dev/resourceType": "WORKLOAD", "workload.oam.dev/type": type_name}
        else:
            labels |= {
                "app.oam.dev/resourceType": "TRAIT",
                "trait.oam.dev/resource": key.removeprefix("outputs."),
                "trait.oam.dev/type": type_name if trait else "AuxiliaryWorkload",
            }
        metadata = dict(value.get("metadata", {}))
        if key == "output":
            metadata.setdefault("name", case.component)
        metadata.setdefault("namespace", case.namespace)
        metadata["labels"] = {**metadata.get("labels", {}), **labels}
        metadata.setdefault("annotations", {})
        added[key] = {**value, "metadata": metadata}
    return added


def by_key(outcome: Outcome, component: str) -> dict[str, Any]:
    """Return the objects of one component of a dry-run under the keys that ``PackageResult`` has."""
    objects = {}
    for item in outcome.objects:
        if item.component != component:
            continue
        key = "output"
        if item.origin != "workload":
            key = "outputs." + item.object["metadata"]["labels"]["trait.oam.dev/resource"]
        objects[key] = item.object
    return objects


def folder_of(library: Library, definition: str) -> Path:
    """Return the source folder that a definition's fixtures belong to: the one of that name.

    Raises:
        InputError: there is none.
    """
    folder = library.cue / definition
    if not (folder / METADATA_FILE).is_file():
        raise InputError(f"tests/fixtures/{definition} belongs to no definition: there is no {display(folder)}")
    return folder
