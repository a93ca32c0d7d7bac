"""Each setting of a site file does what cue/site.cue says, and an Application's own parameter wins over it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from vela_realtime import library
from vela_realtime.errors import SourceError
from vela_realtime.library import fixtures, reference
from vela_realtime.library import site as site_file

LIBRARY = library.find()
SNOWFLAKE = {
    "enabled": True,
    "database": "RAW",
    "schema": "EVENTS",
    "topics": ["orders"],
    "credentialsSecret": "snowflake",
}
EVENTS = {"dataSources": [{"name": "events", "type": "kafka", "connectionString": "kafka:9092"}]}


def result(definition: str, properties: dict[str, Any], site: dict[str, Any]) -> fixtures.PackageResult:
    case = fixtures.Case(definition, "site", LIBRARY.root, 1, {"name": "core", **properties})
    return fixtures.render_package(LIBRARY, definition, case, "component", site=site)


def objects(definition: str, properties: dict[str, Any], site: dict[str, Any]) -> dict[str, Any]:
    found = result(definition, properties, site)
    assert not found.problems, found.problems
    return {key.removeprefix("outputs."): value for key, value in found.objects.items()}


def platform(site: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return objects("realtime-platform", properties, site)


def values(data: Any, key: str) -> list[Any]:
    """Return every value that stands under a key, however deep."""
    if isinstance(data, list):
        return [found for item in data for found in values(item, key)]
    if not isinstance(data, dict):
        return []
    return ([data[key]] if key in data else []) + [found for item in data.values() for found in values(item, key)]


def test_image_registry() -> None:
    images = values(platform({"imageRegistry": "registry.example.com/mirror"}), "image")
    assert images
    assert all(image.startswith("registry.example.com/mirror/") for image in images)
    own = values(platform({"imageRegistry": "registry.example.com"}, imageRegistry="other.example.com"), "image")
    assert all(image.startswith("other.example.com/") for image in own)


def test_image_pull_secrets() -> None:
    found = platform({"imagePullSecrets": ["pull"]})
    pods = [item["spec"]["template"]["spec"] for item in found.values() if "template" in item.get("spec", {})]
    assert pods
    assert all(pod["imagePullSecrets"] == [{"name": "pull"}] for pod in pods)
    assert values(platform({"imagePullSecrets": ["pull"]}, imagePullSecrets=["own"]), "imagePullSecrets")[0] == [
        {"name": "own"}
    ]


def test_storage_class() -> None:
    assert set(values(platform({"storageClass": "fast"}), "storageClassName")) == {"fast"}
    assert set(values(platform({"storageClass": "fast"}, storage={"class": "slow"}), "storageClassName")) == {"slow"}


def test_cluster_domain() -> None:
    text = json.dumps(platform({"clusterDomain": "example.internal"}))
    assert "core-kafka.default.svc.example.internal" in text
    assert "cluster.local" not in text
    assert "svc.own.internal" in json.dumps(
        platform({"clusterDomain": "example.internal"}, clusterDomain="own.internal")
    )


def test_minimum_replication_factor() -> None:
    site = {"minimumReplicationFactor": 3}
    (problem,) = result("realtime-platform", {}, site).problems
    assert "kafkaConfig.replicationFactor 1 is below 3, the least that this organisation allows" in problem.path
    assert platform(site, kafkaConfig={"replicationFactor": 3})


def test_size() -> None:
    def memory(found: dict[str, Any]) -> str:
        return str(found["output"]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"])

    assert memory(platform({"size": "small"})) == memory(platform({}, size="small")) != memory(platform({}))
    assert memory(platform({"size": "small"}, size="large")) == memory(platform({}, size="large"))


def test_pods_of_any_cluster() -> None:
    """An Application's parameters win, and its labels and annotations are added."""
    site = {
        "podLabels": {"team": "site", "zone": "a"},
        "podAnnotations": {"owner": "site"},
        "cpuLimits": True,
        "securityContext": "openshift",
        "mesh": "istio",
    }

    def told(**properties: Any) -> list[Any]:
        found = objects("iot-broker", properties, site)
        broker, job = (found[key]["spec"]["template"] for key in ("output", "credentials"))
        labels, annotations = broker["metadata"]["labels"], broker["metadata"]["annotations"]
        limits = broker["spec"]["containers"][0]["resources"]["limits"]
        return [
            labels["team"],
            labels["zone"],
            annotations["owner"],
            "cpu" in limits,
            "runAsUser" in broker["spec"]["securityContext"],
            job["metadata"]["labels"].get("sidecar.istio.io/inject"),
        ]

    assert told() == ["site", "a", "site", True, False, "false"]
    own = {"podLabels": {"team": "own"}, "podAnnotations": {"owner": "own"}, "cpuLimits": False}
    assert told(**own, securityContext="restricted", mesh="none") == ["own", "a", "own", False, True, None]


