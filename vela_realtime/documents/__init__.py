"""Reading and writing YAML and JSON."""
