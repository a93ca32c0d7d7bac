"""Regular expressions in words: nobody who writes an Application should have to read one."""

from __future__ import annotations

_DURATION = "a duration such as"
_NAME = "small letters, digits and dashes"
_WORDS = {
    "^[.]?[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,251}$": "the key of a Secret: letters, digits, dashes, dots and underscores",
    "^([1-9][0-9]{0,63})(E|P|T|G|M|K|Ei|Pi|Ti|Gi|Mi|Ki)$": "a size such as 500Mi or 10Gi",
    "^[a-z0-9][^ ]*$": "an image reference: a name with tag or digest",
    "^([*][.])?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$": "a DNS name in small letters, which may start with *.",
    "^[a-zA-Z0-9.-]+$": "a DNS name or an address, without a port",
    "^https?://[^ ]+$": "an address that starts with http:// or https://",
    "^https?://\\S+$": "an address that starts with http:// or https://",
    "^https://[^ ]+$": "an address that starts with https://",
    "^https://\\S+$": "an address that starts with https://",
    "^[a-zA-Z_][a-zA-Z0-9_]{0,62}$": "a name of letters, digits and underscores that starts with no digit",
    "^[^\\n]+$": "a text on one line",
    "^[^ ]{1,255}$": "a text without blanks, 255 characters at most",
    "^[^ ]+$": "a text without blanks",
    "^[^\\s]+$": "a text without blanks",
    "^\\S{1,256}$": "a text without blanks, 256 characters at most",
    "^[0-9]{1,9}(ms|s|m|h)$": f"{_DURATION} 500ms, 30s, 5m or 1h",
    "^[1-9][0-9]{0,8}(ms|s|m|h)$": f"{_DURATION} 500ms, 30s, 5m or 1h",
    "^[0-9]{1,9}(ms|s|m)$": f"{_DURATION} 500ms, 30s or 5m",
    "^[0-9]+(s|m|h|d)$": f"{_DURATION} 30s, 5m, 1h or 2d",
    "^[a-z][a-z0-9.]*$": "a name of small letters, digits and dots",
    "^[^\\n\\r]{1,512}$": "a text on one line, 512 characters at most",
    "^[a-z+]+://[^ ]+$|^[a-zA-Z0-9.-]+:[0-9]+(,[a-zA-Z0-9.-]+:[0-9]+)*$": (
        "an address such as postgres://user:password@host:5432/database or kafka://host:9092"
    ),
    "^[a-zA-Z_][a-zA-Z0-9_]{0,62}([.][a-zA-Z_][a-zA-Z0-9_]{0,62}){0,2}$": "a table: name, schema.name or all three",
    "^[^@ ;,]+@[^@ ;,]+$": "an email address",
    "^[^@\\s]+@[^@\\s]+$": "an email address",
    "^xox[a-z]-[^ ]+$": "a token of a Slack app, which starts with xox",
    "^[#@]?[^ #@]{1,80}$": "a Slack channel: #alerts",
    "^[^'\\n]+$": "a text on one line, without '",
    "^[-._a-zA-Z][-._a-zA-Z0-9]*$": "the name of a variable: letters, digits, dashes, dots and underscores",
    "^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$": "a tag of an image: letters, digits, dashes, dots and underscores",
    "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$": "a DNS name in small letters",
    "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$": f"the name of a Kubernetes object: {_NAME}, with dots",
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$": f"a DNS label: {_NAME}",
    "^[A-Z]([A-Z0-9_]{0,29}[A-Z0-9])?$": "a prefix of capital letters, digits and underscores, 31 at most",
    "^[0-9a-f]{64}$": "a SHA-256 sum: 64 of 0-9 and a-f",
    "^/[a-zA-Z0-9._/-]+$": "a path that starts with /",
    "^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$": "a name of letters, digits, dashes, dots and underscores",
    "^[a-zA-Z0-9._-]{1,200}$": "a name of letters, digits, dashes, dots and underscores",
    "^[a-zA-Z0-9._-]{1,253}$": "a name of letters, digits, dashes, dots and underscores",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$": (
        "a time such as 2026-01-31T08:00:00Z"
    ),
}  # fmt: skip


def in_words(schema: dict[str, object]) -> str:
    """Return what a text has to be by a schema with a ``pattern``; empty where nobody has words for it."""
    own = str(schema.get("patternErrorMessage", ""))
    return own.removeprefix("must be ") if own.startswith("must be ") else _WORDS.get(str(schema.get("pattern")), "")
