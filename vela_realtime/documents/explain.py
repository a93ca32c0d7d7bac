"""What libyaml says of a text that is no YAML, in words for people, and at the place to look at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from vela_realtime.documents.loader import BASE
from vela_realtime.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

TABS = "YAML is indented by spaces, never by tabs"
QUOTES = "put the value in quotes"
RENDER_FIRST = "a template? render it first: helm template ... | vela-realtime check -"

# Inside of quotes, {{ is a text like any other.
_PLACEHOLDER = re.compile(r"^[^'\"#\n]*(?<!\$)\{\{", re.MULTILINE)


@dataclass(frozen=True)
class _Said:
    """One error of libyaml: where it gave up, and where what it was reading began."""

    text: str
    problem: str
    mark: Any
    context: Any

    def line(self, mark: Any) -> str:
        lines = self.text.split("\n")
        return lines[mark.line] if mark.line < len(lines) else ""

    def character(self, mark: Any) -> str:
        return self.line(mark)[mark.column : mark.column + 1]

    def before(self, mark: Any) -> str:
        return self.line(mark)[: mark.column]

    def after(self, mark: Any) -> str:
        return self.line(mark)[mark.column :]

    def begun(self) -> Any:
        """Return where what it was reading began, else where it gave up."""
        return self.context or self.mark


@dataclass(frozen=True)
class _Told:
    mark: Any
    message: str
    hint: str


def explain(file: str, text: str, error: yaml.YAMLError) -> Finding:
    """Return a finding about what keeps a text from being YAML."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return _unmarked(file, text, error)
    problem = str(getattr(error, "problem", None) or error)
    said = _Said(text, problem, mark, getattr(error, "context_mark", None))
    told = next((tell(said) for words, tell in _TABLE if words in problem), None)
    told = told or _Told(mark, problem, str(getattr(error, "context", None) or ""))
    hint = RENDER_FIRST if _PLACEHOLDER.search(text) else told.hint
    return Finding(file, told.mark.line + 1, told.mark.column + 1, "yaml", told.message, hint=hint)


def _unmarked(file: str, text: str, error: yaml.YAMLError) -> Finding:
    """Report a character that no YAML may have: libyaml counts bytes to it."""
    message = str(getattr(error, "reason", None) or error)
    before = text.encode("utf-8", "replace")[: getattr(error, "position", -1)].decode("utf-8", "replace")
    here = text[len(before) : len(before) + 1]
    if not here or ord(here) != getattr(error, "character", None):
        return Finding(file, 0, 0, "yaml", message)
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return Finding(file, line, column, "yaml", message, hint="write it in double quotes, as an escape such as \\x01")


def _tab(said: _Said) -> _Told:
    return _Told(said.mark, "a tab indents this line", TABS)


def _start(said: _Said) -> _Told:
    character = said.character(said.mark)
    if character == "\t":
        return _tab(said)
    if (not character or said.line(said.mark).startswith("---")) and (opening := _open_bracket(said)) is not None:
        return _Told(opening, f"the {said.character(opening)} that opens here is never closed", "")
    return _Told(said.mark, f"a value cannot start with {character}", QUOTES) if character else _missing(said)


def _open_bracket(said: _Said) -> Any:
    """Return where the last bracket opens that is still open where libyaml gave up."""
    opened: list[Any] = []
    try:
        for token in yaml.scan(said.text, BASE):
            if token.start_mark.index >= said.mark.index:
                break
            if isinstance(token, (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken)):
                opened.append(token.start_mark)
            elif isinstance(token, (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)) and opened:
                opened.pop()
    except yaml.YAMLError:
        pass
    return opened[-1] if opened else None


def _missing(said: _Said) -> _Told:
    return _Told(said.mark, "the text ends where a value is expected", "")


def _colon(said: _Said) -> _Told:
    if re.search(r":\s", said.before(said.mark)):
        return _Told(said.mark, "a second key on the line of a value", f'{QUOTES}: it contains ": "')
    message = "this line is indented more than the one above, which has its value already"
    return _Told(said.mark, message, "keys of one object start in the same column")


def _open_quote(said: _Said) -> _Told:
    return _Told(said.begun(), "the quote that opens here is never closed", "close it, or double a quote that is text")


