"""A definition's template, cut down to what says something about its parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime.cue import syntax
from vela_realtime.cue.syntax.scanner import Scanner, Token
from vela_realtime.cue.syntax.tree import Binary, Field, Ident, Struct, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.cue.syntax.tree import Expr

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
    texts, used = _declarations(source), dict[str, set[str]]()
    for item in source.declarations:
        if isinstance(item, Field) and item.label.name:
            used.setdefault(item.label.name, set()).update(syntax.free(item))
    todo, reached = list(template.roots), list[str]()
    while todo:
        name = todo.pop()
        if name not in reached and name in texts:
            reached.append(name)
            todo += sorted(used[name])
    names = {name for item in reached for name in used[item]}
    imports = sorted({item.path for item in source.imports if item.name in names})
    parts = [f'import "{path}"\n' for path in imports]
    if "context" in names and "context" not in texts:
        parts.append(_CONTEXT)
    for name in sorted(reached):
        parts += [text.replace("parameter:", "#parameter:", 1) if name == "parameter" else text for text in texts[name]]
    known = set(reached) | PREDECLARED | {item.name for item in source.imports if item.name in names}
    tokens, _ = Scanner(source.text).scan()
    for name in reached:
        for expression in template.values[name]:
            for node in walk(expression):
                if isinstance(node, Field) and node.label.pattern and node.label.expr is not None:
                    _note_pattern(template, node, node.label.expr, tokens, known)
    for number, pattern in enumerate(template.patterns.values()):
        parts.append(f"#K{number}: {pattern.key}\n#V{number}: {pattern.value}\n")
    template.numbers = {key: number for number, key in enumerate(template.patterns)}
    template.text = "\n".join(parts)


def _note_pattern(template: Template, node: Field, key: Expr, tokens: list[Token], known: set[str]) -> None:
    if {item.name for part in (key, node.value) for item in walk(part) if isinstance(item, Ident)} <= known:
        text = template.source.text
        template.patterns[id(node)] = Pattern(_expression(text, tokens, key), _expression(text, tokens, node.value))


def _declarations(source: syntax.Source) -> dict[str, list[str]]:
    """Return the text of every top-level declaration by name, the comment above it included."""
    lines = source.text.split("\n")
    texts: dict[str, list[str]] = {}
    for item in source.declarations:
        if isinstance(item, Field) and item.label.name:
            own = source.lines(item)
            start = min(own) - 1
            while start and lines[start - 1].lstrip().startswith("//"):
                start -= 1
            texts.setdefault(item.label.name, []).append("\n".join(lines[start : max(own)]) + "\n")
    return texts


def _expression(text: str, tokens: list[Token], expression: Expr) -> str:
    """Return the text of an expression, up to the comma, line end or bracket behind it."""
    lines = text.split("\n")
    at = _first(expression).at
    start = sum(len(line) + 1 for line in lines[: at.line - 1]) + at.column - 1
    depth = 0
    for token in tokens:
        if token.offset < start:
            continue
        if token.kind == "end" or (token.kind == "op" and not depth and token.text in {",", "}", "]", ")"}):
            return text[start : token.offset].strip()
        if token.kind == "op":
            depth += {"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}.get(token.text, 0)
    return text[start:].strip()


def _first(expression: Expr) -> Expr:
    match expression:
        case Binary(left=left):
            return _first(left)
        case Struct(declarations=(Field() as only,)) if only.at == expression.at:
            return expression
    return expression
