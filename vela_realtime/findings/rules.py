"""Every rule of ``check``: what it is called, what it says, and why. The pages in ``docs/rules/`` are made from it."""

from __future__ import annotations

from dataclasses import dataclass

from vela_realtime.findings import Severity


@dataclass(frozen=True)
class About:
    """A rule: its layer, its severity, one line about it, the reason, and what is wrong and right."""

    layer: str
    severity: Severity
    title: str
    why: str
    wrong: str = ""
    right: str = ""
    also: Severity | None = None
    """What some of its findings are instead."""


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

RULES: dict[str, About] = {
    "yaml": About(
        "YAML",
        _ERROR,
        "A file is YAML or JSON that can be read in one way only",
        "A key that is given twice is kept once, without a word; so are half of the values of a file that was merged"
        " badly. Aliases that lead back to where they are, and documents that are larger than an API server takes,"
        " are refused.",
        "properties:\n  name: devices\n  name: sensors",
        "properties:\n  name: sensors",
    ),
    "yaml-word": About(
        "YAML",
        _ERROR,
        "A word that YAML takes for a boolean or a number is in quotes where a text is meant",
        "Kubernetes reads `on`, `yes` and `y` as true, `off`, `no` and `n` as false, in keys too, and `1.10` as the"
        " number 1.1.",
        "environment:\n  COUNTRY: no",
        'environment:\n  COUNTRY: "no"',
    ),
    "application": About(
        "Application",
        _ERROR,
        "A document has the form of an Application",
        "Names, components, traits, policies and steps have to be there and of the right type, or nothing can be said"
        " of what they belong to. Names are given once.",
        "spec:\n  components:\n    - type: iot-broker",
        "spec:\n  components:\n    - name: broker\n      type: iot-broker",
    ),
    "unknown-field": About(
        "Application",
        _ERROR,
        "An Application has only the fields that KubeVela knows",
        "An API server drops a field that it does not know, or refuses it, depending on how it is asked.",
        "- name: broker\n  type: iot-broker\n  propertis:\n    name: devices",
        "- name: broker\n  type: iot-broker\n  properties:\n    name: devices",
    ),
    "unknown-name": About(
        "Application",
        _ERROR,
        "What refers to a component, a policy or a step names one that is there",
        "`dependsOn`, the policies of a `deploy` step, the component of an `apply-component` step, the selectors of"
        " policies and where an input comes from are names.",
        "- name: reader\n  type: webservice\n  dependsOn: [platfrom]",
        "- name: reader\n  type: webservice\n  dependsOn: [platform]",
    ),
    "unknown-type": About(
        "Application",
        _ERROR,
        "Every type has a definition",
        "Types are looked up in the folders given by `--definitions`, among the definitions that stand beside the"
        " Application, in this library, and among all that KubeVela's chart installs. What this library offers in place"
        " of one of KubeVela's own (`webservice`) counts only where it is asked for: by `--optional`, or by the"
        " annotation `vela-realtime.dev/optional`.",
        "type: iot-brocker",
        "type: iot-broker",
    ),
    "deprecated-type": About(
        "Application",
        _WARNING,
        "A type is one that KubeVela still wants to be used",
        "KubeVela's chart installs some definitions for Applications of long ago only, and may stop doing so.",
        "traits:\n  - type: ingress\n    properties: {domain: a.example.com, http: {/: 80}}",
        "traits:\n  - type: gateway\n    properties: {domain: a.example.com, http: {/: 80}}",
    ),
    "version": About(
        "Application",
        _ERROR,
        "A version that is asked for is the one that is there",
        "`type: iot-broker@v1.0.0` works in a cluster that has this version of the definition. A range, `v1` or `v1.0`,"
        ' needs the annotation `app.oam.dev/autoUpdate: "true"` beside it: KubeVela refuses the Application otherwise.',
        "type: iot-broker@v9.0.0",
        "type: iot-broker@v1.0.0",
    ),
    "unknown-property": About(
        "Properties",
        _ERROR,
        "A property is one that the definition has",
        "The definition is closed: KubeVela refuses the Application.",
        "mqtPort: 1884",
        "mqttPort: 1884",
    ),
    "ignored-property": About(
        "Properties",
        _WARNING,
        "A property has an effect",
        "KubeVela's own definitions are open: a property that is misspelt is taken, and ignored. So is a rule of a"
        " policy whose selector is empty.",
        "type: webservice\nproperties:\n  image: example.com/app:1\n  prots: []",
        "type: webservice\nproperties:\n  image: example.com/app:1\n  ports: []",
    ),
    "deprecated-property": About(
        "Properties",
        _WARNING,
        "A property stays when the next major version comes",
        "It still has its effect. The message says what takes its place; `--fix` renames what only has another name.",
        "words: hello  # of a definition that calls it word now",
        "word: hello",
    ),
    "missing-property": About(
        "Properties",
        _ERROR,
        "A property without a default is given",
        "The component cannot be rendered without it. What a definition asks for under an `if` is missing where "
        "it holds: `claimName` of a volume of the type `pvc`.",
        "type: iot-broker\nproperties: {}",
        "type: iot-broker\nproperties:\n  name: devices",
    ),
    "wrong-type": About(
        "Properties",
        _ERROR,
        "A property has the type that the definition asks for",
        "A number in quotes is a text; a single value is no list.",
        'mqttPort: "1884"',
        "mqttPort: 1884",
    ),
    "wrong-value": About(
        "Properties",
        _ERROR,
        "A property has a value that the definition allows",
        "Ports, names, sizes and durations have their forms and bounds, and choices have their words.",
        "connector:\n  errorPolicy: retry",
        "connector:\n  errorPolicy: RETRY",
    ),
    "unknown-platform": About(
        "Links",
        _ERROR,
        "A platform that is named is there",
        "`realtime` and `platform` refer to the parameter `name` of a realtime-platform or an iot-broker, not to the"
        " name of the component. One that looks like a slip is an error; one that may be in another Application is a"
        " warning, until the Application says so with the annotation `vela-realtime.dev/external: platform/NAME`.",
        "realtime: my-platfrom",
        "realtime: my-platform",
        also=_WARNING,
    ),
    "ambiguous-platform": About(
        "Links",
        _ERROR,
        "It is clear which platform is meant",
        "Where an Application has several, `platform` says which.",
        "type: stream-processor\nproperties:\n  name: filter",
        "type: stream-processor\nproperties:\n  name: filter\n  platform: core",
    ),
    "cluster-domain": About(
        "Links",
        _WARNING,
        "A platform and those that use it say the same cluster domain",
        "Hosts end in the DNS suffix of the cluster, which a site sets once. Where a platform alone says another one,"
        " everybody else looks for it under the site's.",
        "type: stream-processor\nproperties:\n  name: filter\n  platform: plant # has clusterDomain: corp.local",
        "type: stream-processor\nproperties:\n  name: filter\n  platform: plant\n  clusterDomain: corp.local",
    ),
    "unknown-topic": About(
        "Links",
        _WARNING,
        "A topic that is read is made by somebody",
        "The brokers here make no topics by themselves: who reads one that is missing waits for ever. Topics come"
        " from `kafkaConfig.topics` and `mqttConfig.bridge` of a platform, from the connector of an iot-broker, and"
        " from `topics.output` of a stream-processor.",
        "streaming:\n  topics: [sensor-data]",
        "streaming:\n  topics: [sensor_data]",
    ),
    "kafka-topic": About(
        "Links",
        _ERROR,
        "A topic is one that Kafka's brokers make",
        "A broker refuses a topic whose name differs from another one by `.` and `_` alone, a name of Kafka's own, and"
        " a setting that topics do not have or a value that it cannot have. The Job that makes topics would fail.",
        "kafkaConfig:\n  topics: [orders.created, orders_created]",
        "kafkaConfig:\n  topics: [orders.created, orders.changed]",
    ),
    "message-size": About(
        "Links",
        _WARNING,
        "A message that a topic takes gets there, and is kept when it fails",
        "A topic's `max.message.bytes` is one bound of several. A broker reads no request over 104857600 bytes. What"
        " Snowflake refuses becomes a dead letter, and Connect writes none over 1048576 bytes: its log says that one"
        " was lost, and the connector goes on. The bridge, replication and consumers carry what a topic takes.",
        'kafkaConfig:\n  topics:\n    - {name: pictures, config: {max.message.bytes: "209715200"}}',
        'kafkaConfig:\n  topics:\n    - {name: pictures, config: {max.message.bytes: "10485760"}}',
    ),
    "sql-topics": About(
        "Links",
        _WARNING,
        "The tables of a query and the topics of its processor agree",
        "A processor makes the topics that it lists, and no others.",
        "topics:\n  output: [alert]\nqueries:\n  - name: hot\n    sql: INSERT INTO alerts SELECT STREAM * FROM raw",
        "topics:\n  input: [raw]\n  output: [alerts]\nqueries:\n  - name: hot\n"
        "    sql: INSERT INTO alerts SELECT STREAM * FROM raw",
    ),
    "sql-form": About(
        "Links",
        _WARNING,
        "A query is one that Lenses can run",
        "It reads from a topic and writes to one: `INSERT INTO ... SELECT STREAM ... FROM ...`.",
        "sql: SELECT STREAM * FROM readings",
        "sql: INSERT INTO alerts SELECT STREAM * FROM readings",
    ),
    "unknown-secret": About(
        "Links",
        _WARNING,
        "A Secret that is named is made by somebody",
        "The component waits for it otherwise. One that comes from elsewhere is named in the annotation"
        " `vela-realtime.dev/external: secret/NAME`.",
        "passwordSecret:\n  name: device-pasword\n  key: gateway-1",
        "passwordSecret:\n  name: device-passwords\n  key: gateway-1",
    ),
    "name-collision": About(
        "Links",
        _ERROR,
        "No two components make objects of the same name",
        "Both would be applied, and the last one wins. The same goes for the copies that a `replication` policy makes."
        " Two that say nothing different are one: the Service of a port that a `webservice` exposes and its `gateway`"
        " leads to. KubeVela's webhook also refuses a component with two outputs of a name, as two traits of one type"
        " with `outputs` have, though `vela dry-run` renders it.",
        "- name: one\n  type: iot-broker\n  properties: {name: devices}\n"
        "- name: two\n  type: iot-broker\n  properties: {name: devices}",
        "- name: one\n  type: iot-broker\n  properties: {name: devices}\n"
        "- name: two\n  type: iot-broker\n  properties: {name: sensors}",
    ),
    "hidden-variable": About(
        "Links",
        _WARNING,
        "A variable of a service does not take the place of one that the platform gives",
        "A service's own variables win; a broker's address that is written by hand goes stale.",
        "realtime: my-platform\nenvironment:\n  KAFKA_BOOTSTRAP_SERVERS: localhost:9092",
        "realtime: my-platform",
    ),
    "default-image": About(
        "Links",
        _WARNING,
        "A service says which image it runs",
        "Without `image` it is made up from `imageRegistry`, `name` and `version`, and may not exist.",
        "type: webservice\nproperties:\n  name: reader",
        "type: webservice\nproperties:\n  name: reader\n  image: example.com/reader:1.4.2",
    ),
    "one-copy": About(
        "Links",
        _WARNING,
        "Three brokers keep more than one copy",
        "Without `kafkaConfig.replicationFactor` each partition is on one broker. When that one's volume is lost, so"
        " are the records; while it restarts, nobody reads or writes them.",
        "scaling: {minReplicas: 3}",
        "scaling: {minReplicas: 3}\nkafkaConfig: {replicationFactor: 3}",
    ),
    "property-rule": About(
        "Render",
        _ERROR,
        "Properties fit each other",
        "Rules between properties are part of the definition, which states them in its own words.",
        "mqttPort: 9001\nwebsocketPort: 9001",
        "mqttPort: 1883\nwebsocketPort: 9001",
    ),
    "not-checked": About(
        "Properties",
        Severity.NOTE,
        "The parameters of every definition are known",
        "Those of a definition that is not written in CUE are not, and without `cue` those of definitions beside an"
        " Application or in `--definitions`: `vela-realtime doctor --install` brings it. `--strict` counts notes too.",
    ),
    "not-rendered": About(
        "Render",
        Severity.NOTE,
        "Everything could be rendered here",
        "Some things only a cluster knows: charts and objects that are fetched, what a workflow's step makes, a type"
        " that is elsewhere. All the rest was rendered and looked at; `--strict` fails on a note too.",
    ),
    "dry-run": About(
        "Render",
        _ERROR,
        "The Application renders",
        "The real `vela dry-run` makes its objects.",
    ),
    "kubernetes-schema": About(
        "Objects",
        _ERROR,
        "An object is one that the Kubernetes version takes",
        "Every object of Kubernetes' own kinds is checked against the schema of `--kubernetes-version`;"
        " ports, numbers of pods and hosts against what an API server takes of them. An API version that is gone is a"
        " warning where one of KubeVela's deprecated definitions brings it: take what KubeVela has in its place.",
        also=_WARNING,
    ),
    "object-name": About(
        "Objects",
        _ERROR,
        "Names and labels are such that an API server takes them",
        "A Service's name begins with a letter, a StatefulSet's ends after 52 characters, a label's after 63.",
    ),
    "pod-security-baseline": About(
        "Objects",
        _ERROR,
        "A pod cannot take over its node",
        'The controls of the Pod Security Standard "baseline".',
    ),
    "pod-security-restricted": About(
        "Objects",
        _ERROR,
        "A pod may do no more than it has to",
        'The controls of the Pod Security Standard "restricted", which this library\'s definitions keep. They are asked'
        " of others, such as KubeVela's own, which cannot be told to, where `--profile restricted` says so.",
    ),
    "resources": About(
        "Objects",
        _WARNING,
        "A container says which CPU and memory it needs",
        "Without requests the scheduler guesses; without a memory limit one container can take its node down.",
    ),
    "probes": About(
        "Objects",
        _WARNING,
        "A container that serves can be asked how it is",
        "Without a readiness probe it gets requests before it can answer; without a liveness probe it hangs for ever.",
    ),
    "image-tag": About(
        "Objects",
        _WARNING,
        "An image is the same tomorrow",
        "An image without a tag, or with the tag `latest`, is another one after every push.",
        "image: example.com/reader:latest",
        "image: example.com/reader:1.4.2",
    ),
    "selector": About(
        "Objects",
        _ERROR,
        "A selector takes the pods that it is for",
        "A Service without pods refuses every connection; a Deployment that does not take its own pods is refused.",
    ),
    "port": About(
        "Objects",
        _ERROR,
        "A port that is named is one that a container has",
        "Services and probes may refer to ports by name.",
    ),
    "dangling-reference": About(
        "Objects",
        _WARNING,
        "What an object refers to is there",
        "ConfigMaps and their keys, Secrets, claims, ServiceAccounts, Roles, Services. What comes from elsewhere is"
        " named in the annotation `vela-realtime.dev/external`, as `configmap/NAME` or `secret/NAME`.",
    ),
    "no-effect": About(
        "Objects",
        _WARNING,
        "What is given for a part is for one that is there",
        "An image, a size or a log level of a part that is switched off changes nothing; who gives it may expect that"
        " the part runs.",
        "visualization: metabase\nimages:\n  grafana: example.com/grafana:13.0.1",
        "visualization: grafana\nimages:\n  grafana: example.com/grafana:13.0.1",
    ),
    "secret-in-clear": About(
        "Objects",
        _WARNING,
        "A secret is in a Secret",
        "Variables and ConfigMaps can be read by everyone who may look at a pod, properties by everyone who may look at"
        " the Application or at the repository that it is in. The user's guide has passwords and a licence key in clear"
        " to be short; where that is meant, a comment says so.",
        "environment:\n  API_TOKEN: 8f14e45fceea",
        "env:\n  - name: API_TOKEN\n    valueFrom:\n      secretKeyRef: {name: api, key: token}",
    ),
    "immutable-parameter": About(
        "Change",
        _ERROR,
        "A parameter that must not change is as it was",
        "In an Application that runs, another name or another size of a volume loses data, leaves it behind, or is"
        " refused half-way. KubeVela 1.11 refuses it when it is applied; `check --previous` tells it before, and also"
        " of what was left to its default and gets another value, which KubeVela does not see. `docs/changes.md`"
        " says for each parameter how it is changed all the same; then the annotation"
        " `app.oam.dev/force-param-mutations` lets it through. Left in the Application, it is a warning: nothing is"
        " refused any more.",
        also=_WARNING,
    ),
    "immutable-field": About(
        "Change",
        _ERROR,
        "An object changes as Kubernetes lets it",
        "With `--previous`, what is rendered is held against what was: a StatefulSet's claims, a claim that shrinks, a"
        " Job's pods, selectors. KubeVela stops at the first object that is refused, with half of the Application"
        " changed. The annotation `app.oam.dev/force-param-mutations` is heeded here too, and so is a policy"
        " `resource-update` that has the field among its `recreateFields`.",
    ),
    "left-behind": About(
        "Change",
        _WARNING,
        "Volumes have somebody who uses them",
        "With `--previous`: a component or an Application that is gone, or that calls its objects otherwise, leaves"
        " volumes with data that nobody looks after. With `storage: {retain: false}` they are deleted with all that"
        " is stored, and so are claims that an Application has of its own.",
    ),
    "not-compared": About(
        "Change",
        Severity.NOTE,
        "What an Application was can be read and rendered",
        "With `--previous`: where it cannot, as where a definition has lost a parameter since, nothing is said of its"
        " volumes; `--strict` fails on a note too.",
    ),
    "ignore": About(
        "Comments",
        _WARNING,
        "A comment that ignores a finding names a rule, a reason, and something to ignore",
        "One that is left over hides the next mistake.",
        "mqttPort: 1884 # vela-realtime: ignore[wrong-value]",
        "image: example.com/reader:latest # vela-realtime: ignore[image-tag] a test of the newest build",
        also=_ERROR,
    ),
}


