"""What is rendered rests on nothing that the parts do not promise: ``tests/contracts`` has the promises with sources.

The calls of scripts, and the answers of doubles, are held against the same files wherever a double runs.
"""

from __future__ import annotations

import configparser
import functools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support import contracts, dashboards
from tests.support.applications import pod
from tests.support.doubles.http_double import Answer, Request
from tests.support.doubles.mosquitto import install_mosquitto_passwd
from vela_realtime import cue, process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.contracts import Contract

CONTRACTS = contracts.everything()
PLATFORM = "realtime-platform"
LDAP = {
    "host": "ldap",
    "bindDn": "cn=a",
    "bindPassword": {"name": "s", "key": "k"},
    "userBase": "ou=p",
    "groupBase": "ou=g",
}
SMTP = {"host": "mail", "port": 587, "from": "a@example.com", "secretRef": "mail"}
EVERYTHING: list[tuple[str, dict[str, Any]]] = [
    (PLATFORM, {"name": "p", "tls": {"secretName": "tls"}}),
    (
        PLATFORM,
        {
            "name": "p",
            "database": "mysql",
            "visualization": "grafana",
            "schemaRegistryConfig": {"flavour": "confluent"},
            "size": "large",
        },
    ),
    *(
        (
            "analytics-dashboard",
            {
                "name": "b",
                "dashboardType": product,
                "smtp": SMTP,
                "dataSources": [{"name": "a", "type": "kafka", "connectionString": "kafka:9092"}],
                "authentication": {"provider": "ldap", "ldap": LDAP},
                "external": {"type": "Ingress", "host": "board.example.com"},
                "tls": {"secretName": "board-tls"},
            },
        )
        for product in ("metabase", "grafana")
    ),
    (
        "realtime-platform",
        {
            "name": "e",
            "kafkaConfig": {
                "external": {
                    "bootstrapServers": "kafka.example.com:9093",
                    "securityProtocol": "SASL_SSL",
                    "sasl": {"secretRef": "kafka-user"},
                    "tls": {"caSecret": "kafka-ca"},
                }
            },
        },
    ),
]
"""Components that together have every part."""


@functools.cache
def objects() -> tuple[dict[str, Any], ...]:
    return tuple(item for name, properties in EVERYTHING for item in dashboards.render(properties, name).values())


@functools.cache
def pods() -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return each pod's template with its part: the name label."""
    found = [item for item in objects() if item["kind"] in {"Deployment", "StatefulSet"}]
    return tuple((item["metadata"]["labels"]["app.kubernetes.io/name"], pod(item)) for item in found)


