"""Parameters that must not change: marked once, and declared a second time as KubeVela reads them."""

from __future__ import annotations

from pathlib import Path

from vela_realtime.cue.syntax import parse
from vela_realtime.library import find, immutable
from vela_realtime.library.bundle import Sources

PARAMETERS = """package realtime

#Parameter: {
	// +usage=Name
	// +immutable
	name: string
	// +usage=Kafka
	kafka: {
		// +usage=Controllers
		// +immutable
		controllers?: 1 | 3
		// +usage=Partitions
		partitions: *3 | int
	}
	#Common
}
"""

COMMON = """package realtime

#Common: {
	// +usage=Volumes
	storage?: {
		// +usage=Class
		// +immutable
		class?: string
	}
}
"""


def test_the_second_declaration_has_them_and_nothing_else() -> None:
    own, common = parse(Path("parameter.cue"), PARAMETERS), parse(Path("common.cue"), COMMON)
    assert (
        "\n".join(immutable.declaration(immutable.of([own], [common])))
        == """parameter: {
	// +immutable
	name: _
	kafka: {
		// +immutable
		controllers?: _
		...
	}
	storage?: {
		// +immutable
		class?: _
		...
	}
	...
}"""
    )


def test_without_any_there_is_none() -> None:
    own = parse(Path("parameter.cue"), PARAMETERS.replace("	// +immutable\n", ""))
    assert immutable.declaration(immutable.of([own], [])) == []


def test_what_the_definitions_keep() -> None:
    library = find()
    sources = Sources(library)
    found = {
        folder.name: {".".join(item.path) for item in immutable.of(sources.own(folder), sources.shared())}
        for folder in library.folders()
    }
    assert {name: paths for name, paths in found.items() if paths} == {
        "analytics-dashboard": {"name", "storage.class", "storage.database"},
        "iot-broker": {"name", "persistence.enabled", "persistence.size", "storage.class"},
        "realtime-platform": {
            "database",
            "kafkaConfig.controllers",
            "mqttConfig.persistenceSize",
            "name",
            "storage.class",
            "storage.database",
            "storage.kafka",
        },
        "stream-processor": {
            "name",
            "processing.stateBackend",
            "storage.class",
            "storage.database",
            "storage.kafka",
            "storage.state",
        },
    }
