"""A reader of CUE source: exact about names, strings and comments, silent about meaning.

It finds what a file declares and which outside names it uses, and gives rules a tree to look at. Evaluating
CUE is left to ``cue``. The grammar is that of the CUE language specification, in the part that CUE 0.9 knows.
"""

from __future__ import annotations

from vela_realtime.cue.syntax.parser import parse
from vela_realtime.cue.syntax.tree import CueSyntaxError, Declaration, Field, Source, free, named

__all__ = ["CueSyntaxError", "Declaration", "Field", "Source", "free", "named", "parse"]
