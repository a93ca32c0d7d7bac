"""The defaults of a definition's parameters: what holds where an Application says nothing.

Each stands once, in ``parameter.cue`` or in the library's parameters that it embeds. Elsewhere a default is needed
where nothing fills it in: of a component beside this one, which shows only what its author wrote, and of a struct that
was left out. For those a build writes ``cue/defaults_gen.cue``, which declares ``#RealtimePlatformDefaults``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vela_realtime import cache
from vela_realtime.cue.syntax.tree import (
    Binary,
    Embedding,
    Field,
    Ident,
    ListLiteral,
    Literal,
    Rest,
    Struct,
    Text,
    Unary,
)
from vela_realtime.cue.syntax.tree import named as top_level
from vela_realtime.files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from vela_realtime.cue.syntax.tree import Expr, Position, Source
    from vela_realtime.library import Library

FILE = "defaults_gen.cue"


@dataclass(frozen=True)
class Default:
    """One default: its path, ``("kafkaConfig", "partitions")``, its value, and the place of the value.

    ``choices`` are the literals beside it. ``needs`` is the beginning of the path that an Application has to give for
    the default to count: an optional struct, or a list, whose elements then have it, as ``in_list`` says.
    """

    path: tuple[str, ...]
    value: Any
    source: Source
    at: Position
    choices: tuple[Any, ...] = ()
    needs: tuple[str, ...] = ()
    in_list: bool = False


def of(own: Sequence[Source], shared: Sequence[Source]) -> list[Default]:
    """Return the defaults of ``#Parameter`` as ``own`` declares it, in the order of the text.

    A default that is no plain literal is left out.
    """
    walk = _Walk(top_level([*own, *shared]))
    for source in own:
        for field in source.fields("#Parameter"):
            walk.value(field.value, source, (), ())
    return list({item.path: item for item in walk.found}.values())


class _Walk:
    def __init__(self, known: dict[str, list[tuple[Source, Field]]]) -> None:
        self.known = known
        self.found: list[Default] = []

    def value(
        self, expr: Expr, source: Source, path: tuple[str, ...], needs: tuple[str, ...], in_list: bool = False
    ) -> None:
        match expr:
            case Struct(declarations=declarations):
                for declaration in declarations:
                    match declaration:
                        case Embedding(expr=inner):
                            self.value(inner, source, path, needs, in_list)
                        case Field(label=label, value=value, marker=marker) if label.name and label.name[0] not in "#_":
                            here = (*path, label.name)
                            self.value(value, source, here, here if marker == "?" else needs, in_list)
            case Ident(name=name) if name in self.known and name.startswith("#"):
                for other, field in self.known[name]:
                    self.value(field.value, other, path, needs, in_list)
            case ListLiteral(elements=elements):
                for element in elements:
                    if isinstance(element, Rest) and element.expr is not None:
                        self.value(element.expr, source, path, path, True)
            case Binary(op="|" | "&"):
                items = list(alternatives(expr))
                literals = tuple(value for item in items for value in literal(item))
                for item in items:
                    for value in literal(item.operand) if isinstance(item, Unary) and item.op == "*" else ():
                        self.found.append(Default(path, value, source, item.at, literals, needs, in_list))
                    self.value(item, source, path, needs, in_list)


def alternatives(expr: Expr) -> Iterator[Expr]:
    """Yield the alternatives of a disjunction, each with its default mark; of anything else, itself."""
    if isinstance(expr, Binary) and expr.op in {"|", "&"}:
        yield from alternatives(expr.left)
        yield from alternatives(expr.right)
    else:
        yield expr


def literal(expr: Expr) -> Iterator[Any]:
    """Yield the value of a number or a plain text; of anything else, nothing."""
    match expr:
        case Literal(text=text) if text != "_|_":
            yield json.loads(text.replace("_", ""))
        case Text(value=str(text)):
            yield text


def name(folder: str) -> str:
    """Return the definition that has a definition's defaults: ``#IotBrokerDefaults`` for ``iot-broker``."""
    return "#" + "".join(word[:1].upper() + word[1:] for word in folder.split("-")) + "Defaults"


_USED = re.compile(r"(#\w+Defaults)((?:\.\w+)+)")


def render(library: Library, *, use_cache: bool = True) -> dict[Path, tuple[str, tuple[Path, ...]]]:
    """Return ``defaults_gen.cue``: its text, with the defaults that some file refers to, and what it is made from.

    Raises:
        InputError: a file cannot be read.
        CueSyntaxError: a file that is needed is not CUE.
    """
    paths = [path for path in [*library.shared_files(), *sorted(library.cue.glob("*/*.cue"))] if path.name != FILE]
    files = {path.relative_to(library.root).as_posix(): read_text(path) for path in paths}
    used = {found for text in files.values() for found in _USED.findall(text)}
    folders = [folder for folder in library.folders() if any(name(folder.name) == one for one, _ in used)]
    if not folders:
        return {}
    # Most builds change nothing of it, and to read all files as CUE takes longer than all else that they do.
    key = cache.key(*(item for pair in files.items() for item in pair), code=__name__)
    text = cache.cached("defaults", key, lambda: _text(library, folders, used), enabled=use_cache)
    return {library.cue / FILE: (text, tuple(folder / "parameter.cue" for folder in folders))}


def _text(library: Library, folders: Sequence[Path], used: AbstractSet[tuple[str, str]]) -> str:
    from vela_realtime.library.bundle import Sources

    sources = Sources(library)
    shared = [sources.read(path) for path in library.shared_files() if path.name != FILE]
    texts = [
        "// Generated from parameter.cue by `vela-realtime build`; edit that file of the definition instead.\n"
        "package realtime\n"
    ]
    for folder in folders:
        texts.append(f"// {name(folder.name)} is what holds where nothing is said.\n")
        # Apart from each other, or the formatter would align them.
        for item in of(sources.own(folder), shared):
            if (name(folder.name), "." + ".".join(item.path)) in used:
                value = json.dumps(item.value, ensure_ascii=False)
                texts.append(f"{name(folder.name)}: {': '.join(item.path)}: {value}\n")
    return "\n".join(texts).replace("said.\n\n", "said.\n")
