"""A new component: a definition with one part, its fixtures and an example, from which its author goes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vela_realtime.errors import InputError
from vela_realtime.files import display, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from vela_realtime.library import Library

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,30}[a-z0-9])?")


def component(library: Library, name: str) -> list[Path]:
    """Write the files of a component called ``name``, and return them.

    Raises:
        InputError: the name is none, the library cannot be written to, or one of the files is there already.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    if library.packaged:
        raise InputError("the installed package cannot be written to", "go to a checkout of the library")
    if not _NAME.fullmatch(name):
        hint = "small letters, digits and dashes, a letter first: weather-station"
        raise InputError(f"{name} is no name for a definition", hint)
    folder, cases = library.cue / name, library.fixtures / name
    targets = {f"{file}.cue.j2": folder / f"{file}.cue" for file in _FILES}
    targets["valid.yaml.j2"] = cases / "valid" / "cases.yaml"
    targets["invalid.yaml.j2"] = cases / "invalid" / "cases.yaml"
    targets["example.yaml.j2"] = library.examples / f"{name}.yaml"
    if taken := [path for path in (folder, cases, *targets.values()) if path.exists()]:
        raise InputError(f"{display(taken[0])} is there already", "choose another name")
    environment = Environment(
        loader=PackageLoader("vela_realtime.library", "templates/component"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        comment_start_string="{##",  # {# begins a struct in CUE
        comment_end_string="##}",
        autoescape=False,  # noqa: S701 - the output is CUE and YAML
    )
    article = "an" if name[0] in "aeiou" else "a"
    for template, path in targets.items():
        write_text(path, environment.get_template(template).render(name=name, article=article))
    return list(targets.values())


_FILES = ("definition", "parameter", "rules", "instance", "parts", "server")
