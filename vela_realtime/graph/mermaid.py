"""Pictures in Mermaid's language, which GitHub and many wikis draw: https://mermaid.js.org/syntax/flowchart.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vela_realtime.graph.model import Graph, Node

# Characters that end a text in quotes, or that Mermaid reads as HTML.
_ENTITIES = {"&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;", "#": "&num;", "`": "&#96;"}


def mermaid(graph: Graph) -> str:
    """Return a picture as a flowchart."""
    identifiers = {node.key: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["---", f"title: {_title(graph.title)}", "---", "flowchart LR"]
    for number, group in enumerate(graph.groups):
        members = graph.of(group)
        if members:
            lines.append(f"  subgraph g{number} [{_text(group)}]")
            lines += [f"    {identifiers[node.key]}{_node(node)}" for node in members]
            lines.append("  end")
    lines += [f"  {identifiers[node.key]}{_node(node)}" for node in graph.nodes if node.outside]
    for edge in graph.edges:
        arrow = "==>" if edge.entrance else "-->"
        lines.append(f"  {identifiers[edge.source]} {arrow}|{_text(edge.label)}| {identifiers[edge.target]}")
    lines += [f"  m{number}([{_text(text)}])" for number, text in enumerate(graph.missing)]
    once = [identifiers[node.key] for node in graph.nodes if node.once or node.outside]
    once += [f"m{number}" for number in range(len(graph.missing))]
    if once:
        lines += [f"  class {','.join(once)} light", "  classDef light stroke-dasharray: 4 3"]
    return "\n".join([*lines, ""])


def _node(node: Node) -> str:
    if node.outside:
        return f"([{_text(node.name)}])"
    text = "<br/>".join(_escaped(part) for part in (node.name, node.kind, *node.details))
    return f'["{text}"]'


def _text(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return "".join(_ENTITIES.get(char, char) for char in text)


def _title(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'"
