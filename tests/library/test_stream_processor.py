"""What a stream-processor renders, by its meaning: its queries in Lenses' words, and whose Kafka and Lenses it uses."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from vela_realtime import library
from vela_realtime.library import fixtures

LIBRARY = library.find()
GUIDE = {case.name: case for case in fixtures.load(LIBRARY, "stream-processor")}["the-guides-example"]

ADDRESS = "default.svc.cluster.local"


@functools.cache
def rendered(properties: str, siblings: str = "[]") -> dict[str, Any]:
    """Return the objects by their key in ``outputs``; the main one is ``output``. Properties are YAML."""
    case = fixtures.Case(
        "stream-processor", "inline", Path(__file__), 1, yaml.safe_load(properties), siblings=yaml.safe_load(siblings)
    )
    result = fixtures.render_package(LIBRARY, "stream-processor", case, "component")
    assert not result.problems, result.problems
    return {key.removeprefix("outputs."): value for key, value in result.objects.items()}


def refused(properties: str, siblings: str = "[]") -> str:
    """Return what is said of properties that do not render."""
    case = fixtures.Case(
        "stream-processor", "inline", Path(__file__), 1, yaml.safe_load(properties), siblings=yaml.safe_load(siblings)
    )
    result = fixtures.render_package(LIBRARY, "stream-processor", case, "component")
    return "\n".join(problem.text for problem in result.problems)


def guide() -> dict[str, Any]:
    return rendered(json.dumps(GUIDE.properties))


def processors(objects: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what Lenses is asked for, by the processor's name."""
    data = objects["processors-config"]["data"]
    bodies = [json.loads(data[line.split()[1]]) for line in data["processors"].splitlines()]
    return {body["name"]: body for body in bodies}


def settings(objects: dict[str, Any]) -> dict[str, str]:
    """Return what is set in front of the one query."""
    (body,) = processors(objects).values()
    return dict(re.findall(r"^SET ([\w.]+)='(.*)';$", body["sql"], re.MULTILINE))


def environment(objects: dict[str, Any]) -> dict[str, str]:
    """Return the variables of the Job that brings Lenses in step; of a Secret, its name."""
    (container,) = objects["processors"]["spec"]["template"]["spec"]["containers"]
    return {
        item["name"]: item["value"] if "value" in item else item["valueFrom"]["secretKeyRef"]["name"]
        for item in container["env"]
    }


def topics(objects: dict[str, Any]) -> list[str]:
    """Return the topics that are made where they are missing, none where no Job makes any."""
    if "kafka-topics-config" not in objects:
        return []
    return [line.split()[0] for line in objects["kafka-topics-config"]["data"]["topics"].splitlines()]


# The guide's example


def test_each_query_of_the_guide_becomes_a_processor() -> None:
    found = processors(guide())
    assert list(found) == ["my-processor-data-transformation", "my-processor-filtering"]
    for query in GUIDE.properties["queries"]:
        assert found[f"my-processor-{query['name']}"]["sql"].endswith(query["sql"])


def test_topics_of_the_guide_and_that_of_its_dead_letters_are_made() -> None:
    assert topics(guide()) == ["errors", "filtered_topic", "input_topic", "output_topic"]


def test_defaults_are_what_the_guide_writes_out() -> None:
    written = {key: value for key, value in GUIDE.properties.items() if key != "errorHandling"}
    written["errorHandling"] = {"policy": "RETRY", "retries": 3}
    left_out = {key: written[key] for key in ("name", "queries", "topics")}
    assert written["processing"] == {"parallelism": 2, "checkpointInterval": "30s", "stateBackend": "memory"}
    assert rendered(json.dumps(left_out)) == rendered(json.dumps(written))


def test_name_is_all_that_is_needed() -> None:
    objects = rendered("{name: alone}")
    assert processors(objects) == {}
    assert "kafka" in objects
    assert "kafka-topics" not in objects


# Whose Kafka and whose Lenses


class Link(NamedTuple):
    """What is said, what stands beside it, and what comes of it: addresses, and what is rendered for them."""

    properties: str
    siblings: str
    lenses: str
    secret: str
    environment: str
    kafka: str
    own: set[str]


PLATFORM = "[{name: streaming, type: realtime-platform, properties: {name: core}}]"
BROKER = "[{name: broker, type: iot-broker, properties: {name: devices, connector: {}}}]"

OWN_LENSES = f"http://p-stream-lenses-hq.{ADDRESS}:9991"
CORE_LENSES = f"http://core-lenses-hq.{ADDRESS}:9991"

