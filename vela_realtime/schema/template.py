"""A definition's template, cut down to what says something about its parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vela_realtime.cue import syntax
from vela_realtime.cue.syntax.scanner import Scanner, Token
from vela_realtime.cue.syntax.tree import Binary, Comprehension, Field, Ident, Struct, is_definition, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vela_realtime.cue.syntax.tree import Declaration, Expr, Position

NOWHERE = Path("template")

# Names that CUE has without anyone declaring them.
PREDECLARED = {
    "string", "bytes", "bool", "int", "float", "number", "null", "true", "false", "_", "uint", "rune",
    "int8", "int16", "int32", "int64", "int128", "uint8", "uint16", "uint32", "uint64", "uint128",
    "float32", "float64", "or", "and", "len", "close", "div", "mod", "quo", "rem",
}  # fmt: skip

CONTEXT_VALUE = "$(context."
"""What a default that comes from ``context`` begins with: it is known only when an Application is rendered."""

_CONTEXT = "let context = {{{}}}\n".format(
    ", ".join(f'{name}: "{CONTEXT_VALUE}{name})"' for name in ("name", "namespace", "appName", "appRevision"))
)


@dataclass(frozen=True)
class Pattern:
    """The text of ``[key]: value`` in a struct, each as a CUE expression."""

    key: str
    value: str


@dataclass
class Template:
    """A template's top-level declarations, by name.

    ``roots`` are the names whose unification is the whole of what is asked of parameters: the type of
    ``parameter``, and every definition that the template unifies with it.
    """

    source: syntax.Source
    roots: tuple[str, ...]
    values: dict[str, list[Expr]]
    patterns: dict[int, Pattern] = field(default_factory=dict)
    """The pattern fields, by the identity of their tree."""

    text: str = ""
    """CUE that has the roots, and nothing else than what they need. Pattern number N is in #K{N} and #V{N}."""

    numbers: dict[int, int] = field(default_factory=dict)
    """The number of each pattern field, by the identity of its tree."""

    guarded: dict[int, int] = field(default_factory=dict)
    """The number of each field that an ``if`` stands before, by the identity of its tree: number N is in #G{N}."""


def body(text: str) -> str:
    """Return the template inside a definition in KubeVela's own form, with the imports above it.

    Raises:
        CueSyntaxError: the text is not CUE.
    """
    source = syntax.parse(NOWHERE, text)
    templates = list(source.fields("template"))
    if not templates:
        return text
    lines = text.split("\n")
    start = templates[0].at.line
    later = [item.at.line - 1 for item in source.declarations if item.at.line > start]
    end = later[0] if later else len(lines)
    while end > start and lines[end - 1].strip() != "}":
        end -= 1
    imports = [lines[number - 1] for number in sorted(source.preamble)]
    return "\n".join([*imports, *lines[start : end - 1]]) + "\n"


def read(text: str) -> Template | None:
    """Read a template; None where it has no ``parameter``.

    Raises:
        CueSyntaxError: the text is not CUE.
    """
    source = syntax.parse(NOWHERE, text)
    values: dict[str, list[Expr]] = {}
    for item in source.declarations:
        if isinstance(item, Field) and item.label.name:
            values.setdefault(item.label.name, []).append(item.value)
    if "parameter" not in values:
        return None
    roots = list(_conjuncts(values["parameter"][0])) or ["parameter"]
    for name, expressions in values.items():
        if name != "parameter":
            for expression in expressions:
                names = list(_conjuncts(expression))
                if "parameter" in names:
                    roots += [item for item in names if item != "parameter" and item in values]
    template = Template(source, tuple(dict.fromkeys(roots)), values)
    _cut(template)
    return template


def _conjuncts(expression: Expr) -> Iterator[str]:
    """Yield the names of ``#A & #B``; nothing where anything else is in it."""
    match expression:
        case Ident(name=name):
            yield name
        case Binary(op="&", left=left, right=right):
            yield from _conjuncts(left)
            yield from _conjuncts(right)