def containers(of: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the containers that a check names, perhaps those of one part or image."""
    found = [
        container
        for part, template in pods()
        for container in template["containers"]
        if container["name"] == of["container"]
        and of.get("part", part) == part
        and of.get("image", "") in container["image"]
    ]
    assert found, f"there is no container {of}"
    return found


def texts(name: str, part: str = "") -> list[str]:
    """Return a file as each ConfigMap that has it holds it."""
    found = [
        item["data"][name]
        for item in objects()
        if item["kind"] == "ConfigMap" and name in item["data"]
        if part in {"", item["metadata"]["labels"]["app.kubernetes.io/name"]}
    ]
    assert found, f"there is no {name}"
    return found


def checks(kind: str) -> list[Any]:
    """Return a kind of check of every contract as a case."""
    return [
        pytest.param(check, id=f"{contract.name}-{number}")
        for contract in CONTRACTS
        for number, check in enumerate(contract.each(kind))
    ]


def paths(data: Any, at: str = "") -> Iterator[str]:
    """Return the paths of all values: ``kafka.brokers``."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from paths(value, f"{at}.{key}" if at else key)
    else:
        yield at


def lookup(data: Any, path: str) -> Any:
    for key in path.split("."):
        data = data[key]
    return data


def test_every_image_has_a_contract_of_its_version() -> None:
    images = json.loads(cue.run(["export", ".", "-e", "#Images"], folder=dashboards.LIBRARY.cue).stdout)
    assert {name: image["tag"] for name, image in images.items()} == {it.image: it.version for it in CONTRACTS}, (
        "read the vendor's source of the new version again, then say so in tests/contracts"
    )


def test_liveness_asks_the_container_alone() -> None:
    """What asks something else has the container started anew while that is away, again and again."""
    promised = {
        (
            check["container"],
            json.dumps({key: value for key, value in check.items() if key not in {"container", "part"}}),
        )
        for contract in CONTRACTS
        for check in contract.each("alive")
    }
    found = set()
    for _, template in pods():
        for container in template["containers"]:
            for kind in ("livenessProbe", "startupProbe"):
                probe = container.get(kind, {})
                for asked in [key for key in ("httpGet", "tcpSocket", "exec") if key in probe]:
                    how = {
                        "httpGet": lambda it: {"path": it["path"]},
                        "tcpSocket": lambda it: {"tcpSocket": it["port"]},
                        "exec": lambda it: {"exec": it["command"][0]},
                    }[asked](probe[asked])
                    found.add((container["name"], json.dumps(how)))
    assert found <= promised
    assert len(found) >= 12


@pytest.mark.parametrize("check", checks("asks"))
def test_readiness_asks_what_the_part_needs(check: dict[str, Any]) -> None:
    asked = [it.get("readinessProbe", {}).get("httpGet", {}).get("path") for it in containers(check)]
    assert check["path"] in asked


@pytest.mark.parametrize("check", checks("writes"))
def test_what_a_part_writes_is_writable(check: dict[str, Any]) -> None:
    for container in containers(check):
        assert container["securityContext"]["readOnlyRootFilesystem"]
        writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
        assert set(check["paths"]) <= writable, container["name"]


@pytest.mark.parametrize("check", checks("environment"))
def test_variables(check: dict[str, Any]) -> None:
    prefix = check.get("prefix", "")
    for container in containers(check):
        given = {it["name"]: it for it in container.get("env", []) if it["name"].startswith(prefix)}
        if "keys" in check:
            assert not set(given) - set(check["keys"]), container["name"]
        for name, value in check.get("values", {}).items():
            assert given[name]["value"] == value
        for name, field in check.get("fields", {}).items():
            assert given[name]["valueFrom"]["fieldRef"]["fieldPath"] == field
        assert len(set(check.get("together", [])) & set(given)) in {0, len(check.get("together", []))}


@pytest.mark.parametrize("check", checks("settings"))
def test_lines_of_a_configuration(check: dict[str, Any]) -> None:
    for text in texts(check["file"]):
        lines = [line.split(" ", 1) for line in text.splitlines() if line]
        known = {key for group in check.get("keys", []) for key in group}
        assert not known or {key for key, *_ in lines} <= known
        assert not {key for key, *_ in lines} & set(check.get("never", []))
        numbers = [int(value) for _, *rest in lines for value in rest if re.fullmatch(r"-?\d+", value)]
        assert max(numbers) <= check.get("highest", max(numbers))


@pytest.mark.parametrize("check", checks("yaml"))
def test_keys_of_a_configuration(check: dict[str, Any]) -> None:
    for text in texts(check["file"], check.get("part", "")):
        data = yaml.safe_load(text)
        known = {key for group in check.get("keys", []) for key in group}
        assert not known or set(paths(data)) <= known
        for path, value in check.get("values", {}).items():
            assert lookup(data, path) == value


@pytest.mark.parametrize("check", checks("ini"))
def test_sections_of_grafana_ini(check: dict[str, Any]) -> None:
    listed = yaml.safe_load(Path(__file__).with_name("grafana_schema.yaml").read_text())["ini"]
    for text in texts("grafana.ini"):
        parser = configparser.RawConfigParser(comment_prefixes=("#", ";"))
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(text)
        given = {f"{section}.{key}": value for section in parser.sections() for key, value in parser[section].items()}
        for name, value in check.get("values", {}).items():
            assert given[name] == value
        assert not set(given) & set(check.get("never", []))
        for name, bound in check.get("lists", {}).items():
            assert not set(given[name].split(",")) & set(bound["never"])
        if check.get("listed"):
            assert set(given) <= {f"{section}.{key}" for section, keys in listed.items() for key in keys}


@pytest.mark.parametrize("check", checks("memory"))
def test_memory_presets(check: dict[str, Any]) -> None:
    """Every preset has what the part takes at the least, or the presets from the named one on."""
    sizes = json.loads(cue.run(["export", ".", "-e", "#Sizes"], folder=dashboards.LIBRARY.cue).stdout)
    presets = ["small", "medium", "large"]
    for preset in presets[presets.index(check.get("preset", "small")) :]:
        assert mebibytes(sizes[check["part"]][preset]["memory"]) >= mebibytes(check["least"]), preset


def mebibytes(quantity: str) -> int:
    return int(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


@pytest.mark.parametrize("check", checks("script"))
def test_scripts(check: dict[str, Any]) -> None:
    assert check["holds"] in (dashboards.LIBRARY.cue / "scripts" / check["name"]).read_text()


def test_the_double_of_mosquitto_passwd_is_as_strict_as_2_1(tmp_path: Path) -> None:
    """Said here once more, so that a promise which is taken back is seen."""
    program = str(install_mosquitto_passwd(tmp_path / "bin") / "mosquitto_passwd")
    (tmp_path / "there").touch()
    done = process.run([program, "-H", "sha512", "-c", str(tmp_path / "there"), "a"], stdin="x\nx\n")
    says = f"Error: Unable to open file {tmp_path}/there for writing. File exists.\n"
    assert (done.returncode, done.stderr) == (1, says)
    (tmp_path / "link").symlink_to(tmp_path / "there")
    done = process.run([program, str(tmp_path / "link"), "a"], stdin="x\nx\n")
    assert (done.returncode, done.stderr.split(". ")[1]) == (1, "Symbolic link loop.\n")


def exchange(line: str, body: Any, status: int) -> tuple[Request, Answer]:
    method, path = line.split()
    return Request(method, path, {}, {}, json.dumps(body).encode() if body is not None else b""), Answer(status)


@pytest.mark.parametrize(
    ("contract", "line", "body", "status", "misses"),
    [
        ("lenses-hq", "POST /api/v1/environments", {"name": "p", "tier": "staging"}, 200, []),
        ("lenses-hq", "POST /api/v1/environments", {"name": "p", "tier": "test"}, 400, []),
        (
            "lenses-hq",
            "POST /api/v1/environments",
            {"name": "p", "tier": "test"},
            200,
            ["POST /api/v1/environments: $.tier: 'test' is not one of ['development', 'staging', 'production']"],
        ),
        ("lenses-hq", "PATCH /api/v1/environments/p", {}, 200, ["PATCH /api/v1/environments/p: not promised"]),
        ("lenses-hq", "PATCH /api/v1/environments/p", {}, 404, []),
        (
            "metabase",
            "DELETE /api/session",
            None,
            200,
            ["DELETE /api/session: nobody promises status 200"],
        ),
        (
            "metabase",
            "PUT /api/notification/7",
            {"payload_type": "notification/card", "payload": {"card_id": 1}},
            200,
            [
                "PUT /api/notification/7: $.payload: 'id' is a required property",
                "PUT /api/notification/7: $: 'id' is a required property",
            ],
        ),
    ],
)
def test_a_double_that_is_kinder_than_the_product_is_found(
    contract: str, line: str, body: Any, status: int, misses: list[str]
) -> None:
    assert sorted(contracts.load(contract).misses(*exchange(line, body, status))) == sorted(misses)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda it: it.name)
def test_every_fact_has_a_source(contract: Contract) -> None:
    assert all(len(fact["source"]) > 5 for fact in contract.facts)


def test_tested_md_says_how_each_fact_is_known() -> None:
    page = (dashboards.LIBRARY.cue.parent / "docs" / "tested.md").read_text(encoding="utf-8")
    assert contracts.table() in page, "put the output of `python -m tests.support.contracts` into docs/tested.md"
