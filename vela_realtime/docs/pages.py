"""What is on the site: the guides as they are, each folder's README as its first page, and a page an example."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from vela_realtime.errors import InputError
from vela_realtime.files import display, read_text
from vela_realtime.schema import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vela_realtime.library import Library

INDEX = "index.md"
SCHEMAS = "schemas"
"""The folder of the site with the JSON Schemas. People write its address into their editors: it stays."""

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]\n]+)\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^(```|~~~)")

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Use a platform",
        (
            *("tutorial.md", "kafka.md", "iot-broker.md", "lenses.md", "dashboards.md", "outside.md", "clients.md"),
            *("alternatives.md", "migration.md"),
        ),
    ),
    (
        "Operate it",
        (
            *("operations.md", "status.md", "monitoring.md", "backup.md", "passwords.md", "changes.md", "volumes.md"),
            *("clusters.md", "databases.md", "security.md", "performance.md"),
        ),
    ),
    (
        "Check and publish",
        ("readme.md", "check.md", "graph.md", "diff.md", "publishing.md", "pipelines.md", "site.md", "tested.md"),
    ),
)
"""The guides by what their readers want to do, in the order of the menu. A guide that is in none comes last."""

_WORDS = {"iot": "IoT", "tls": "TLS"}
"""Words of examples' names that are not written as they stand there."""

_WIDE = "---\nhide: [navigation, toc]\n---\n\n"
"""The beginning of a page whose picture takes the room beside the text: in the text's own width nobody can read it."""

FIRST = "simple-setup"
"""The example whose picture is on the start page, which has its lines."""


@dataclass(frozen=True)
class Pages:
    """``texts`` is every page by its path on the site, ``menu`` the titles and paths of each section."""

    texts: dict[str, str]
    menu: tuple[tuple[str, tuple[str, ...]], ...]


def collect(library: Library, pictures: Mapping[str, str]) -> Pages:
    """Return the pages of a library's site. ``pictures`` is the path of an example's picture by the example's name.

    Raises:
        InputError: there are no docs, or a link on a page leads nowhere.
    """
    folder = library.root / "docs"
    if not (folder / INDEX).is_file():
        raise InputError(
            f"there is no documentation: {display(folder / INDEX)} is missing",
            "run this in a checkout of vela-realtime: the installed package has none",
        )
    sources = {path.relative_to(library.root).as_posix(): path for path in sorted(folder.rglob("*.md"))}
    whole = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
    sources |= {name: library.root / name for name in whole if (library.root / name).is_file()}
    places = {name: _place(name) for name in sources}
    examples = {path.relative_to(library.root).as_posix(): path for path in sorted(library.examples.glob("*.yaml"))}
    places |= {name: f"examples/{path.stem}.md" for name, path in examples.items()}
    places |= {"examples": "examples/index.md", "docs/runbooks": "runbooks/index.md", "docs/rules": "rules/index.md"}
    places |= {"docs/network": "network/index.md"}
    schemas = (library.definitions / FOLDER).glob("*.json")
    places |= {path.relative_to(library.root).as_posix(): f"{SCHEMAS}/{path.name}" for path in schemas}
    texts = {places[name]: _linked(name, read_text(path), places, library) for name, path in sources.items()}
    texts |= {
        places[name]: _example(path, read_text(path), pictures.get(path.stem, "")) for name, path in examples.items()
    }
    if FIRST in pictures and INDEX in texts:
        texts[INDEX] = _WIDE + texts[INDEX].replace("\n## ", f"\n{_picture(FIRST, pictures[FIRST])}\n## ", 1)
    texts["examples/index.md"] = _examples({path.stem: read_text(path) for path in examples.values()})
    return Pages(texts, tuple(_menu(texts)))


