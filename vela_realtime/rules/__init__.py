"""What is checked in the library's source, beyond what ``cue`` and ``vela`` check themselves."""
