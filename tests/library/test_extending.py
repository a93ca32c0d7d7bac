"""A part is added in two CUE files, and what is forgotten of it is found: a kafka-ui in the platform."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from vela_realtime import library
from vela_realtime.library import definition, fixtures
from vela_realtime.library.bundle import Sources
from vela_realtime.library.vet import run

if TYPE_CHECKING:
    from pathlib import Path

    from vela_realtime.library import Library

LIBRARY = library.find()

PART = """\
package realtime

#Images: "kafka-ui": {registry: "ghcr.io", repository: "kafbat/kafka-ui", tag: "v1.4.2"}

#Sizes: "kafka-ui": {
	small: {cpu: "100m", memory: "512Mi"}
	medium: {cpu: "200m", memory: "768Mi"}
	large: {cpu: "500m", memory: "1Gi"}
}

// #KafkaUI is Kafbat's web interface of Kafka.
#KafkaUI: {
	// #bootstrapServers of the Kafka that is shown.
	#bootstrapServers: string

	// #enabled is set by who uses the part, see CONTRIBUTING.md.
	#enabled: bool
	if #enabled {
		objects: {
			#rendered: bool
			if #rendered {
				"kafka-ui": #Deployment & {
					#part: "kafka-ui"
					spec: {
						replicas: 1
						template: {
							#uid:         100
							#metricsPort: 8080
							#metricsPath: "/actuator/prometheus"
							spec: {
								containers: [{
									name:  "kafka-ui"
									image: _instance.images["kafka-ui"]
									env: [{name: "KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS", value: #bootstrapServers}]
									ports: [{name: "http", containerPort: 8080}]
									resources: _instance.parts["kafka-ui"].resources
									#Probes & {#check: httpGet: {path: "/actuator/health", port: "http"}}
									volumeMounts: [{name: "tmp", mountPath: "/tmp"}]
								}]
								volumes: [{name: "tmp", emptyDir: sizeLimit: "64Mi"}]
							}
						}
					}
				}
				"kafka-ui-service": #Service & {#part: "kafka-ui", #ports: http: 8080}
			}
		}

		edges: [
			{from: "kafka-ui", to: "kafka", ports: [9092]},
			{from: "clients", to: "kafka-ui", ports: [8080]},
			{from: "monitoring", to: "kafka-ui", ports: [8080]},
		]
	}
}
"""

USE = """
#kafkaUI: #KafkaUI & {
	#enabled: _instance.ready

	#bootstrapServers: _bootstrapServers
}

#Parameter: images?: {
	// +usage=Kafka UI
	"kafka-ui"?: string
}
"""

ROW = '"kafka-ui": {kind: "Deployment", metrics: {port: 8080, path: "/actuator/prometheus"}}\n'
EDITS = [
    ("#Parts: {\n", f"#Parts: {{\n\t{ROW}"),
    ("\t\tif !_external {#kafka.edges},\n", "\t\tif !_external {#kafka.edges},\n\t\t#kafkaUI.edges,\n"),
    ("\tif !_external {#kafka.objects}\n", "\tif !_external {#kafka.objects}\n\t#kafkaUI.objects\n"),
]


def extended(folder: Path, *, part: str = PART, use: str = USE, edits: list[tuple[str, str]] = EDITS) -> Library:
    """Return a copy of the library with a kafka-ui: one file more, and the platform's table of parts edited."""
    shutil.copytree(LIBRARY.cue, folder / "cue")
    (folder / "cue/part_kafka_ui.cue").write_text(part, encoding="utf-8")
    table = folder / "cue/realtime-platform/parts.cue"
    text = table.read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    table.write_text(text + use, encoding="utf-8")
    return library.Library(folder)


