"""What holds the library and the tool to what they say."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
"""The checkout."""