def _cut(template: Template) -> None:
    """Set the template's text, patterns and numbers."""
    source = template.source
    own = {item.label.name for item in source.declarations if isinstance(item, Field) and item.label.name}
    used: dict[str, set[str]] = {}
    for item in source.declarations:
        if isinstance(item, Field) and item.label.name:
            used.setdefault(item.label.name, set()).update(syntax.free(item))
    todo, reached = list(template.roots), list[str]()
    while todo:
        name = todo.pop()
        if name not in reached and name in own:
            reached.append(name)
            todo += sorted(used[name])
    nodes = [node for name in reached for expression in template.values[name] for node in walk(expression)]
    text = _Text(source.text, [node for node in nodes if isinstance(node, Struct)])
    parts = []
    for name, pieces in sorted(_declarations(source, text).items()):
        if name in reached:
            # All as definitions: of a plain field, cue exports nothing before all of its values are known.
            mark = "" if is_definition(name) else "#"
            parts += [re.sub(rf"^{name}:", f"{mark}{name}:", piece, count=1, flags=re.MULTILINE) for piece in pieces]
    names = {name for item in reached for name in used[item]}
    known = set(reached) | PREDECLARED | {item.name for item in source.imports if item.name in names}
    for node in nodes:
        if isinstance(node, Field) and node.label.pattern and node.label.expr is not None:
            if _refers(node.label.expr, node.value) <= known:
                template.patterns[id(node)] = Pattern(text.of(node.label.expr), text.of(node.value))
        elif isinstance(node, Comprehension):
            parts += _guarded(template, node, text, known)
    for number, pattern in enumerate(template.patterns.values()):
        parts.append(f"#K{number}: {pattern.key}\n#V{number}: {pattern.value}\n")
    template.numbers = {key: number for number, key in enumerate(template.patterns)}
    # What nothing refers to any more, cue refuses to know.
    left = names & set(_names(Scanner("\n".join(parts)).scan()[0]))
    head = [f'import "{path}"\n' for path in sorted({item.path for item in source.imports if item.name in left})]
    if "context" in left and "context" not in own:
        head.append(_CONTEXT)
    head += [f"let {name} = #{name}\n" for name in sorted(reached) if name in left and not is_definition(name)]
    template.text = "\n".join([*head, *parts])


def _names(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        if token.kind == "name":
            yield token.text
        for inner in token.inner:
            yield from _names(inner)


def _guarded(template: Template, node: Comprehension, text: _Text, known: set[str]) -> Iterator[str]:
    """Number the fields of a comprehension, and yield the text of each: they stand nowhere else."""
    for item in node.body.declarations:
        if isinstance(item, Field) and item.label.name and _refers(item.value) <= known:
            number = template.guarded[id(item)] = len(template.guarded)
            about = "".join(f"// {line}\n" for line in item.doc)
            yield f"{about}#G{number}: {text.of(item.value)}\n"


def _refers(*parts: Expr) -> set[str]:
    return {item.name for part in parts for item in walk(part) if isinstance(item, Ident)}


class _Text:
    """The text of a template, from which every ``if`` is taken: cue exports none whose condition is not known."""

    def __init__(self, text: str, structs: Iterable[Struct]) -> None:
        self._text = text
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._tokens, _ = Scanner(text).scan()
        found = {self._range(item) for struct in structs for item in struct.declarations if _is_if(item)}
        self._cuts = sorted(found)

    def lines(self, first: int, last: int) -> str:
        """Return some lines, counted from 1, with what is left of them."""
        ends = [*self._lines, len(self._text)]
        return self._piece(ends[first - 1], ends[min(last, len(self._lines))])

    def of(self, expression: Expr) -> str:
        """Return the text of an expression, up to the comma, line end or bracket behind it."""
        start = self._offset(_first(expression).at)
        return self._piece(start, self._end(start, closing=False)).strip()

    def _range(self, item: Any) -> tuple[int, int]:
        return self._offset(item.at), self._end(self._offset(item.body.at), closing=True)

    def _offset(self, at: Position) -> int:
        return self._lines[at.line - 1] + at.column - 1

    def _end(self, start: int, *, closing: bool) -> int:
        """Return where what begins somewhere ends: with the bracket that closes it, or before what comes behind it."""
        depth = 0
        for token in self._tokens:
            if token.offset < start:
                continue
            if token.kind == "end" or (token.kind == "op" and not depth and token.text in {",", "}", "]", ")"}):
                return token.offset
            if token.kind == "op":
                depth += {"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}.get(token.text, 0)
                if closing and not depth:
                    return token.offset + 1
        return len(self._text)

    def _piece(self, start: int, end: int) -> str:
        parts, done = [], start
        for first, last in self._cuts:
            if first < done or last > end:
                continue
            # A field of its own, for the commas around it, on as many lines.
            parts += [self._text[done:first], "_if: _", "\n" * self._text.count("\n", first, last)]
            done = last
        return "".join([*parts, self._text[done:end]])


def _is_if(item: Declaration) -> bool:
    return isinstance(item, Comprehension) and all(clause.kind == "if" for clause in item.clauses)


def _declarations(source: syntax.Source, text: _Text) -> dict[str, list[str]]:
    """Return the text of every top-level declaration by name, the comment above it included."""
    lines = source.text.split("\n")
    texts: dict[str, list[str]] = {}
    for item in source.declarations:
        if isinstance(item, Field) and item.label.name:
            own = source.lines(item)
            start = min(own) - 1
            while start and lines[start - 1].lstrip().startswith("//"):
                start -= 1
            texts.setdefault(item.label.name, []).append(text.lines(start + 1, max(own)) + "\n")
    return texts


def _first(expression: Expr) -> Expr:
    match expression:
        case Binary(left=left):
            return _first(left)
        case Struct(declarations=(Field() as only,)) if only.at == expression.at:
            return expression
    return expression
