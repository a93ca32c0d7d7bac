"""The commands: a thin layer of click over the modules that do the work."""
