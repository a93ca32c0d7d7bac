"""What is checked in the library's source, beyond what ``cue`` and ``vela`` check themselves."""

from vela_realtime.library.vet.run import Result, vet

__all__ = ["Result", "vet"]
