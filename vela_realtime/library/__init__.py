"""For those who write definitions: building, vetting and describing the CUE library."""

from vela_realtime.library.layout import CONTEXT_FILE, METADATA_FILE, Library, find

__all__ = ["CONTEXT_FILE", "METADATA_FILE", "Library", "find"]