def test_telemetry() -> None:
    """An endpoint of the Application's own leaves the site's protocol behind: it is another collector."""
    site = {"telemetry": {"endpoint": "http://collector.monitoring:4318", "protocol": "http/json"}}

    def told(site: dict[str, Any], **properties: Any) -> dict[str, str]:
        found = objects("webservice", {"image": "nginx", "language": "go", **properties}, site)
        env = found["output"]["spec"]["template"]["spec"]["containers"][0]["env"]
        return {item["name"]: item["value"] for item in env if item["name"].startswith("OTEL_EXPORTER")}

    assert told({}) == {}
    assert list(told(site).values()) == ["http://collector.monitoring:4318", "http/json"]
    assert list(told(site, telemetry={"protocol": "grpc"}).values()) == ["http://collector.monitoring:4318", "grpc"]
    assert list(told(site, telemetry={"endpoint": "http://own:4317"}).values()) == ["http://own:4317", "grpc"]
    assert told(site, telemetry={"endpoint": ""}) == {}


@pytest.mark.parametrize("definition", ["realtime-platform", "iot-broker", "stream-processor", "analytics-dashboard"])
def test_network_policies_are_the_sites_to_switch_off(definition: str) -> None:
    def policies(site: dict[str, Any], **properties: Any) -> int:
        return [item["kind"] for item in objects(definition, properties, site).values()].count("NetworkPolicy")

    off = {"networkPolicy": {"enabled": False}}
    assert policies({}) > 0
    assert policies(off) == 0
    assert policies(off, networkPolicy={"enabled": True}) == policies({})
    assert policies({}, networkPolicy={"enabled": False}) == 0


def test_monitoring_namespace() -> None:
    text = json.dumps(platform({"networkPolicy": {"monitoringNamespace": "observability"}}))
    assert '"kubernetes.io/metadata.name": "observability"' in text
    assert '"kubernetes.io/metadata.name": "monitoring"' not in text


def test_ports_of_the_api_server() -> None:
    def ports(site: dict[str, Any]) -> list[int]:
        (rule,) = platform(site)["network-credentials"]["spec"]["egress"]
        return [port["port"] for port in rule["ports"]]

    assert ports({}) == [443, 6443]
    assert ports({"networkPolicy": {"apiServerPorts": [443, 16443]}}) == [443, 16443]
    with pytest.raises(AssertionError, match="apiServerPorts"):
        ports({"networkPolicy": {"apiServerPorts": []}})


def rules(found: dict[str, Any], key: str, direction: str, port: int) -> list[Any]:
    """Return whom the rules for a port of a policy are for; None is anyone, or any address."""
    side = {"ingress": "from", "egress": "to"}[direction]
    policy = found[key]["spec"]
    return [rule.get(side) for rule in policy[direction] if port in [item["port"] for item in rule["ports"]]]


