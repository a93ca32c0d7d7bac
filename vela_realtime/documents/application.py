"""Reading Applications: several in a file, YAML or JSON, each value with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from vela_realtime.documents.explain import RENDER_FIRST, explain
from vela_realtime.documents.loader import Loader, NotJsonError
from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.findings import Edit


Route: TypeAlias = "tuple[str | int, ...]"
"""The way to a value inside a document: ``("spec", "components", 0, "name")``."""

SUFFIXES = {".yaml", ".yml", ".json"}
STDIN = "<stdin>"

LISTS = {"List", "ApplicationList"}
"""The kinds that hold others: what ``kubectl get`` writes, and what the API server answers."""

OURS = re.compile(r"""\bkind["']?\s*:\s*["']?Application\b|core\.oam\.dev/""")
"""What a text that is about Applications has somewhere."""

_BEGINNING = re.compile(r"---(\s|$)")

_TAB = re.compile(r""" "(?:[^"\\]|\\.)*" | '[^']*' | \t """, re.VERBOSE)
"""A text in quotes, or else a tab."""


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

    def plain_word(self, path: Route) -> str:
        """Return a value as it is written where that is without quotes, else an empty text."""
        node = self.value_node(path)
        plain = getattr(node, "style", None) in {None, ""} and isinstance(getattr(node, "value", None), str)
        return str(node.value) if node is not None and plain else ""


def show_path(path: Route) -> str:
    """Write a path the way people do: ``spec.components[0].name``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def is_of_kubevela(document: Document) -> bool:
    """Tell KubeVela's Applications from those of others: Argo CD's kind has the same name, wasmCloud's all the rest."""
    version = document.data.get("apiVersion")
    if isinstance(version, str) and not version.startswith("core.oam.dev/") and "/" in version:
        return False
    return not _is_of_wasmcloud(document.data)


_WASMCLOUD_COMPONENTS = {"actor", "capability", "component"}
_WASMCLOUD_TRAITS = {"daemonscaler", "link", "linkdef", "spreadscaler"}
"""What wasmCloud's deployment manager, wadm, makes Applications of."""


def _is_of_wasmcloud(data: dict[str, Any]) -> bool:
    """Tell whether an Application has nothing but what wasmCloud knows, and more than the one word ``component``."""
    spec = data.get("spec")
    components = _dicts(spec.get("components")) if isinstance(spec, dict) else []
    types = {str(item.get("type")) for item in components}
    traits = {str(trait.get("type")) for item in components for trait in _dicts(item.get("traits"))}
    known = types <= _WASMCLOUD_COMPONENTS and traits <= _WASMCLOUD_TRAITS
    return known and bool(types) and types | traits != {"component"}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def parse(file: str, text: str) -> tuple[list[Document], list[Finding]]:
    """Return a file's documents, without empty ones, and what keeps it from being read.

    What follows a document that is no YAML is read too: whoever applies the file takes each for itself.
    """
    documents: list[Document] = []
    findings: list[Finding] = []
    text = text.removeprefix("\ufeff")
    if file.endswith(".json") or text.lstrip().startswith("{"):
        # YAML has no tabs between its tokens; JSON may. Columns stay as they are.
        text = _TAB.sub(lambda match: match[0] if match[0] != "\t" else " ", text)
    lines = text.split("\n")
    start = _read(file, lines, 0, documents, findings)
    while start is not None:
        faults: list[Finding] = []
        start = _read(file, lines, start, documents, faults)
        # Behind what is no YAML may be anything: the output of a program, say.
        findings += (fault for fault in faults if OURS.search(_around(lines, fault.line - 1)))
    return documents, findings


def _around(lines: list[str], line: int) -> str:
    """Return the text of the document that a line, counted from 0, belongs to."""
    first = next((number for number in range(line, 0, -1) if _BEGINNING.match(lines[number])), 0)
    return "\n".join(lines[first : _next_document(lines, line + 1)])


def _read(file: str, lines: list[str], start: int, documents: list[Document], findings: list[Finding]) -> int | None:
    """Read documents from a line on, counted from 0; return the line to go on with behind one that is no YAML."""
    place = (start + 1, 1)
    text = "\n" * start + "\n".join(lines[start:])
    loader = Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            place = (node.start_mark.line + 1, node.start_mark.column + 1)
            twice = list(_duplicates(file, node, set()))  # before << is written out
            data = loader.construct_document(node)
            if data is None:
                continue
            if not isinstance(data, dict):
                message = f"expected an object, found {_described(data)}"
                findings.append(Finding(file, *place, "yaml", message))
                continue
            findings += twice
            for item, part in _items(data, node):
                documents.append(Document(file, _body(lines, part), item, part, part.start_mark.line + 1))
    except RecursionError:
        findings.append(Finding(file, *place, "yaml", "lists or objects are nested too deeply"))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # PyYAML's own, from values that are not what their tag says: !!int x.
        if isinstance(error, NotJsonError):
            place = (error.mark.line + 1, error.mark.column + 1)
        findings.append(Finding(file, *place, "yaml", f"a value cannot be read: {error}"))
        return _next_document(lines, max(start + 1, place[0]))
    except yaml.YAMLError as error:
        fault = explain(file, text, error)
        findings.append(fault)
        if fault.hint != RENDER_FIRST:
            mark = getattr(error, "problem_mark", None)
            return _next_document(lines, max(start, place[0] - 1, mark.line - 1 if mark is not None else 0) + 1)
    finally:
        loader.dispose()
    return None


def _next_document(lines: list[str], start: int) -> int | None:
    """Return the first line, from one on, at which a document begins."""
    return next((number for number in range(start, len(lines)) if _BEGINNING.match(lines[number])), None)


def _items(data: dict[str, Any], node: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield what a document holds: itself, or what stands in a list, as kubectl and the API server write it."""
    inner = _child(node, "items")
    items = data.get("items")
    if data.get("kind") not in LISTS or not isinstance(inner, yaml.SequenceNode) or not isinstance(items, list):
        yield data, node
        return
    for item, part in zip(items, inner.value, strict=True):
        if isinstance(item, dict):
            yield item, part


_PROPERTIES = re.compile(r"(?:[&!][^\s]*\s+)*")


def scalar_start(line: str, node: Any) -> int:
    """Return the column, from 0, at which a scalar's text starts on its line: behind its anchor and its tag."""
    match = _PROPERTIES.match(line, node.start_mark.column)
    return match.end() if match else int(node.start_mark.column)


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
        for key, value in reversed(node.value):  # what << brings stands first, and does not count beside its own
            if key.value == step:
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        return None, node.value[step]
    return None, None


def _child(node: Any, step: str | int) -> Any:
    return _entry(node, step)[1]
