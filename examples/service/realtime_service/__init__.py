"""A small service that uses everything a realtime platform gives it."""