CLUSTER = {
    "networkPolicy": {
        "apiServerCidrs": ["10.96.0.1/32", "fd00::/8"],
        "dnsCidrs": ["10.96.0.10/32"],
        "ingressNamespaces": ["ingress-nginx", "gateways"],
    }
}
API = [{"ipBlock": {"cidr": "10.96.0.1/32"}}, {"ipBlock": {"cidr": "fd00::/8"}}]
DNS = [{"ipBlock": {"cidr": "10.96.0.10/32"}}]
CONTROLLERS = [
    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
    for name in ("ingress-nginx", "gateways")
]
PAGE = {"type": "Ingress", "host": "page.example.com"}


def test_where_the_api_server_and_dns_are() -> None:
    for part in ("credentials", "lenses-environment"):
        assert rules(platform({}), f"network-{part}", "egress", 6443) == [None]
        assert rules(platform(CLUSTER), f"network-{part}", "egress", 6443) == [API]
    assert rules(platform({}), "network-default", "egress", 53) == [None]
    assert rules(platform(CLUSTER), "network-default", "egress", 53) == [DNS]
    # The keeper and the Agent speak to it too.
    processor = objects("stream-processor", {"mode": "kubernetes"}, CLUSTER)
    for part in ("keeper", "lenses-agent", "credentials"):
        assert rules(processor, f"network-{part}", "egress", 6443) == [API], part


def test_where_the_controllers_of_ingresses_run() -> None:
    """Only pages are theirs: brokers for devices are behind load balancers, whose addresses anyone may have."""
    tls = {"secretName": "t"}
    platforms = {"external": {"lenses": {**PAGE, "tls": tls}, "mqtt": {"type": "LoadBalancer"}}, "tls": tls}
    for site, who in (({}, None), (CLUSTER, CONTROLLERS)):
        assert rules(platform(site, **platforms), "network-lenses-hq", "ingress", 9991)[-1] == who
        assert rules(platform(site, **platforms), "network-mqtt", "ingress", 8883)[-1] is None
        board = objects("analytics-dashboard", {"external": PAGE, "tls": tls}, site)
        assert rules(board, "network-metabase", "ingress", 3000)[-1] == who
    assert None not in rules(platform(CLUSTER), "network-metabase", "ingress", 3000)


def test_ports_of_the_clusters_dns() -> None:
    def ports(site: dict[str, Any], **properties: Any) -> list[tuple[str, int]]:
        (rule,) = platform(site, **properties)["network-default"]["spec"]["egress"]
        return [(port["protocol"], port["port"]) for port in rule["ports"]]

    assert ports({}) == [("UDP", 53), ("TCP", 53)]
    assert ports({"networkPolicy": {"dnsPorts": [1053]}}) == [("UDP", 1053), ("TCP", 1053)]
    # OpenShift's DNS listens there, behind port 53 of its Service: cluster-dns-operator, assets/dns/daemonset.yaml.
    for found in (ports({"securityContext": "openshift"}), ports({}, securityContext="openshift")):
        assert found == [("UDP", 53), ("TCP", 53), ("UDP", 5353), ("TCP", 5353)]
    with pytest.raises(AssertionError, match="dnsPorts"):
        ports({"networkPolicy": {"dnsPorts": []}})


def test_an_agent_from_an_image_needs_no_way_out() -> None:
    site = {"plugins": {"jmx": {"image": "example.com/agent:1", "directory": "/agent"}}}
    (policy,) = (item for key, item in platform(site, metrics={"jmx": True}).items() if key == "network-kafka")
    assert all("to" in rule for rule in policy["spec"]["egress"])


ARCHIVE = {"url": "https://files.example.com/plugin.zip", "sha256": "0" * 64}
IMAGE = {"image": "registry.example.com/plugin:1", "directory": "/plugins/it"}
USERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "jdbc": ("analytics-dashboard", "connect", EVENTS),
    "jmx": ("realtime-platform", "output", {"metrics": {"jmx": True}}),
}
"""By plugin, a definition that has it, the part, and what asks for it."""


