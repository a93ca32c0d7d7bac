"""Building the site by Zensical: https://zensical.org."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from vela_realtime import process, schema
from vela_realtime.docs.pages import INDEX, SCHEMAS, Pages, collect, title
from vela_realtime.errors import InputError, ToolError
from vela_realtime.files import display, read_text, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vela_realtime.library import Library

TIMEOUT = 600.0
"""Seconds for the whole site; it takes about ten."""

MARKER = ".vela-realtime-site"
"""A file in a folder that a site was written to: such a folder may be replaced."""

_CONFIG = """\
[project]
site_name = "vela-realtime"
site_description = "Streaming platforms for KubeVela in four lines of YAML"
docs_dir = "docs"
site_dir = "site"
use_directory_urls = false
nav = {nav}

[project.theme]
language = "en"
# Nothing is loaded from elsewhere.
font = false
features = ["content.code.copy", "navigation.footer", "navigation.indexes", "navigation.path", "navigation.sections",
  "navigation.tabs", "navigation.top", "search.highlight", "toc.follow"]

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"
toggle.icon = "lucide/sun"
toggle.name = "Dark"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
toggle.icon = "lucide/moon"
toggle.name = "Light"
"""


def build(library: Library, output: Path, pictures: Mapping[str, tuple[str, str]], address: str = "") -> int:
    """Write the site into a folder, whole or not at all; return the number of its pages.

    ``pictures`` is an example's name to its picture as SVG and as a page. ``address`` is the URL that the site will
    have, for the names of its schemas.

    Raises:
        InputError: there are no docs, a link leads nowhere, or the folder has something else in it.
        ToolError: Zensical is not installed, or fails.
    """
    if importlib.util.find_spec("zensical") is None:
        raise ToolError("zensical, which builds the site, is not installed", "pip install 'vela-realtime[docs]'")
    if output.exists() and any(output.iterdir()) and not (output / MARKER).is_file():
        raise InputError(f"{display(output)} has something else in it", "name an empty folder, or a new one")
    pages = collect(library, {name: f"pictures/{name}" for name in pictures})
    with tempfile.TemporaryDirectory(prefix="vela-realtime-") as temporary:
        folder = Path(temporary)
        for name, text in pages.texts.items():
            write_text(folder / "docs" / name, text)
        for name, (svg, page) in pictures.items():
            write_text(folder / "docs" / "pictures" / f"{name}.svg", svg)
            write_text(folder / "docs" / "pictures" / f"{name}.html", page)
        for name, text in schemas(library, address).items():
            write_text(folder / "docs" / name, text)
        write_text(folder / "zensical.toml", config(pages))
        done = process.run(
            [sys.executable, "-m", "zensical", "build", "--strict", "-f", folder / "zensical.toml"],
            cwd=folder,
            env={"NO_COLOR": "1"},
            timeout=TIMEOUT,
        )
        if not done.ok or not (folder / "site" / "index.html").is_file():
            raise ToolError(f"zensical could not build the site: {_reason(done.stdout + done.stderr)}")
        write_text(folder / "site" / MARKER, "")
        _replace(folder / "site", output)
    return len(pages.texts)


def schemas(library: Library, address: str = "") -> dict[str, str]:
    """Return the JSON Schemas of a library by their paths on the site, each with that place as its ``$id``.

    Without the site's ``address`` it is relative: whoever fetched a schema knows from where.
    """
    found = {}
    for path in sorted((library.definitions / schema.FOLDER).glob("*.json")):
        place = f"{SCHEMAS}/{path.name}"
        name = f"{address.rstrip('/')}/{place}" if address else path.name
        made = json.loads(read_text(path))
        found[place] = schema.write({"$schema": made.pop("$schema"), "$id": name, **made})
    return found


_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_PLACE = re.compile(r"\[ (\S+:\d+):\d+ \]")


def _reason(output: str) -> str:
    """Return what Zensical finds wrong, with the first place, from a picture of it in the terminal."""
    plain = _ANSI.sub("", output)
    warnings = [
        line.partition(":")[2].strip() for line in plain.splitlines() if line.startswith(("Warning:", "Error:"))
    ]
    places = _PLACE.findall(plain)
    lines = [line for line in plain.splitlines() if line.strip()]
    if warnings:
        return f"{places[0]}: {warnings[0]}" if places else warnings[0]
    return lines[-1].strip() if lines else "it says nothing"


def config(pages: Pages) -> str:
    """Return Zensical's configuration for some pages."""
    nav = [_entry("Start", INDEX)]
    for section, names in pages.menu:
        entries = [
            json.dumps(name) if name.endswith(INDEX) else _entry(title(pages.texts[name]) or name, name)
            for name in names
        ]
        nav.append(f"{{ {json.dumps(section)} = [{', '.join(entries)}] }}")
    return _CONFIG.format(nav="[\n  " + ",\n  ".join(nav) + ",\n]")


def _entry(name: str, page: str) -> str:
    return f"{{ {json.dumps(name)} = {json.dumps(page)} }}"


def _replace(made: Path, output: Path) -> None:
    """Put a finished folder in the place of another, which is there until then."""
    output.parent.mkdir(parents=True, exist_ok=True)
    staged = output.parent / f".{output.name}.new"
    former = output.parent / f".{output.name}.old"
    for leftover in (staged, former):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(made, staged)
    if output.exists():
        output.rename(former)
    staged.rename(output)
    shutil.rmtree(former, ignore_errors=True)