LINKS = {
    "nothing is near": Link(
        "{name: p, topics: {input: [a]}}", "[]",
        OWN_LENSES, "p-stream-lenses-secret", "p", f"p-stream-kafka.{ADDRESS}:9092", {"kafka", "lenses"},
    ),
    "a platform is named": Link(
        "{name: p, platform: core, topics: {input: [a]}}", "[]",
        CORE_LENSES, "core-lenses-secret", "core", f"core-kafka.{ADDRESS}:9092", set(),
    ),
    "a platform is beside it": Link(
        "{name: p, topics: {input: [a]}}", PLATFORM,
        CORE_LENSES, "core-lenses-secret", "core", f"core-kafka.{ADDRESS}:9092", set(),
    ),
    "a broker with a Kafka is beside it": Link(
        "{name: p, topics: {input: [a]}}", BROKER,
        OWN_LENSES, "p-stream-lenses-secret", "p", f"devices-kafka.{ADDRESS}:9092", {"lenses"},
    ),
    "a platform comes before a broker": Link(
        "{name: p, topics: {input: [a]}}", f"{BROKER[:-1]}, {PLATFORM[1:]}",
        CORE_LENSES, "core-lenses-secret", "core", f"core-kafka.{ADDRESS}:9092", set(),
    ),
    "a Kafka is named": Link(
        "{name: p, kafka: {bootstrapServers: 'k.example.com:9094'}, topics: {input: [a]}}", PLATFORM,
        OWN_LENSES, "p-stream-lenses-secret", "p", "k.example.com:9094", {"lenses"},
    ),
    "Kafka and Lenses are named": Link(
        "{name: p, kafka: {bootstrapServers: 'k:9092'}, topics: {input: [a]},"
        " lenses: {url: 'https://l.example.com', secretRef: robot, environment: factory}}", "[]",
        "https://l.example.com", "robot", "factory", "k:9092", set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LINKS)
def test_lenses_and_kafka(name: str) -> None:
    link = LINKS[name]
    objects = rendered(link.properties, link.siblings)
    variables = environment(objects)
    assert variables["LENSES_URL"] == link.lenses
    assert variables["LENSES_PASSWORD"] == link.secret
    assert variables["LENSES_ENVIRONMENT"] == link.environment
    (container,) = objects["kafka-topics"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "BOOTSTRAP_SERVERS", "value": link.kafka} in container["env"]
    assert {part for part, key in (("kafka", "kafka"), ("lenses", "lenses-hq")) if key in objects} == link.own


def test_nothing_of_lenses_is_left_where_a_platform_has_one() -> None:
    kinds = {(value["kind"], key) for key, value in rendered("{name: p, platform: core}").items()}
    assert not [key for kind, key in kinds if kind in {"StatefulSet", "Secret", "Service"}]


# Errors and dead letters


@pytest.mark.parametrize(
    ("policy", "in_lenses", "restarts"),
    [("RETRY", "fail", "3"), ("THROW", "fail", "0"), ("NOOP", "continue", "0"), ("DROP", "continue", "0")],
)
def test_error_policy(policy: str, in_lenses: str, restarts: str) -> None:
    objects = rendered(f"{{name: p, queries: [{{name: q, sql: SELECT 1}}], errorHandling: {{policy: {policy}}}}}")
    assert settings(objects)["error.policy"] == in_lenses
    assert "dead.letter.queue" not in settings(objects)
    (keeper,) = objects["output"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "RETRIES", "value": restarts} in keeper["env"]


def test_dead_letters_have_their_topic() -> None:
    objects = rendered(
        "{name: p, queries: [{name: q, sql: SELECT 1}], topics: {input: [a]},"
        " errorHandling: {policy: DEAD_LETTER, deadLetterTopic: errors}}"
    )
    assert settings(objects)["error.policy"] == "dlq"
    assert settings(objects)["dead.letter.queue"] == "errors"
    assert topics(objects) == ["a", "errors"]


# Processing


@pytest.mark.parametrize(
    ("interval", "milliseconds"), [("500ms", "500"), ("30s", "30000"), ("5m", "300000"), ("1h", "3600000")]
)
def test_checkpoint_interval(interval: str, milliseconds: str) -> None:
    objects = rendered(
        "{name: p, platform: c, queries: [{name: q, sql: SELECT 1}],"
        f" processing: {{checkpointInterval: {interval}}}}}"
    )
    assert settings(objects)["commit.interval.ms"] == milliseconds


def test_a_setting_of_the_query_wins() -> None:
    sql = "SET commit.interval.ms='7'; SELECT 1"
    objects = rendered(f'{{name: p, platform: c, queries: [{{name: q, sql: "{sql}"}}]}}')
    (body,) = processors(objects).values()
    assert body["sql"].count("commit.interval.ms") == 1
    assert "SET error.policy='fail';" in body["sql"]


def test_in_process_parallelism_is_threads() -> None:
    objects = rendered("{name: p, platform: c, queries: [{name: q, sql: SELECT 1}], processing: {parallelism: 4}}")
    (body,) = processors(objects).values()
    assert settings(objects)["num.stream.threads"] == "4"
    assert body["deployment"] == {"mode": "IN_PROC"}


def test_in_kubernetes_parallelism_is_pods() -> None:
    objects = rendered(
        "{name: p, kafka: {bootstrapServers: 'k:9092'}, lenses: {url: 'http://l', secretRef: robot, environment: e},"
        " queries: [{name: q, sql: SELECT 1}], processing: {parallelism: 4},"
        " mode: kubernetes, kubernetes: {cluster: west, namespace: jobs}}"
    )
    (body,) = processors(objects).values()
    assert "num.stream.threads" not in settings(objects)
    assert body["deployment"] == {
        "mode": "KUBERNETES",
        "details": {"runners": 4, "cluster": "west", "namespace": "jobs"},
    }


@pytest.mark.parametrize(
    ("processing", "claims"), [("{}", []), ("{stateBackend: memory}", []), ("{stateBackend: rocksdb}", ["data"])]
)
def test_state_gets_a_volume_where_it_is_kept(processing: str, claims: list[str]) -> None:
    agent = rendered(f"{{name: p, processing: {processing}}}")["lenses-agent"]["spec"]
    assert [claim["metadata"]["name"] for claim in agent.get("volumeClaimTemplates", [])] == claims


# Kept in step


def test_each_processor_carries_the_marker_of_its_component() -> None:
    for body in processors(guide()).values():
        assert re.search(r"\[vela-realtime:default\.my-processor:[0-9a-f]{8}\]$", body["description"])


def test_a_changed_query_has_another_hash_and_the_other_query_has_not() -> None:
    def hashes(sql: str) -> dict[str, str]:
        objects = rendered(
            f"{{name: p, platform: c, queries: [{{name: one, sql: SELECT 1}}, {{name: two, sql: {sql}}}]}}"
        )
        lines = objects["processors-config"]["data"]["processors"].splitlines()
        return {line.split()[0]: line.split()[2] for line in lines}

    before, after = hashes("SELECT 2"), hashes("SELECT 3")
    assert before["p-one"] == after["p-one"]
    assert before["p-two"] != after["p-two"]


def test_a_change_makes_another_job() -> None:
    names = {
        rendered(f"{{name: p, platform: c, queries: [{{name: q, sql: SELECT {number}}}]}}")["processors"]["metadata"][
            "name"
        ]
        for number in (1, 2)
    }
    assert len(names) == 2


@pytest.mark.parametrize(("platform", "asked"), [("platform: c", True), ("mode: inProcess", False)])
def test_only_in_a_lenses_of_others_something_is_to_be_removed(platform: str, asked: bool) -> None:
    (keeper,) = rendered(f"{{name: p, {platform}}}")["output"]["spec"]["template"]["spec"]["containers"]
    assert ({"name": "DEPLOYMENT", "value": "p-stream-keeper"} in keeper["env"]) == asked


def test_the_keeper_may_ask_for_itself_and_for_nothing_else() -> None:
    objects = rendered("{name: p, platform: c}")
    assert objects["keeper-role"]["rules"] == [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "resourceNames": [objects["output"]["metadata"]["name"]],
            "verbs": ["get"],
        }
    ]


