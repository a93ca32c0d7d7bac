"""What the parts promise that we rest on: ``tests/contracts``, one file a part.

A fact has a source, and may have what a test holds it against: the objects that are rendered, the calls that scripts
make, the answers that doubles give. ``ran`` says of which version somebody has seen it happen: of the program as its
vendor ships it, or built from its source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.doubles.http_double import Answer, Request

FOLDER = Path(__file__).parents[1] / "contracts"
CHECKS = ("alive", "asks", "calls", "environment", "ini", "memory", "program", "script", "settings", "writes", "yaml")
"""What of a fact is held against something by a test."""

FORM = {
    "type": "object",
    "required": ["product", "image", "version", "facts"],
    "additionalProperties": False,
    "properties": {
        "product": {"type": "string"},
        "image": {"type": "string"},
        "version": {"type": "string"},
        "facts": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["fact", "source"],
                "additionalProperties": False,
                "properties": {
                    "fact": {"type": "string", "pattern": "^[^|]+$"},
                    "source": {"type": "string"},
                    "ran": {
                        "type": "object",
                        "required": ["as", "version"],
                        "additionalProperties": False,
                        "properties": {"as": {"enum": ["shipped", "source"]}, "version": {}},
                    },
                    **{check: {} for check in CHECKS},
                },
            },
        },
    },
}


@dataclass(frozen=True)
class Contract:
    """What one part promises. ``image`` is its key in ``cue/images.cue``, ``version`` the tag that the facts are of."""

    name: str
    product: str
    image: str
    version: str
    facts: tuple[dict[str, Any], ...]

    def each(self, check: str) -> Iterator[Any]:
        """Return what the facts say for one kind of check."""
        for fact in self.facts:
            found = fact.get(check)
            yield from found if isinstance(found, list) else [found] if found is not None else []

    def call(self, method: str, path: str) -> dict[str, Any] | None:
        """Return what is promised of a call."""
        for call in self.each("calls"):
            verb, template = call["call"].split()
            if verb == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                found: dict[str, Any] = call
                return found
        return None

    def misses(self, request: Request, answer: Answer) -> Iterator[str]:
        """Tell where a double is kinder than the part: it takes what is not promised, or answers otherwise."""
        taken = answer.status < 400
        call = self.call(request.method, request.path)
        if call is None:
            if taken:
                yield f"{request.line}: not promised"
            return
        if answer.status not in call["answers"]:
            yield f"{request.line}: nobody promises status {answer.status}"
        if not taken:
            return
        for name in request.query:
            if name not in call.get("query", []):
                yield f"{request.line}: query {name} is not promised"
        if "body" in call:
            body = request.json() if request.body else None
            for problem in jsonschema.Draft202012Validator(call["body"]).iter_errors(body):
                yield f"{request.line}: {problem.json_path}: {problem.message}"


@lru_cache
def load(name: str) -> Contract:
    """Read one contract: the file's name without its ending."""
    text = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(FORM).validate(text)
    return Contract(name, text["product"], text["image"], text["version"], tuple(text["facts"]))


def everything() -> list[Contract]:
    """Read all contracts."""
    return [load(path.stem) for path in sorted(FOLDER.glob("*.yaml"))]


def seen(fact: dict[str, Any]) -> str:
    """Tell how far a fact is known to hold, in the words of docs/tested.md."""
    if ran := fact.get("ran"):
        how = "run as shipped" if ran["as"] == "shipped" else "run from source"
        return f"{how}, {ran['version']}"
    return "held against a contract" if any(check in fact for check in CHECKS) else "only read"


def table() -> str:
    """Return the facts as the table in docs/tested.md."""
    lines = ["| part | what we rest on | how it is known |", "|---|---|---|"]
    for contract in everything():
        name = f"{contract.product} {contract.version}"
        for fact in contract.facts:
            lines.append(f"| {name} | {fact['fact']} | {seen(fact)} |")
            name = ""
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