def title(text: str) -> str:
    """Return a page's own title: its first heading."""
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def _place(name: str) -> str:
    """Return where a file of the repository stands on the site."""
    path = PurePosixPath(name)
    if len(path.parts) == 1:
        return name.lower()
    path = path.relative_to("docs")
    if path.name == "README.md":
        path = path.with_name(INDEX)
    return path.as_posix()


def _menu(texts: Mapping[str, str]) -> list[tuple[str, tuple[str, ...]]]:
    menu = [(section, tuple(page for page in pages if page in texts)) for section, pages in SECTIONS]
    placed = {page for _, pages in menu for page in pages} | {INDEX, "contributing.md"}
    rest = [page for page in sorted(texts) if "/" not in page and page not in placed]
    last_section, last = menu[-1]
    menu[-1] = (last_section, (*last, *rest, "contributing.md"))
    for section, prefix in (
        ("Examples", "examples/"),
        ("Network", "network/"),
        ("Reference", "reference/"),
        ("Rules", "rules/"),
        ("Runbooks", "runbooks/"),
    ):
        pages = sorted(
            (page for page in texts if page.startswith(prefix)), key=lambda page: (not page.endswith(INDEX), page)
        )
        menu.append((section, tuple(pages)))
    return [(section, pages) for section, pages in menu if pages]


def _linked(name: str, text: str, places: Mapping[str, str], library: Library) -> str:
    """Return a page whose links lead to where their targets stand on the site.

    What is no page, a file of the source, loses its link and keeps its words.
    """
    here = PurePosixPath(places[name]).parent
    lines, fenced = [], False
    for number, line in enumerate(text.splitlines(), start=1):
        if _FENCE.match(line.lstrip()):
            fenced = not fenced

        def changed(match: re.Match[str], number: int = number) -> str:
            target, mark, anchor = match["target"].partition("#")
            if not target or re.match(r"[a-z]+:", match["target"]):
                return match[0]
            wanted = _resolved(PurePosixPath(name).parent, target)
            if wanted in places:
                return f"[{match['text']}]({_relative(here, places[wanted])}{mark}{anchor})"
            if (library.root / wanted).exists():
                return match["text"]
            raise InputError(f"{name}:{number}: the link to {target} leads nowhere")

        lines.append(line if fenced else _LINK.sub(changed, line))
    return "\n".join([*lines, ""])


def _resolved(folder: PurePosixPath, target: str) -> str:
    parts: list[str] = []
    for part in (folder / target).parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _relative(folder: PurePosixPath, target: str) -> str:
    ups = len(folder.parts)
    return "../" * ups + target


def _comment(text: str) -> str:
    """Return what an example's first lines say of it."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if "yaml-language-server" not in line:
            lines.append(line.lstrip("# ").strip())
    return " ".join(line for line in lines if line)


def _example(path: Path, text: str, picture: str) -> str:
    first, *others = path.stem.split("-")
    heading = " ".join([_WORDS.get(first, first.capitalize()), *(_WORDS.get(word, word) for word in others)])
    code = re.sub(r"\A(?:#.*\n)+", "", text)
    page = f"# {heading}\n\n{_comment(text)}\n\n```yaml\n{code}```\n"
    if not picture:
        return page
    seen = _picture(path.stem, f"../{picture}")
    return f"{_WIDE}{page}\n## What it creates\n\n{seen}\n[How to read it](../graph.md).\n"


def _picture(name: str, path: str) -> str:
    alternative = f"What {name} creates, and who may talk to whom"
    return f"[![{alternative}]({path}.svg)]({path}.html)\n\nFollow the picture for a page to zoom and click through.\n"


def _examples(texts: Mapping[str, str]) -> str:
    rows = [f"| [{name}]({name}.md) | {_comment(text)} |" for name, text in texts.items()]
    return "\n".join(
        [
            "# Examples",
            "",
            "Applications to copy. Each is rendered and checked in the tests, and applied to a real KubeVela.",
            "",
            "| example | what it shows |",
            "|---|---|",
            *rows,
            "",
        ]
    )