# What is refused


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ("{name: p, queries: [{name: q, sql: a}, {name: q, sql: b}]}", "queries has q twice"),
        ('{name: p, queries: [{name: q, sql: " "}]}', "queries: q has no sql"),
        (
            "{name: p, errorHandling: {policy: DEAD_LETTER}}",
            "errorHandling.policy DEAD_LETTER needs deadLetterTopic",
        ),
        (
            "{name: p, topics: {input: [a]}, errorHandling: {deadLetterTopic: a}}",
            "errorHandling.deadLetterTopic is one of topics.input: the queries would read their own failures",
        ),
        (
            "{name: p, platform: c, kafka: {bootstrapServers: 'k:9092'}}",
            "kafka and platform are two answers to one question: give one",
        ),
        ("{name: p, kubernetes: {namespace: jobs}}", "kubernetes has no effect in mode inProcess"),
        (
            "{name: p, platform: c, mode: kubernetes}",
            "mode kubernetes needs a Lenses of its own or lenses.url:"
            " the Agent of a realtime-platform runs queries inProcess only",
        ),
        (
            "{name: p, platform: c, lenses: {licenseKey: key}}",
            "lenses.licenseKey has no effect: the Lenses that is used is not this component's",
        ),
    ],
)
def test_rule(properties: str, message: str) -> None:
    assert message in refused(properties)


def test_several_platforms_are_one_too_many() -> None:
    platform = "{{name: {0}, type: realtime-platform, properties: {{name: {0}}}}}".format
    two = f"[{platform('one')}, {platform('two')}]"
    assert "several components could be meant (one, two): say which with platform" in refused("{name: p}", two)
    assert environment(rendered("{name: p, platform: two}", two))["LENSES_ENVIRONMENT"] == "two"
