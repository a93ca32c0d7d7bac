"""The pages of ``docs/rules``, one a rule, made from the catalogue.

``python -m vela_realtime.check.pages docs/rules`` writes them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from vela_realtime.check.catalogue import RULES, About
from vela_realtime.files import write_text


def page(rule: str, about: About) -> str:
    """Return a rule's page as Markdown."""
    parts = [
        f"# {rule}",
        f"{about.title}.",
        f"Layer: {about.layer}. Severity: {about.severity.value}.",
        about.why,
    ]
    for title, example in (("Wrong", about.wrong), ("Right", about.right)):
        if example:
            parts.append(f"{title}:\n\n```yaml\n{example}\n```")
    parts.append(
        "To accept it in one place, with a reason, at the end of the line or above it:"
        f" `# vela-realtime: ignore[{rule}] why`."
    )
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """Return the table of all rules as Markdown."""
    rows = [
        f"| [{rule}]({rule}.md) | {about.layer} | {about.severity.value} | {about.title} |"
        for rule, about in RULES.items()
    ]
    head = ["# Rules of check", "", "| rule | layer | severity | what it asks |", "|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def pages() -> dict[str, str]:
    """Return every file of the folder by its name."""
    return {"README.md": index(), **{f"{rule}.md": page(rule, about) for rule, about in RULES.items()}}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        write_text(folder / name, text)