@pytest.mark.parametrize("plugin", sorted(USERS))
@pytest.mark.parametrize("source", [ARCHIVE, IMAGE], ids=["archive", "image"])
def test_plugins(plugin: str, source: dict[str, str]) -> None:
    definition, part, properties = USERS[plugin]
    found = objects(definition, properties, {"plugins": {plugin: source}})
    config = found["kafka-config" if part == "output" else "connect-config"]["data"]["plugins"].split()
    (container,) = found[part]["spec"]["template"]["spec"]["initContainers"]
    if source == ARCHIVE:
        assert config[1:] == [source["url"], source["sha256"]]
    else:
        assert config == []
        assert container["image"] == source["image"]
        assert {"name": "PLUGIN_SOURCE", "value": source["directory"]} in container["env"]


def test_snowflake_plugin() -> None:
    source = {"url": "https://files.example.com/snowflake.tar.gz"}
    (problem,) = result("realtime-platform", {"snowflakeConfig": SNOWFLAKE}, {}).problems
    assert "snowflakeConfig needs the connector's plugin" in problem.path
    found = platform({"plugins": {"snowflake": source}}, snowflakeConfig=SNOWFLAKE)
    assert f"snowflake {source['url']}" in found["connect-config"]["data"]["plugins"]


@pytest.mark.parametrize(
    ("definition", "properties", "message"),
    [
        ("realtime-platform", {}, "a platform has Lenses in it"),
        (
            "stream-processor",
            {"kafka": {"bootstrapServers": "kafka.example.com:9092"}},
            "this component needs a Lenses of its own",
        ),
    ],
)
def test_no_lenses_without_its_licence_agreement(definition: str, properties: dict[str, Any], message: str) -> None:
    (problem,) = result(definition, properties, {"lenses": {"acceptEULA": False}}).problems
    assert message in problem.path
    assert "the site does not accept Lenses' licence agreement (lenses.acceptEULA)" in problem.path


def test_lenses_licence_key() -> None:
    def key(found: dict[str, Any]) -> str:
        return base64.b64decode(found["lenses-licence"]["data"]["LENSES_LICENSE"]).decode()

    assert key(platform({"lenses": {"licenseKey": "of-the-site"}})) == "of-the-site"
    assert key(platform({"lenses": {"licenseKey": "of-the-site"}}, lensesConfig={"licenseKey": "own"})) == "own"


SMTP = {"host": "mail.example.com", "port": 25, "from": "board@example.com", "secretRef": "mail"}


@pytest.mark.parametrize("dashboard", ["metabase", "grafana"])
def test_mail_server(dashboard: str) -> None:
    board = {"dashboardType": dashboard, **EVENTS}
    text = json.dumps(objects("analytics-dashboard", board, {"smtp": SMTP}))
    assert "mail.example.com" in text
    assert "board@example.com" in text
    own = {**board, "smtp": {"host": "own.example.com", "from": "own@example.com"}}
    assert "mail.example.com" not in json.dumps(objects("analytics-dashboard", own, {"smtp": SMTP}))


WRONG = """\
imageRegistry: https://registry.example.com
storageClas: fast
lenses:
  acceptEula: false
minimumReplicationFactor: "3"
smtp:
  host: mail.example.com
  from: 3
plugins:
  jdbc: {ulr: "https://files.example.com/plugin.zip"}
"""


