"""Tests that really run what the definitions render."""
