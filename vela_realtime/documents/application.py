"""Reading Applications: several in a file, YAML or JSON, each value with its place."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from vela_realtime.documents.explain import explain
from vela_realtime.errors import InputError
from vela_realtime.files import display, read_text
from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vela_realtime.findings import Edit

Route: TypeAlias = "tuple[str | int, ...]"
"""The way to a value inside a document: ``("spec", "components", 0, "name")``."""

SUFFIXES = {".yaml", ".yml", ".json"}
STDIN = "<stdin>"

_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(_BaseLoader):  # type: ignore[misc]
    """YAML as Kubernetes reads it: dates stay text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _BaseLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Document:
    """One YAML document: what it says, its own text, and where each value stands in the file."""

    file: str
    text: str
    data: dict[str, Any]
    node: Any
    first_line: int
    """The line of the file that ``text`` starts at, counted from 1."""

    @property
    def kind(self) -> str:
        """The object's kind, empty where it has none."""
        return str(self.data.get("kind", ""))

    @property
    def name(self) -> str:
        """The object's name, empty where it has none."""
        metadata = self.data.get("metadata")
        return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""

    def value_node(self, path: Route) -> Any:
        """Return the YAML node at a path, None where there is none."""
        node = self.node
        for step in path:
            node = _child(node, step)
            if node is None:
                return None
        return node

    def locate(self, path: Route) -> tuple[int, int]:
        """Return line and column of a path; of what comes nearest to it where the document does not have it.

        A mapping's key is shown rather than its value: that is what a reader looks for.
        """
        node, mark = self.node, self.node.start_mark
        for step in path:
            key, child = _entry(node, step)
            if child is None:
                break
            mark = key.start_mark if key is not None else child.start_mark
            node = child
        return mark.line + 1, mark.column + 1

    def finding(
        self,
        path: Route,
        rule: str,
        message: str,
        hint: str = "",
        *,
        at_value: bool = False,
        severity: Severity = Severity.ERROR,
        edit: Edit | None = None,
    ) -> Finding:
        """Return a finding about a key, or about its value where ``at_value`` says so and it is on that line."""
        line, column = self.locate(path)
        node = self.value_node(path) if at_value else None
        if node is not None and (node.start_mark.line + 1 == line or isinstance(path[-1], int)):
            line, column = node.start_mark.line + 1, node.start_mark.column + 1
        return Finding(self.file, line, column, rule, message, severity, show_path(path), hint, edit)

    def replace_scalars(self, changes: dict[Route, str]) -> str:
        """Return the document's text with some scalars replaced; everything else stays as it was written."""
        lines = self.text.split("\n")
        nodes = [(self.value_node(path), value) for path, value in changes.items()]
        for node, value in sorted(nodes, key=lambda pair: (pair[0].start_mark.line, pair[0].start_mark.column))[::-1]:
            start, end = node.start_mark, node.end_mark
            row = start.line - (self.first_line - 1)
            lines[row] = lines[row][: start.column] + value + lines[row][end.column :]
        return "\n".join(lines)


@dataclass(frozen=True)
class Loaded:
    """The Applications of some files, the Policies and Workflows beside them, and what is wrong with the files."""

    applications: list[Document]
    companions: list[Document]
    findings: list[Finding]


def show_path(path: Route) -> str:
    """Write a path the way people do: ``spec.components[0].name``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def load(sources: Sequence[str]) -> Loaded:
    """Read files, folders and ``-`` for standard input.

    Raises:
        InputError: a file cannot be read, or there is no Application in any of them.
    """
    applications: list[Document] = []
    companions: list[Document] = []
    findings: list[Finding] = []
    for file, text in _texts(sources):
        documents, faults = parse(file, text)
        findings += faults
        for document in documents:
            if document.kind == "Application" and is_of_kubevela(document):
                faults = list(structure(document))
                findings += faults
                if not faults:
                    applications.append(document)
            elif document.kind in {"Policy", "Workflow"}:
                companions.append(document)
    if not applications and not findings:
        raise InputError(
            f"no Application found in {', '.join(sources)}", "an Application is a document with `kind: Application`"
        )
    return Loaded(applications, companions, findings)


def is_of_kubevela(document: Document) -> bool:
    """Tell KubeVela's Applications from those of others: Argo CD's kind has the same name."""
    version = document.data.get("apiVersion")
    return not isinstance(version, str) or version.startswith("core.oam.dev/") or "/" not in version


def _texts(sources: Sequence[str]) -> Iterator[tuple[str, str]]:
    for source in sources:
        if source == "-":
            try:
                yield STDIN, sys.stdin.buffer.read().decode("utf-8")
            except UnicodeDecodeError as error:
                raise InputError("standard input is not UTF-8 text") from error
            continue
        path = Path(source)
        if path.is_dir():
            files = sorted(item for item in path.rglob("*") if item.suffix in SUFFIXES and item.is_file())
            if not files:
                raise InputError(f"no YAML or JSON file in {display(path)}")
            for item in files:
                yield display(item), read_text(item)
        else:
            yield display(path), read_text(path)


def parse(file: str, text: str) -> tuple[list[Document], list[Finding]]:
    """Return a file's documents, without empty ones, and what keeps it from being read."""
    documents: list[Document] = []
    findings: list[Finding] = []
    if file.endswith(".json"):
        text = text.expandtabs(2)  # YAML has no tabs between its tokens; JSON may
    text = text.removeprefix("\ufeff")
    lines, place = text.split("\n"), (1, 1)
    loader = Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            place = (node.start_mark.line + 1, node.start_mark.column + 1)
            data = loader.construct_document(node)
            if data is None:
                continue
            if not isinstance(data, dict):
                message = f"expected an object, found {_described(data)}"
                findings.append(Finding(file, *place, "yaml", message))
                continue
            findings += _duplicates(file, node, set())
            body = _body(lines, node)
            documents.append(Document(file, body, data, node, place[0]))
    except RecursionError:
        findings.append(Finding(file, *place, "yaml", "lists or objects are nested too deeply"))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # PyYAML's own, from values that are not what their tag says: !!int x.
        findings.append(Finding(file, *place, "yaml", f"a value cannot be read: {error}"))
    except yaml.YAMLError as error:
        findings.append(explain(file, text, error))
    finally:
        loader.dispose()
    return documents, findings