def _key(said: _Said) -> _Told:
    before = said.before(said.mark)
    if not before.strip(" -"):
        if said.after(said.mark).startswith("- "):
            hint = "items of one list start in the same column; a key has either a list or keys of its own"
            return _Told(said.mark, "a list's item stands where a key is expected", hint)
        message = "this line's indentation is that of no line above that it could belong to"
        return _Told(said.mark, message, "keys of one object start in the same column")
    if before.rstrip().endswith(("'", '"')):
        quoted = _last_quoted(said)
        hint = "double a quote that is text ('it''s'), or use the other quotes"
        if quoted is not None and quoted.start_mark.line != said.mark.line:
            message = f"the quote that opens here is closed on line {said.mark.line + 1}, where another one opens"
            return _Told(quoted.start_mark, message, "close it on its own line")
        return _Told(said.mark, "the value ended with the quote before this", hint)
    return _Told(said.mark, "the value ended before this", QUOTES)


def _last_quoted(said: _Said) -> Any:
    """Return the last text in quotes before libyaml gave up."""
    found = None
    try:
        for token in yaml.scan(said.text, BASE):
            if token.start_mark.index >= said.mark.index:
                break
            if isinstance(token, yaml.ScalarToken) and token.style in {"'", '"'}:
                found = token
    except yaml.YAMLError:
        pass
    return found


def _item(said: _Said) -> _Told:
    message = "this line's indentation is neither that of the list above nor of a key in it"
    hint = "a list's items start in the same column, an item's keys in that of its first key"
    return _Told(said.mark, message, hint)


def _no_colon(said: _Said) -> _Told:
    mark = said.begun()
    return _Told(mark, "no colon follows this key", "a key is written `key: value`, a list's item `- value`")


def _bracket(said: _Said) -> _Told:
    closing = said.problem[-2]
    opening = {"]": "[", "}": "{"}[closing]
    if said.context is None or said.context.line == said.mark.line:
        return _Told(said.mark, f"a comma or {closing} is missing before this", "")
    message = f"the {opening} that opens here is not closed by line {said.mark.line + 1}, or a comma is missing there"
    return _Told(said.context, message, "")


def _escape(said: _Said) -> _Told:
    message = "a backslash in double quotes begins an escape, and this is none"
    return _Told(said.mark, message, "use single quotes, or double the backslash")


def _block(said: _Said) -> _Told:
    mark = said.begun()
    message = f"{said.character(mark)} begins a text on the lines below, and nothing else stands on its own line"
    return _Told(mark, message, QUOTES)


def _alias(said: _Said) -> _Told:
    mark = said.begun()
    return _Told(mark, f"a value cannot start with {said.character(mark)}", QUOTES)


def _no_anchor(said: _Said) -> _Told:
    name = re.sub(r"[\s,\]}].*", "", said.after(said.mark)[1:])
    return _Told(said.mark, f"there is no anchor &{name} above", "a text that starts with * is put in quotes")


def _tag(said: _Said) -> _Told:
    name = said.problem.split("'")[1].replace("tag:yaml.org,2002:", "!!") if "'" in said.problem else ""
    return _Told(said.mark, f"there is no tag {name}", "a text that starts with ! is put in quotes")


def _odd_key(said: _Said) -> _Told:
    return _Told(said.mark, "an object or a list is a key here", "a text that starts with { or [ is put in quotes")


def _document(said: _Said) -> _Told:
    return _Told(said.mark, "the document ended before this", "documents are parted by a line ---")


_TABLE: tuple[tuple[str, Callable[[_Said], _Told]], ...] = (
    ("found a tab character", _tab),
    ("found character that cannot start any token", _start),
    ("did not find expected node content", _start),
    ("mapping keys are not allowed in this context", _start),
    ("mapping values are not allowed in this context", _colon),
    ("found unexpected end of stream", _open_quote),
    ("found unexpected document indicator", _open_quote),
    ("did not find expected key", _key),
    ("did not find expected '-' indicator", _item),
    ("could not find expected ':'", _no_colon),
    ("did not find expected ',' or", _bracket),
    ("found unknown escape character", _escape),
    ("did not find expected hexdecimal number", _escape),
    ("did not find expected comment or line break", _block),
    ("did not find expected alphabetic or numeric character", _alias),
    ("found undefined alias", _no_anchor),
    ("could not determine a constructor for the tag", _tag),
    ("found unhashable key", _odd_key),
    ("did not find expected <document start>", _document),
)
"""What libyaml says, by words in it, and what becomes of it. Anything else stays as it is."""