def test_all_mistakes_of_a_site_file_are_said_at_once_with_what_was_meant(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(WRONG, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        site_file.declaration(LIBRARY, file)
    assert [(item.line, item.column, item.rule, item.message, item.hint) for item in caught.value.findings] == [
        (
            1,
            16,
            "site",
            'imageRegistry must be "" or an image registry with an optional port and path, and no scheme,'
            ' not "https://registry.example.com"',
            "",
        ),
        (2, 1, "site", "there is no storageClas", "did you mean storageClass?"),
        (4, 3, "site", "there is no lenses.acceptEula", "did you mean acceptEULA?"),
        (5, 27, "site", 'minimumReplicationFactor must be one of 1, 2, 3, not "3"', "write it without quotes: 3"),
        (8, 9, "site", "smtp.from must be a text, not 3", ""),
        (10, 10, "site", "there is no plugins.jdbc.ulr", "there are directory, image, sha256, url"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "storageClass: Fast_1",
            'storageClass must be "" or the name of a Kubernetes object: small letters, digits and dashes, with dots',
        ),
        (
            "imagePullSecrets: [A b]",
            'imagePullSecrets[0]: "A b" is not the name of a Kubernetes object: a DNS subdomain',
        ),
        ("clusterDomain: cluster local", 'clusterDomain: "cluster local" is not a DNS name of one label or more'),
        ("networkPolicy: {monitoringNamespace: A}", 'networkPolicy.monitoringNamespace: "A" is not a DNS label'),
        (
            "networkPolicy: {dnsCidrs: [10.96.0.10]}",
            'networkPolicy.dnsCidrs[0]: "10.96.0.10" is not a range of addresses: 10.96.0.0/12, fd00::/8',
        ),
        (
            "networkPolicy: {apiServerPorts: [0]}",
            "networkPolicy.apiServerPorts[0] must be more than 0 and less than 65536",
        ),
        (
            "plugins: {jdbc: {url: ftp://x}}",
            'plugins.jdbc.url: "ftp://x" is not an address that starts with http:// or https://',
        ),
        (
            "plugins: {jmx: {image: a b}}",
            'plugins.jmx.image: "a b" is not an image reference: a name with tag or digest',
        ),
        ("plugins: {jmx: {directory: x}}", 'plugins.jmx.directory: "x" is not a path that starts with /'),
        ("lenses: {licenseKey: a b}", 'lenses.licenseKey must be "" or a text without blanks'),
        ("smtp: {host: 'a:25', from: a@b}", 'smtp.host: "a:25" is not a DNS name or an address, without a port'),
        ("smtp: {host: a, from: nobody}", 'smtp.from: "nobody" is not an email address'),
        ("smtp: {host: a, from: a@b, port: 99999}", "smtp.port must be more than 0 and less than 65536, not 99999"),
        ("smtp: {host: a, from: a@b, secretRef: A b}", 'smtp.secretRef: "A b" is not the name of a Kubernetes object'),
    ],
)
def test_what_no_cluster_takes_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        site_file.declaration(LIBRARY, file)
    assert [item.message[: len(message)] for item in caught.value.findings] == [message]


def test_the_guide_has_every_setting() -> None:
    text = (LIBRARY.root / "docs" / "site.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\S+)` \| (.*?) \| (.*?) \| .+ \|$", text, re.MULTILINE)
    known = reference.rows(site_file.schema(LIBRARY))
    # What is a default only for people is said in words on either side.
    told = [(path, kind, re.sub(r"^[^`*].*", "", default)) for path, kind, default in rows]
    wanted = {
        (re.sub(r"plugins\.\w+\.|`", "", path), kind, re.sub(r"^[^`*].*", "", default)) for path, kind, default in known
    }
    assert sorted(told) == sorted(wanted)


def test_no_setting_is_without_effect() -> None:
    """Whoever adds a setting to #Site adds a test of what it does."""
    text = (LIBRARY.cue / "site.cue").read_text(encoding="utf-8").split("#Site: {")[1].split("\n}\n")[0]
    settings = re.findall(r"^\t+(\w+)\??:", text, re.MULTILINE)
    tested = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in settings if f'"{name}"' not in tested] == []


def test_an_organisation_asks_for_users_of_kafka() -> None:
    site = {"kafkaAuthentication": "scram"}
    (problem,) = result("realtime-platform", {}, site).problems
    assert "kafkaConfig.authentication has to be scram in this organisation" in problem.path
    assert platform(site, kafkaConfig={"authentication": "scram"})
    assert platform(site, kafkaConfig={"external": {"bootstrapServers": "kafka.example.com:9092"}})
