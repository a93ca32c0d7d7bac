"""Pictures as a page that loads nothing: zoom, who is near under the pointer, and a thing's YAML on a click."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from vela_realtime.documents import dump
from vela_realtime.graph.dot import svg

if TYPE_CHECKING:
    from vela_realtime.graph.model import Graph

HIDDEN = "(hidden)"
"""What stands for the values of Secrets: a picture is passed around."""


def page(graph: Graph) -> str:
    """Return a picture as an HTML page that holds everything it needs.

    Raises:
        ToolError: Graphviz is not there, or fails.
    """
    import jinja2

    source = files("vela_realtime.graph").joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(source).render(title=graph.title, picture=svg(graph), details=_details(graph))


def _details(graph: Graph) -> str:
    """Return what a click shows, as JSON that may stand in a script element: by the identifier in the picture."""
    shown: dict[str, Any] = {}
    for number, node in enumerate(graph.nodes):
        shown[f"n{number}"] = {
            "title": node.name,
            "kind": node.kind,
            "objects": [_object(graph.objects[index]) for index in node.objects],
        }
    return json.dumps(shown).replace("<", "\\u003c")


def _object(item: dict[str, Any]) -> dict[str, str]:
    name = str((item.get("metadata") or {}).get("name", ""))
    return {"name": f"{item.get('kind', '')} {name}".strip(), "yaml": dump.dump(_without_values(item))}


def _without_values(item: dict[str, Any]) -> dict[str, Any]:
    """Return an object, a Secret without what is secret in it."""
    if item.get("kind") != "Secret":
        return item
    hidden = {
        key: dict.fromkeys(item[key], HIDDEN) for key in ("data", "stringData") if isinstance(item.get(key), dict)
    }
    return {**item, **hidden}
