"""Random parameter sets of a definition: most of what is in them fits, some of it does not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

    from vela_realtime.schema.openapi import Schema

TEXTS = (
    "a", "app", "app-1", "My_App", "4app", "a" * 63, "a" * 64, "a.b", "-a", "a-", "", " ", "a b", "ü", "a\nb", "a\n",
    "5Gi", "512Mi", "0Gi", "5GB", "1.5", "2", "500m", "1536m", "2g", "24h", "30d", "-1", "7 days", "500ms",
    "#", "+", "sensors/+/t", "sensors/#", "a/#/b", "a+", "/", "/ws", "/a?b", "/var/lib/x",
    "kafka:9092", "kafka:9092,other:9093", "kafka", "http://host:8081", "https://host", "ftp://host",
    "registry.example.com/app:1.2", "registry.example.com", "registry.example.com:5000/mirror", "Example.com/App",
    "example.com", "*.example.com", "RETRY", "retry", "json", "info", "PREFIX_1", "prefix", "a@b.example.com",
    "0123456789abcdef" * 4, "true", "1883", "ANALYTICS", "orders_v2", "configMap/mine", "standard-overview",
)  # fmt: skip
ANYTHING: tuple[Any, ...] = (
    0,
    1,
    -1,
    3,
    80,
    1883,
    65535,
    70000,
    1.5,
    True,
    False,
    None,
    [],
    {},
    ["a"],
    {"a": "b"},
    *TEXTS,
)

RARELY = 0.03
OFTEN = 0.3


def draw(schema: Schema, random: Random) -> Any:
    """Return a value for a schema; now and then one that does not fit."""
    if random.random() < RARELY:
        return random.choice(ANYTHING)
    if "anyOf" in schema:
        return draw(random.choice(schema["anyOf"]), random)
    if "enum" in schema:
        return random.choice(schema["enum"])
    kind = schema.get("type")
    kind = random.choice(kind) if isinstance(kind, list) else kind
    match kind:
        case "object":
            return _object(schema, random)
        case "array":
            return [draw(schema.get("items", {}), random) for _ in range(random.randrange(3))]
        case "boolean":
            return random.random() < 0.5
        case "integer" | "number":
            low, high = schema.get("minimum", -2), schema.get("maximum", 100_000)
            return random.choice((low, low + 1, high, high - 1, low - 1, high + 1, 3, 3, 3, 3, 3, 3))
        case "string":
            return random.choice([text for text in TEXTS if _fits(schema, text)] or TEXTS)
    return random.choice(ANYTHING)


def _fits(schema: Schema, text: str) -> bool:
    patterns = [part["pattern"] for part in (schema, *schema.get("allOf", ())) if "pattern" in part]
    return all(re.search(pattern, text) for pattern in patterns)


def _object(schema: Schema, random: Random) -> dict[str, Any]:
    value: dict[str, Any] = {}
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        if (name in required and random.random() > RARELY) or random.random() < OFTEN:
            value[name] = draw(inner, random)
    others = schema.get("additionalProperties")
    if isinstance(others, dict) or schema.get("patternProperties"):
        inner = others if isinstance(others, dict) else next(iter(schema["patternProperties"].values()))
        for _ in range(random.randrange(3)):
            value[random.choice([text for text in TEXTS if text and "\n" not in text])] = draw(inner, random)
    elif random.random() < RARELY:
        value[random.choice(("nmae", "unknown", "Name"))] = draw({}, random)
    return value
