"""What the documentation has people type."""

from __future__ import annotations

import re
import shlex

_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, heading: str = "") -> list[str]:
    """Return the blocks of shell commands of a page, or of one of its sections."""
    section = page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0] if heading else page
    return _BLOCK.findall(section)


def kubectl(page: str, **variables: str) -> list[list[str]]:
    """Return every call of ``kubectl`` on a page as words, variables of the page in their places."""
    found = []
    for block in blocks(page):
        text = block.replace("\\\n", " ").replace("|\n", "| ")
        for name, value in variables.items():
            text = text.replace(f"${name}", value)
        for line in text.splitlines():
            for part in re.split(r" \| |\$\(", line):
                if "kubectl" in part.split():
                    words = shlex.split(part, comments=True)
                    found.append(words[words.index("kubectl") + 1 :])
    return found
