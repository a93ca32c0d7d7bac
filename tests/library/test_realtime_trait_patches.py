"""The traps of KubeVela's patches, one case each: lists without a key, keys that are no literals, values that unify."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.applications import container, environment, files, pod, render
from tests.support.versions import VELA_VERSIONS

OBJECT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop"},
    "spec": {
        "selector": {"matchLabels": {"app": "mine"}},
        "template": {
            "metadata": {"labels": {"app": "mine"}},
            "spec": {
                "containers": [
                    {"name": "proxy", "image": "example.com/proxy:1", "env": [{"name": "A", "value": "1"}]},
                    {
                        "name": "shop",
                        "image": "example.com/shop:1",
                        "env": [{"name": "B", "value": "2"}, {"name": "C", "value": "3"}],
                        "envFrom": [{"secretRef": {"name": "mine"}}],
                        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                    },
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
        },
    },
}
KAFKA = {"type": "realtime", "properties": {"platform": "core", "parts": ["kafka"]}}
SERVERS = "KAFKA_BOOTSTRAP_SERVERS"


def shop(*traits: dict[str, Any], version: str, kind: str = "webservice", **properties: Any) -> dict[str, Any]:
    """Render a component with traits and return its workload."""
    if kind != "k8s-objects":
        properties = {"image": "example.com/shop:1", **properties}
    component = {"name": "shop", "type": kind, "properties": properties, "traits": list(traits)}
    output: dict[str, Any] = render([component], version)["shop"]["output"]
    return output


@pytest.mark.parametrize("version", VELA_VERSIONS)
class TestPatch:
    def test_the_container_is_found_by_name_not_by_position(self, version: str) -> None:
        workload = shop(KAFKA, kind="k8s-objects", objects=[OBJECT], version=version)
        assert [item["name"] for item in pod(workload)["containers"]] == ["proxy", "shop"]
        assert environment(workload, "proxy") == {"A": "1"}
        assert sorted(environment(workload, "shop")) == ["B", "C", SERVERS, "KAFKA_SCHEMA_REGISTRY_URL"]

    def test_a_container_of_another_name_is_found_by_the_parameter(self, version: str) -> None:
        trait = {"type": "realtime", "properties": {**KAFKA["properties"], "container": "proxy"}}  # type: ignore[dict-item]
        workload = shop(trait, kind="k8s-objects", objects=[OBJECT], version=version)
        assert sorted(environment(workload, "proxy")) == ["A", SERVERS, "KAFKA_SCHEMA_REGISTRY_URL"]
        assert environment(workload, "shop") == {"B": "2", "C": "3"}

    def test_a_list_that_is_longer_than_ours_keeps_its_items(self, version: str) -> None:
        many = [{"name": f"V{number}", "value": str(number)} for number in range(9)]
        found = environment(shop(KAFKA, env=many, version=version))
        assert {name: found[name] for name in found if name.startswith("V")} == {
            f"V{number}": str(number) for number in range(9)
        }
        assert found[SERVERS] == f"core-kafka-secret/{SERVERS}"

    def test_env_from_stays(self, version: str) -> None:
        workload = shop(KAFKA, kind="k8s-objects", objects=[OBJECT], version=version)
        assert container(workload, "shop")["envFrom"] == [{"secretRef": {"name": "mine"}}]

    def test_volumes_and_mounts_are_added_to_those_that_are_there(self, version: str) -> None:
        workload = shop(KAFKA, kind="k8s-objects", objects=[OBJECT], version=version)
        assert files(workload, "shop") == {"/tmp": "emptyDir", "/etc/realtime/kafka": "core-kafka-secret"}

    def test_one_volume_that_is_mounted_twice_stays_so(self, version: str) -> None:
        mounts = [
            {"name": "data", "mountPath": path, "subPath": path[1:], "claimName": "claim"} for path in ("/a", "/b")
        ]
        found = files(shop(KAFKA, volumeMounts={"pvc": mounts}, version=version))
        assert set(found) == {"/a", "/b", "/etc/realtime/kafka"}

    def test_a_variable_of_the_component_is_neither_changed_nor_in_conflict(self, version: str) -> None:
        mine = [{"name": SERVERS, "value": "kafka.example.com:9092"}]
        assert environment(shop(KAFKA, env=mine, version=version))[SERVERS] == "kafka.example.com:9092"

    def test_a_variable_that_the_env_trait_set_before_is_left_alone(self, version: str) -> None:
        env = {"type": "env", "properties": {"env": {SERVERS: "kafka.example.com:9092"}}}
        assert environment(shop(env, KAFKA, version=version))[SERVERS] == "kafka.example.com:9092"

    def test_a_variable_that_the_env_trait_sets_after_takes_the_place_of_ours(self, version: str) -> None:
        env = {"type": "env", "properties": {"env": {SERVERS: "kafka.example.com:9092"}}}
        assert environment(shop(KAFKA, env, version=version))[SERVERS] == "kafka.example.com:9092"

    def test_a_variable_that_the_storage_trait_set_before_is_left_alone(self, version: str) -> None:
        mounted = {"name": "mine", "mountPath": "/mine", "mountToEnv": {"envName": SERVERS, "secretKey": "k"}}
        storage = {"type": "storage", "properties": {"secret": [mounted]}}
        assert environment(shop(storage, KAFKA, version=version))[SERVERS] == "mine/k"

    def test_a_replaced_environment_ends_with_what_the_env_trait_says(self, version: str) -> None:
        env = {"type": "env", "properties": {"replace": True, "env": {"ONLY": "1"}, "unset": []}}
        assert environment(shop(KAFKA, env, version=version)) == {"ONLY": "1"}

    @pytest.mark.parametrize(
        ("kind", "properties", "expected"),
        [
            ("webservice", {}, "Deployment"),
            ("worker", {}, "Deployment"),
            ("statefulset", {}, "StatefulSet"),
            ("daemon", {}, "DaemonSet"),
        ],
    )
    def test_kinds_of_workloads(self, kind: str, properties: dict[str, Any], expected: str, version: str) -> None:
        workload = shop(KAFKA, kind=kind, version=version, **properties)
        assert workload["kind"] == expected
        assert environment(workload)[SERVERS] == f"core-kafka-secret/{SERVERS}"
        assert files(workload) == {"/etc/realtime/kafka": "core-kafka-secret"}

    def test_two_platforms_with_a_prefix(self, version: str) -> None:
        other = {"type": "realtime", "properties": {"platform": "cold", "prefix": "COLD_STORE", "parts": ["kafka"]}}
        for order in ([KAFKA, other], [other, KAFKA]):
            workload = shop(*order, version=version)
            found = environment(workload)
            assert found[SERVERS] == f"core-kafka-secret/{SERVERS}"
            assert found[f"COLD_STORE_{SERVERS}"] == f"cold-kafka-secret/{SERVERS}"
            assert files(workload) == {
                "/etc/realtime/kafka": "core-kafka-secret",
                "/etc/realtime/cold-store/kafka": "cold-kafka-secret",
            }

    def test_two_platforms_that_share_no_part_need_no_prefix(self, version: str) -> None:
        broker = {"type": "realtime", "properties": {"platform": "devices", "kind": "iot-broker", "parts": ["mqtt"]}}
        found = environment(shop(KAFKA, broker, version=version))
        assert found[SERVERS] == f"core-kafka-secret/{SERVERS}"
        assert found["MQTT_HOST"] == "devices-iot-mqtt-secret/MQTT_HOST"

    def test_two_platforms_under_the_same_variables_are_refused(self, version: str) -> None:
        other = {"type": "realtime", "properties": {"platform": "cold", "parts": ["kafka"]}}
        with pytest.raises(AssertionError, match="kafka of another platform is there already: give one of the two a"):
            shop(KAFKA, other, version=version)

    def test_two_egress_policies_have_two_names(self, version: str) -> None:
        traits = [
            {"type": "realtime", "properties": {"platform": platform, "prefix": platform.upper(), **more}}
            for platform in ("core", "cold")
            for more in ({"networkPolicy": {"egress": True}, "namespace": "streaming"},)
        ]
        component = {"name": "shop", "type": "webservice", "properties": {"image": "i"}, "traits": traits}
        objects = render([component], version)["shop"]
        policies = [item for item in objects.values() if item["kind"] == "NetworkPolicy"]
        assert len({item["metadata"]["name"] for item in policies}) == 2
        assert all(item["spec"]["egress"][1]["to"][0]["namespaceSelector"] for item in policies)


@pytest.mark.parametrize(("version", "works"), [("1.11.0", True), ("1.10.8", False)])
def test_a_variable_that_the_storage_trait_sets_after(version: str, works: bool) -> None:
    """KubeVela 1.10's storage trait unifies where it means to replace: it fails, and never makes half a variable."""
    mounted = {"name": "mine", "mountPath": "/mine", "mountToEnv": {"envName": SERVERS, "secretKey": "k"}}
    storage = {"type": "storage", "properties": {"secret": [mounted]}}
    if works:
        assert environment(shop(KAFKA, storage, version=version))[SERVERS] == "mine/k"
    else:
        with pytest.raises(AssertionError, match="conflicting values"):
            shop(KAFKA, storage, version=version)
