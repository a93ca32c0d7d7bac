"""Pictures by Graphviz: what it is told, and running it."""

from __future__ import annotations

import shutil
from html import escape
from typing import TYPE_CHECKING

from vela_realtime import process
from vela_realtime.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.graph.model import Edge, Graph, Node

_GROUP = 'labeljust=l; style="rounded,filled"; color="#c5cede"; fillcolor="#f4f6fa"'

TIMEOUT = 60.0
"""Seconds for one picture; the largest platform takes about one."""

_HEADER = """\
digraph {
  graph [rankdir=LR, compound=true, newrank=true, nodesep=0.18, ranksep=1.1, pad=0.4, fontsize=15, labelloc=t,
    fontname="Helvetica,Arial,sans-serif", bgcolor=transparent, tooltip=" "]
  node [shape=box, style="rounded,filled", fillcolor="#ffffff", color="#5b6b82", fontname="Helvetica,Arial,sans-serif",
    fontsize=11, margin="0.14,0.08"]
  edge [color="#7c8aa0", fontname="Helvetica,Arial,sans-serif", fontsize=9, fontcolor="#4a5870", arrowsize=0.7]
"""


def dot(graph: Graph) -> str:
    """Return a picture in Graphviz' language: https://graphviz.org/doc/info/lang.html."""
    identifiers = {node.key: f"n{number}" for number, node in enumerate(graph.nodes)}
    outside = {node.key for node in graph.nodes if node.outside}
    title = "\n".join([graph.title, *graph.missing])
    lines = [_HEADER.rstrip("\n"), f"  label={_quoted(title)}"]
    for number, group in enumerate(graph.groups):
        members = graph.of(group)
        if members:
            lines += [
                f"  subgraph cluster_{number} {{",
                f"    label={_quoted(group)}; {_GROUP}",
                *(f"    {line}" for node in members for line in _node(identifiers[node.key], node)),
                "  }",
            ]
    for node in graph.nodes:
        if node.outside:
            lines += [f"  {line}" for line in _node(identifiers[node.key], node)]
    for number, edge in enumerate(graph.edges):
        lines.append("  " + _edge(number, identifiers, edge, edge.source in outside or edge.target in outside))
    return "\n".join([*lines, "}", ""])


def svg(graph: Graph) -> str:
    """Return a picture as SVG, each thing in it with the identifier that ``dot`` gives: ``n0``, ``e0``.

    Raises:
        ToolError: Graphviz is not there, or fails.
    """
    program = shutil.which("dot")
    if program is None:
        raise ToolError(
            "the program dot of Graphviz is not on PATH, and it lays out the picture",
            "install it: apt-get install graphviz, brew install graphviz; a file that ends with .mmd needs none",
        )
    done = process.run([program, "-Tsvg"], stdin=dot(graph), timeout=TIMEOUT)
    start = done.stdout.find("<svg")
    if not done.ok or start < 0:
        said = done.stderr.strip().splitlines()
        raise ToolError(f"dot could not draw the picture: {said[0] if said else 'it says nothing'}")
    return done.stdout[start:]


def _node(identifier: str, node: Node) -> Iterator[str]:
    if node.outside:
        yield f'{identifier} [id={identifier}, label={_quoted(_folded(node.name))}, shape=box, style="dashed,rounded"]'
        return
    rows = [f"<b>{escape(node.name)}</b>", *(f'<font point-size="9">{escape(text)}</font>' for text in _small(node))]
    look = ', style="rounded,filled,dashed", fillcolor="#fbfbfd", fontcolor="#66748c"' if node.once else ""
    yield f"{identifier} [id={identifier}, label=<{'<br/>'.join(rows)}>{look}, tooltip={_quoted(node.key)}]"


def _small(node: Node) -> list[str]:
    return [node.kind, *node.details]


def _edge(number: int, identifiers: dict[str, str], edge: Edge, outward: bool) -> str:
    look = ', style=dashed, color="#a9b4c6"' if outward else ""
    if edge.entrance:
        look = ', color="#c2410c", fontcolor="#c2410c", penwidth=2'
    ends = f"{identifiers[edge.source]} -> {identifiers[edge.target]}"
    shown = _quoted(f"{edge.source} to {edge.target}: {edge.label}")
    return f"{ends} [id=e{number}, label={_quoted(edge.label)}, tooltip={shown}, labeltooltip={shown}{look}]"


def _folded(text: str, width: int = 34) -> str:
    """Break a long name of somebody outside between its words."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