def found(copied: Library) -> list[str]:
    """Return what vet says of the platform's sources, and of a platform with monitors."""
    said = [f"{item.file.rsplit('/', 1)[-1]}: {item.message}" for item in run.source_rules(Sources(copied))]
    (item,) = (item for item in definition.load(copied) if item.name == "realtime-platform")
    cases = fixtures.load(LIBRARY, "realtime-platform")
    minimal = next(case for case in cases if case.name == "minimal")
    case = dataclasses.replace(minimal, properties={**minimal.properties, "metrics": {"serviceMonitor": True}})
    return said + [fault.message for fault in run.fixture(copied, item, case)]


def rendered(copied: Library, properties: dict[str, Any]) -> dict[str, Any]:
    minimal = next(case for case in fixtures.load(LIBRARY, "realtime-platform") if case.name == "minimal")
    case = dataclasses.replace(minimal, properties={**minimal.properties, **properties})
    result = fixtures.render_package(copied, "realtime-platform", case, "component")
    assert not result.problems, result.problems[:2]
    return result.objects


def test_two_files_are_enough(tmp_path: Path) -> None:
    copied = extended(tmp_path)
    assert found(copied) == []

    given = {"metrics": {"serviceMonitor": True}, "partResources": {"kafka-ui": {"memory": "600Mi"}}}
    objects = rendered(copied, given | {"images": {"kafka-ui": "example.com/ui:1"}})
    container = objects["outputs.kafka-ui"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "example.com/ui:1"
    assert container["resources"]["limits"] == {"memory": "600Mi"}
    endpoint = objects["outputs.kafka-ui-monitor"]["spec"]["endpoints"][0]
    assert endpoint == {"port": "metrics", "path": "/actuator/prometheus"}
    assert objects["outputs.network-kafka-ui"]["spec"]["ingress"][1]["ports"] == [{"protocol": "TCP", "port": 8080}]
    (item,) = (item for item in definition.load(copied) if item.name == "realtime-platform")
    assert ("kafka-ui", "Deployment", "kafka-ui") in {(part.name, part.kind, part.output) for part in item.parts}

    # Who has no kafka-ui carries none of it.
    for folder in LIBRARY.folders():
        if folder.name != "realtime-platform":
            assert Sources(copied).bundle(copied.cue / folder.name).text == Sources(LIBRARY).bundle(folder).text


@pytest.mark.parametrize(
    ("forgotten", "message"),
    [
        ({"edits": EDITS[1:]}, 'undefined field: "kafka-ui"'),
        (
            {"edits": [(EDITS[0][0], '#Parts: {\n\t"kafka-ui": {kind: "Deployment"}\n'), *EDITS[1:]]},
            "outputs.kafka-ui: no monitor scrapes port 8080: its row in #Parts needs metrics: port: 8080",
        ),
        (
            {"edits": [(EDITS[0][0], '#Parts: {\n\t"kafka-ui": {metrics: port: 8080}\n'), *EDITS[1:]]},
            "outputs.kafka-ui: no NetworkPolicy is for these pods, so they reach nothing",
        ),
        (
            {"edits": [(EDITS[0][0], '#Parts: {\n\t"kafka-ui": {metrics: port: 8080}\n'), *EDITS[1:]]},
            "outputs.kafka-ui: health and status do not look at this Deployment",
        ),
        ({"edits": [EDITS[0], EDITS[2]]}, "parts.cue: nobody takes the edges of #kafkaUI"),
        ({"edits": EDITS[:2]}, "parts.cue: nobody takes the objects of #kafkaUI"),
        (
            {"use": USE.split("#Parameter")[0]},
            "part_kafka_ui.cue: the image kafka-ui has no parameter images.kafka-ui",
        ),
        (
            {"part": PART.replace('{from: "monitoring", to: "kafka-ui", ports: [8080]},', "")},
            "outputs.kafka-ui: no NetworkPolicy admits what scrapes port 8080: add an edge from monitoring",
        ),
    ],
)
def test_what_is_forgotten_of_a_part(forgotten: dict[str, Any], message: str, tmp_path: Path) -> None:
    said = found(extended(tmp_path, **forgotten))
    assert any(message in item for item in said), said