def pages() -> dict[str, str]:
    """Return the documentation: the text of a page for each rule, and of the list, by file name."""
    pages = {f"{name}.md": _page(name, about) for name, about in RULES.items()}
    rows = [
        f"| [{name}]({name}.md) | {about.layer} | {about.severity.value} | {about.title} |"
        for name, about in RULES.items()
    ]
    head = (
        "# Rules\n\nWhat `vela-realtime check` looks at. A finding is accepted in one place, with a reason, at the end"
        " of its line or above it: `# vela-realtime: ignore[RULE] reason`.\n\n"
    )
    table = "| rule | layer | severity | what holds |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    return {"README.md": head + table, **pages}


def explanation(name: str, width: int = 80) -> str:
    """Return what a rule is about, for a terminal of so many columns."""
    from textwrap import fill, indent

    about = RULES[name]
    level = about.severity.value + (f", or {about.also.value}" if about.also else "")
    parts = [f"{name}: {level}, layer {about.layer}", f"{about.title}.", about.why]
    text = "\n\n".join(
        fill(part.replace("`", ""), max(width, 20), break_long_words=False, break_on_hyphens=False) for part in parts
    )
    for title, sample in (("Wrong:", about.wrong), ("Right:", about.right)):
        if sample:
            text += f"\n\n{title}\n\n{indent(sample, '    ')}"
    return f"{text}\n"


def _page(name: str, about: About) -> str:
    text = f"# {name}\n\n{about.title}.\n\n{about.why}\n\nLayer: {about.layer}. Severity: {about.severity.value}"
    text += f", or {about.also.value}.\n" if about.also else ".\n"
    for title, sample in (("Wrong", about.wrong), ("Right", about.right)):
        if sample:
            text += f"\n{title}:\n\n```yaml\n{sample}\n```\n"
    return text
