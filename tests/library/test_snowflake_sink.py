"""Snowflake's sink 2.5.0 itself is asked about the configuration that is rendered for version "3"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support import dashboards, kafka_jars, maven
from vela_realtime import process

FOLDER = Path(__file__).parents[1] / "support" / "snowflake"
POM = FOLDER / "pom.xml"

SECRETS = {"url": "account.snowflakecomputing.com:443", "user": "LOADER", "private-key": "MIIE", "passphrase": "open"}
"""What the Secret says in the place of each ``${dir:...}``."""


def rendered(**snowflake: Any) -> dict[str, str]:
    """Return the connector's configuration as Connect hands it over."""
    config = {"enabled": True, "version": "3", "credentialsSecret": "snow", "database": "D", "schema": "S", **snowflake}
    properties = {"name": "core", "iot": False, "kafkaConfig": {"topics": ["orders"]}, "snowflakeConfig": config}
    properties["connectConfig"] = {"plugins": [{"name": "snowflake", "url": "https://example.com/snowflake.zip"}]}
    (text,) = [
        value
        for item in dashboards.render(properties, "realtime-platform").values()
        if item["kind"] == "ConfigMap"
        for name, value in item["data"].items()
        if name == "core-snowflake.json"
    ]
    found: dict[str, str] = json.loads(text)
    for name, value in SECRETS.items():
        found = {
            key: old.replace(f"${{dir:/etc/connect/secrets:snowflake-{name}}}", value) for key, old in found.items()
        }
    assert not any("${" in value for value in found.values())
    return {"name": "core-snowflake", **found}


def problems(config: dict[str, str]) -> list[str]:
    """Return what the connector finds wrong."""
    jars = maven.fetched(
        "snowflake", POM, ("java", "mvn"), lambda target: maven.copy(POM, f"-DoutputDirectory={target}")
    )
    classes = f"{jars}/*:{kafka_jars.folder()}/*"
    properties = "".join(f"{key}={value}\n" for key, value in config.items())
    command: list[str | Path] = ["java", "-cp", classes, "groovy.ui.GroovyMain", FOLDER / "validate.groovy"]
    done = process.run(command, stdin=properties, timeout=300)
    lines = [line for line in done.stdout.splitlines() if line]
    assert lines[-1:] == ["asked"], done.stderr
    return lines[:-1]


def test_it_takes_what_is_rendered() -> None:
    assert problems(rendered(role="LOADER", tables={"orders": "ORDERS"})) == []


def test_it_refuses_what_is_not_its_own() -> None:
    """That it takes ours means something."""
    wrong = {"errors.tolerance": "some", "behavior.on.null.values": "FORGET", "snowflake.topic2table.map": "orders"}
    said = problems({**rendered(role="LOADER"), **wrong})
    assert {key for key in wrong if any(line.startswith(f"{key}: ") for line in said)} == set(wrong), said