def _described(data: object) -> str:
    if isinstance(data, list):
        return "a list"
    return "a text" if isinstance(data, str) else repr(data)


def _body(lines: list[str], node: Any) -> str:
    start, end = node.start_mark, node.end_mark
    rows = lines[start.line : end.line + (1 if end.column else 0)]
    if start.column and rows:  # --- {kind: Application}
        rows[0] = " " * start.column + rows[0][start.column :]
    return "\n".join(rows) + "\n"


def _duplicates(file: str, node: Any, looked_at: set[int]) -> Iterator[Finding]:
    """Report keys that a mapping has twice: parsers keep one of them without a word.

    What aliases lead to is looked at once.
    """
    if id(node) in looked_at:
        return
    looked_at.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            mark = key.start_mark
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    message = f"{key.value} is given twice, first on line {seen[key.value]}"
                    yield Finding(file, mark.line + 1, mark.column + 1, "yaml", message)
                seen.setdefault(key.value, mark.line + 1)
            yield from _duplicates(file, value, looked_at)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicates(file, item, looked_at)


def _entry(node: Any, step: str | int) -> tuple[Any, Any]:
    """Return key node and value node of one step; the key is None inside a list."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        return None, node.value[step]
    return None, None


def _child(node: Any, step: str | int) -> Any:
    return _entry(node, step)[1]


def structure(document: Document) -> Iterator[Finding]:
    """Report what keeps an Application from being one, before any type is looked at."""
    if not document.name:
        yield document.finding(("metadata", "name"), "application", "metadata.name is missing")
    spec = document.data.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    components = spec.get("components")
    if not isinstance(components, list) or not components:
        yield document.finding(("spec", "components"), "application", "spec.components must be a list of components")
        return
    yield from _items(document, ("spec", "components"), components, ("name", "type"))
    for index, component in enumerate(components):
        traits: object = component.get("traits") if isinstance(component, dict) else None
        if traits is not None:
            path: Route = ("spec", "components", index, "traits")
            yield from _items(document, path, traits, ("type",))
    yield from _items(document, ("spec", "policies"), spec.get("policies") or [], ("name", "type"))
    workflow: object = spec.get("workflow")
    steps = workflow.get("steps") if isinstance(workflow, dict) else None
    yield from _items(document, ("spec", "workflow", "steps"), steps or [], ("type",))


def _items(document: Document, path: Route, items: Any, required: tuple[str, ...]) -> Iterator[Finding]:
    if not isinstance(items, list):
        yield document.finding(path, "application", f"{show_path(path)} must be a list")
        return
    for index, item in enumerate(items):
        here = (*path, index)
        if not isinstance(item, dict):
            yield document.finding(here, "application", f"{show_path(here)} must be an object")
            continue
        for key in required:
            if item.get(key) in (None, ""):
                yield document.finding((*here, key), "application", f"{show_path(here)}.{key} is missing")
            elif not isinstance(item[key], str):
                yield document.finding((*here, key), "application", f"{show_path(here)}.{key} must be a text")
        properties = item.get("properties")
        if properties is not None and not isinstance(properties, dict):
            at = (*here, "properties")
            yield document.finding(at, "application", f"{show_path(at)} must be an object")


def completed(document: Document) -> Document | None:
    """Return an Application with an empty text for each name and type that ``structure`` misses.

    What comes after can look at all the rest: places stay as they are. A part whose form is wrong has no type either.
    None where there are no components at all.
    """
    spec = document.data.get("spec")
    components = spec.get("components") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(components, list) or not components:
        return None
    workflow = spec.get("workflow")
    whole = {
        **spec,
        "components": [
            {**item, "traits": _whole(item.get("traits"), ("type",))} for item in _whole(components, ("name", "type"))
        ],
        "policies": _whole(spec.get("policies"), ("name", "type")),
        "workflow": {"steps": _whole(workflow.get("steps") if isinstance(workflow, dict) else None, ("type",))},
    }
    metadata = document.data.get("metadata")
    data = {**document.data, "metadata": metadata if isinstance(metadata, dict) else {}, "spec": whole}
    return replace(document, data=data)


def _whole(items: Any, required: tuple[str, ...]) -> list[dict[str, Any]]:
    whole: list[dict[str, Any]] = []
    for item in items if isinstance(items, list) else []:
        given = item if isinstance(item, dict) else {}
        part = {**given, **{key: given[key] if isinstance(given.get(key), str) else "" for key in required}}
        properties = given.get("properties")
        if properties is not None and not isinstance(properties, dict):
            part.update(type="", properties=None)
        whole.append(part)
    return whole
