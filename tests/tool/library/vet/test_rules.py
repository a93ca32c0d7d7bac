"""Rules about the library's source: a faulty line beside what is said about it, and where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vela_realtime.cue.syntax import parse
from vela_realtime.library.bundle import Piece
from vela_realtime.library.vet import inputs, objects, package, parameter, parts, scripts, unused

if TYPE_CHECKING:
    from vela_realtime.cue.syntax import Source

# --- parameter ---


def parameter_findings(body: str, library: str = "", *, may_be_open: bool = False) -> list[tuple[str, int, str]]:
    text = f"package realtime\n\nparameter: #Parameter\n\n#Parameter: {{\n{body}\n}}\n{library}"
    found = parameter.check([parse(Path("p.cue"), text)], may_be_open=may_be_open)
    return [(item.rule, item.line, item.message) for item in found]


@pytest.mark.parametrize(
    "value",
    [
        "*1 | int & >0",
        "int & >0 | *1",
        "(int & >0) | *1",
        "*1 | (>=1 & <=10)",
        "*1883 | uint16",
        "int8 | *3",
        "*1 | uint",
        "(*1 | int) & >0",
        ">0 & (*1 | int)",
        "#Default & >0",
        "*1 | #Bounded",
        "*1 | #Port",
        "#Defaulted",
        '!=""',
        'string & !=""',
        '*"a" | !=""',
        "[...string] & list.MinItems(1)",
        "[...int & >0 | *1]",
        "[...{a: *1 | uint8}]",
        "{a: *1 | uint8}",
        "{a: {b: *1 | int & <9}}",
        "{[string]: *1 | uint8}",
        "{a: #Nested}",
        "close({a: *1 | uint8})",
    ],
)
def test_what_kills_the_schema_generator(value: str) -> None:
    library = """
#Default: *1 | int
#Bounded: int & >0
#Port: uint16
#Defaulted: *1 | #Bounded
#Nested: {
	// +usage=x
	c: *1 | uint8
}
"""
    found = parameter_findings(f"// +usage=x\nx: {value}", library)
    schema = [item for item in found if item[0] == "parameter-schema"]
    assert schema, f"{value} passes"
    assert schema[0][2].endswith("KubeVela's schema generator fails on it")


@pytest.mark.parametrize(
    "value",
    [
        "int & >0 & <100",
        "uint16",
        "*1 | int",
        "*1 | 2 | 3",
        "*1 | >0",
        "*1.5 | number",
        'string & =~"re"',
        '*"a" | string & =~"re"',
        '*"5Gi" | =~"^[0-9]+Gi$"',
        '"a" | "b"',
        '*"a" | "b"',
        "*true | bool",
        "strings.MinRunes(1)",
        "[...string]",
        "*[] | [...string]",
        "{[string]: string}",
        "close({\n// +usage=y\na: int & >=1 & <=10\n})",
        "#Pattern",
        'or(["a", "b"])',
        "null | string",
        "{...}",
        "[...{...}]",
    ],
)
def test_what_it_survives(value: str) -> None:
    assert parameter_findings(f"// +usage=x\nx: {value}", '\n#Pattern: =~"^a"\n') == []


def test_a_bound_from_a_second_definition_in_parameter_itself() -> None:
    text = (
        "package realtime\n\nparameter: #Parameter & #Strict\n\n#Parameter: {\n\t// +usage=x\n\tx: *1 | int\n}\n\n"
        "#Strict: {\n\tx: >=1\n}\n"
    )
    (finding,) = parameter.check([parse(Path("p.cue"), text)])
    assert (finding.line, finding.column, finding.rule) == (11, 5, "parameter-schema")
    assert finding.message == "x: a default is joined with a bound: KubeVela's schema generator fails on it"
    assert finding.hint == "leave the type and the default in #Parameter, and bound x in #Strict"


def test_a_bound_beside_the_parameters_is_fine() -> None:
    library = "\n#Strict: {\n\tx: >=1\n\t...\n}\nstrict: #Strict & parameter\n"
    assert parameter_findings("// +usage=x\nx: *1 | int", library) == []


@pytest.mark.parametrize(
    ("body", "rule", "line", "message"),
    [
        ("x: int", "parameter-usage", 6, "x has no `// +usage=` above it"),
        ("// plain words\nx: int", "parameter-usage", 7, "x has no `// +usage=` above it"),
        ("// +usage=a\nx: {\nq: int\n}", "parameter-usage", 8, "x.q has no `// +usage=` above it"),
        ("// +usage=a\nx: [...{\nq: int\n}]", "parameter-usage", 8, "x[].q has no `// +usage=` above it"),
        ("// +usage=a\nx: {[string]: {\nq: int\n}}", "parameter-usage", 8, "x.*.q has no `// +usage=` above it"),
        ("if true {\nx: int\n}", "parameter-usage", 7, "x has no `// +usage=` above it"),
        ("#Common", "parameter-usage", 10, "z has no `// +usage=` above it"),
        ("// +usage=a\non: bool", "parameter-name", 7, "on: YAML reads on as true or false"),
        ("// +usage=a\nx: {\n// +usage=b\nNo: bool\n}", "parameter-name", 9, "x.No: YAML reads No as true or false"),
        (
            "// +usage=a\nx: int\n...",
            "parameter-open",
            8,
            "parameters end with `...`: a misspelt property would pass without a word",
        ),
        (
            "// +usage=a\nx: {\n// +usage=b\nq: int\n...\n}",
            "parameter-open",
            10,
            "parameters end with `...`: a misspelt property would pass without a word",
        ),
    ],
)
def test_parameter(body: str, rule: str, line: int, message: str) -> None:
    library = "\n\n#Common: {z: int}\n" if body == "#Common" else ""
    assert parameter_findings(body, library) == [(rule, line, message)]


def test_a_usage_in_one_of_several_places_is_enough() -> None:
    assert parameter_findings("// +usage=a\nx: int\nx: >0") == []


def test_an_open_parameter() -> None:
    text = "package realtime\n\nparameter: {\n\t// +usage=x\n\tx: int\n}\n"
    (finding,) = parameter.check([parse(Path("p.cue"), text)])
    assert (finding.rule, finding.line, finding.message) == (
        "parameter-open",
        3,
        "parameter is open: a misspelt property would pass without a word",
    )
    assert parameter.check([parse(Path("p.cue"), text)], may_be_open=True) == []


def test_close_holds_for_one_level_only() -> None:
    text = "package realtime\n\nparameter: close({\n\t// +usage=x\n\tx: {\n\t\t// +usage=q\n\t\tq: int\n\t}\n})\n"
    (finding,) = parameter.check([parse(Path("p.cue"), text)])
    assert (finding.line, finding.message) == (5, "x is open: a misspelt property would pass without a word")


def test_no_parameter() -> None:
    (finding,) = parameter.check([parse(Path("p.cue"), "package realtime\n\noutput: {}\n")])
    assert finding.message == "no file of the definition declares `parameter`"


STRICT = """
strict: #Strict & parameter

#Strict: {
	size?: >=1
	%s
	...
}
"""
SIZED = """	// +usage=x
	size: *1 | int
	// +usage=x
	users?: [...{
		// +usage=x
		name: string
	}]
	// +usage=x
	labels?: [string]: string
	// +usage=x
	mode?: "a" | {
		// +usage=x
		depth: int
	}"""


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        ("sise?: >=1", "sise is bounded, and there is no such parameter"),
        ('users?: [...{naem: =~"^a", ...}]', "users.naem is bounded, and there is no such parameter"),
        ("mode?: {dept: >=1, ...}", "mode.dept is bounded, and there is no such parameter"),
    ],
)
def test_a_bound_of_no_parameter(bound: str, message: str) -> None:
    assert parameter_findings(SIZED, STRICT % bound) == [("unknown-bound", 26, message)]


@pytest.mark.parametrize(
    "bound", ["", 'users?: [...{name: =~"^a"}]', 'labels?: {a: =~"^b", ...}', "mode?: {depth: >=1, ...}"]
)
def test_bounds_of_parameters(bound: str) -> None:
    assert parameter_findings(SIZED, STRICT % bound) == []


# --- package ---


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("let a = 1\n", 3, "let a at the top level is seen by this file alone"),
        ("if true {a: 1}\n", 3, "`if` at the top level adds fields that no other file can refer to"),
        ("for a in [1] {b: a}\n", 3, "`for` at the top level adds fields that no other file can refer to"),
        ('import s "strings"\n', 3, 'import "strings" without an alias: a bundle has one import clause'),
        ('import "vela/kube"\n', 3, 'import "vela/kube": only CUE\'s standard packages can be imported'),
        ('import "example.com/x"\n', 3, 'import "example.com/x": only CUE\'s standard packages can be imported'),
        ("a: 1 @embed(file=x)\n", 3, "@embed(...) belongs to a file, and a bundle has none"),
        ("#A\n", 3, "a value at the top level replaces the whole package"),
        ("X=a: 1\n", 3, "alias X at the top level is seen by this file alone"),
    ],
)
def test_package(text: str, line: int, message: str) -> None:
    (finding,) = package.check_file(parse(Path("p.cue"), f"package realtime\n\n{text}"))
    assert (finding.line, finding.message) == (line, message)


def test_an_attribute_before_the_package_clause() -> None:
    (finding,) = package.check_file(parse(Path("p.cue"), "@if(prod)\n\npackage realtime\n\na: 1\n"))
    assert (finding.line, finding.message) == (1, "@if(...) belongs to a file, and a bundle has none")


def test_the_package_clause() -> None:
    (finding,) = package.check_file(parse(Path("p.cue"), "package other\n"))
    assert finding.message == "must start with `package realtime`"


@pytest.mark.parametrize(
    "text",
    [
        "a: {let b = 1, c: b}\n",
        "a: {for x in [1] {b: x}}\n",
        'import "encoding/json"\n\na: json.Marshal(1)\n',
        "a: 1\n",
    ],
)
def test_what_a_bundle_can_hold(text: str) -> None:
    assert list(package.check_file(parse(Path("p.cue"), f"package realtime\n\n{text}"))) == []


def test_a_field_named_like_an_import_of_another_file() -> None:
    one = parse(Path("one.cue"), 'package realtime\n\nimport "list"\n\na: list.Sum([1])\n')
    other = parse(Path("other.cue"), "package realtime\n\nlist: [1]\n")
    (finding,) = package.check_bundle([one, other])
    assert (finding.file, finding.line, finding.message) == (
        "other.cue",
        3,
        'list is also the package "list" that one.cue imports',
    )


def test_two_packages_of_one_name() -> None:
    one = parse(Path("one.cue"), 'package realtime\n\nimport "path"\n\na: path.Base("x")\n')
    other = parse(Path("other.cue"), 'package realtime\n\nimport "text/path"\n\nb: path.Base("x")\n')
    (finding,) = package.check_bundle([one, other])
    assert finding.message == '"text/path" and "path" of one.cue are both called path'


# --- inputs ---

PART = """
#Part: {
	#port: *1 | int
	if #port > 1 {
		#host: string
	}
	#Common
	_#hidden: *1 | int
	...
}

#Common: {#name: string} & #More

#More: {#size: int} | {#volume: int}

#Opaque: {
	#port: int
	(#Part & {#port: 2}).objects
}
"""


def input_findings(text: str) -> list[tuple[int, int, str, str]]:
    library = parse(Path("library.cue"), f"package realtime\n{PART}")
    source = parse(Path("p.cue"), f"package realtime\n\n{text}\n")
    return [(item.line, item.column, item.message, item.hint) for item in inputs.check([source], [library, source])]


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("a: #Part & {\n\t#prot: 2\n}", 4, 2, "#Part has no input #prot", "did you mean #port?"),
        ("#a: {#prot: 2} & #Part", 3, 6, "#Part has no input #prot", "did you mean #port?"),
        ("a: [(#Part & {#prot: 2}).b]", 3, 15, "#Part has no input #prot", "did you mean #port?"),
        ("a: #Part & {if b {#prot: 2}}", 3, 19, "#Part has no input #prot", "did you mean #port?"),
        ("a: #Common & {#q: 2}", 3, 15, "#Common has no input #q", "it has #name, #size, #volume"),
        ("a: #None & {#q: 2}\n#None: {}", 3, 13, "#None has no input #q", "it has none"),
        (
            "a: #Common & #One & {#ona: 2}\n#One: #one: 1",
            3,
            22,
            "#Common & #One has no input #ona",
            "did you mean #one?",
        ),
        ("a: #Part & {_#hiden: 2}", 3, 13, "#Part has no input _#hiden", "did you mean _#hidden?"),
    ],
)
def test_an_input_that_the_part_does_not_have(text: str, line: int, column: int, message: str, hint: str) -> None:
    assert input_findings(text) == [(line, column, message, hint)]


@pytest.mark.parametrize(
    "text",
    [
        "a: #Part & {#port: 2, #host: b, #name: c, #size: 1, #volume: 2, _#hidden: 3}",
        "a: #Common & #One & {#one: 2, #name: b}\n#One: #one: 1",
        "a: #Part & {q: #prot: 1}",  # not an input: CUE closes what is regular
        "a: #Part & {#own: 2, b: #own}",
        "#Larger: #Part & {p=#own: int, b: p}",
        "a: #Opaque & {#prot: 2}",  # what it embeds may have anything
        "a: #elsewhere & {#prot: 2}",
        "a: #Part & parameter & {#prot: 2}",
        "a: {#Part: {#prot: 1}, b: #Part & {#prot: 2}}",  # not the #Part of the top level
        "#Loop: {#one: 1} & #Loop\na: #Loop & {#one: 1}",
    ],
)
def test_inputs_that_are_right_or_cannot_be_told(text: str) -> None:
    assert input_findings(text) == []


NEEDY = """
#Part: {
	#name: string
	#size: int
	#port: *1 | int
	#host?: string
	#labels: {[string]: string}
	objects: {
		#rendered: bool
		if #rendered {a: #name}
	}
}
"""


def missing_findings(text: str) -> list[tuple[int, int, str, str]]:
    library = parse(Path("library.cue"), f"package realtime\n{NEEDY}")
    source = parse(Path("p.cue"), f"package realtime\n\n{text}\n")
    found = inputs.check([source], [library, source])
    return [(item.line, item.column, item.message, item.rule) for item in found]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: #Part & {#name: b}", 3, 12, "#Part needs #size"),
        ("#part: #Part & {#name: b}", 3, 16, "#Part needs #size"),
        ("#Other: #Part & {#size: 1}\na: (#Part & {#size: 1, if b {#port: 2}}).objects", 4, 13, "#Part needs #name"),
        (
            "outputs: {\n\t#part.objects\n\t#other.objects\n}",
            4,
            2,
            "objects of a part waits for #rendered, which nobody says",
        ),
        (
            "output: {if a {#part.workload}}",
            3,
            16,
            "workload of a part waits for #rendered, which nobody says",
        ),
        (
            "outputs: {#rendered: true, b: {#part.workload}}",
            3,
            32,
            "workload of a part waits for #rendered, which nobody says",
        ),
    ],
)
def test_an_input_that_nobody_gives(text: str, line: int, column: int, message: str) -> None:
    assert missing_findings(text) == [(line, column, message, "missing-input")]


@pytest.mark.parametrize(
    "text",
    [
        "a: #Part & {#name: b, #size: 1}",
        "a: #Part & {#name: b, if c {#size: 1}}",
        "#Larger: #Part & {#name: b}",  # who uses it may give the rest
        "a: #Part & {#name: b, #common}",
        "a: #Part & #common",
        "a: #Part",
        "outputs: {#rendered: true, #part.objects, if a {#other.objects}, b: {#rendered: true, #part.workload}}",
        "other: {#part.objects}",
        "outputs: {for key, value in #part.edges {(key): value}}",
    ],
)
def test_inputs_that_are_given_or_may_be(text: str) -> None:
    assert missing_findings(text) == []


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("#port: *1 | int", "#Part.#port has a default"),
        ("#port: 1 | *2", "#Part.#port has a default"),
        ('#admin: {user: *"admin" | string}', "#Part.#admin has a default"),
        ('P=#ports: [string]: {path: *"/metrics" | string}', "#Part.#ports has a default"),
    ],
)
def test_an_input_with_a_default_of_its_own(declared: str, message: str) -> None:
    source = parse(Path("p.cue"), f"package realtime\n\n#Part: {{\n\t{declared}\n}}\n")
    (finding,) = inputs.defaults([source])
    assert (finding.line, finding.rule, finding.message) == (4, "input-default", message)


@pytest.mark.parametrize(
    "text",
    [
        '#Part: {#port: int, #kind: "a" | "b", #labels: {[string]: string}, #size: 2 * 3}',
        "#Part: {port: *1 | int}",  # a result
        "#Site: {port: *1 | int}",
        "#part: #Part & {#port: *1 | int}",  # given, not declared
    ],
)
def test_inputs_without_a_default(text: str) -> None:
    assert list(inputs.defaults([parse(Path("p.cue"), f"package realtime\n\n{text}\n")])) == []


def test_a_choice_must_be_given_too() -> None:
    source = parse(Path("p.cue"), 'package realtime\n\n#Part: {#kind: "a" | "b", b: #kind}\na: #Part & {}\n')
    assert [item.message for item in inputs.check([source], [source])] == ["#Part needs #kind"]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("#Part: {#port: int, a: 1}", ["#Part.#port is never read"]),
        ("#Part: {P=#port: int, #host: string, a: #host}", ["#Part.#port is never read"]),
        ("#Part: {#port: int, a: #port}", []),
        ("#Part: {P=#port: int, a: {b: P}}", []),
        ("#Part: {#port?: int, if #port != _|_ {a: 1}}", []),
        ("#Part: {#port: int, #Other}", []),  # what it embeds may read it
        ("#Part: {#port: int, a: 1}\nb: (#Part & {#port: 1}).#port", []),
        ("part: {#port: int, a: 1}", []),
    ],
)
def test_an_input_that_nothing_reads(text: str, messages: list[str]) -> None:
    source = parse(Path("p.cue"), f"package realtime\n\n{text}\n")
    assert [item.message for item in unused.inputs([source])] == messages


PARAMETERS = """\
parameter: #Parameter
strict: #Strict & parameter
#Parameter: {
	name: string
	kafka: {size: string, topics?: [...{name: string}]}
	tls?: {secret?: string, ...}
	#Common
}
#Strict: {name: "a", kafka: size: "b", metrics: true}
"""
COMMON = "#Common: {metrics: bool}\n#Part: {p=#parameter: {...}, all: p.kafka, #other: {...}, more: #other.metrics}\n"


@pytest.mark.parametrize(
    ("template", "unread"),
    [
        ("", ["name", "kafka.size", "kafka.topics", "tls", "metrics"]),
        ("a: parameter.name, b: parameter.kafka.size", ["kafka.topics", "tls", "metrics"]),
        ("a: parameter.kafka", ["name", "tls", "metrics"]),
        ('a: parameter.kafka["size"]', ["name", "kafka.topics", "tls", "metrics"]),
        ("a: [for field in b {parameter.kafka[field]}]", ["name", "tls", "metrics"]),
        ("if parameter.tls.secret != _|_ {a: 1}", ["name", "kafka.size", "kafka.topics", "metrics"]),
        ("a: #Part & {#parameter: parameter}", ["name", "tls", "metrics"]),
        ("a: #Part & {#other: parameter}", ["name", "kafka.size", "kafka.topics", "tls"]),
        ("if parameter != _|_ {a: 1}", ["name", "kafka.size", "kafka.topics", "tls", "metrics"]),
        ("a: [for name, value in parameter {value}]", []),
        ("a: {parameter: {name: 1}, b: parameter.name}", ["name", "kafka.size", "kafka.topics", "tls", "metrics"]),
    ],
)
def test_a_parameter_that_nothing_reads(template: str, unread: list[str]) -> None:
    own = parse(Path("p.cue"), f"package realtime\n\n{PARAMETERS}{template}\n")
    library = parse(Path("library.cue"), f"package realtime\n\n{COMMON}")
    found = list(unused.parameters([own], [library]))
    assert [item.message for item in found] == [f"{name} is declared, and nothing reads it" for name in unread]
    assert all(item.file == ("library.cue" if "metrics" in item.message else "p.cue") for item in found)


# --- objects ---

LABELS = {
    "app.kubernetes.io/name": "a",
    "app.kubernetes.io/instance": "b",
    "app.kubernetes.io/part-of": "c",
    "app.kubernetes.io/managed-by": "kubevela",
}


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "labels": LABELS}}, []),
        ({"kind": "Secret"}, ["output is no Kubernetes object: it has no apiVersion or no kind"]),
        ({"apiVersion": "v1", "kind": "Secret", "metadata": {"labels": LABELS}}, ["output: Secret has no name"]),
        (
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "x", "labels": {**LABELS, "app.kubernetes.io/name": ""}},
            },
            ["output: Secret x has no label app.kubernetes.io/name"],
        ),
    ],
)
def test_objects(value: object, faults: list[str]) -> None:
    assert list(objects.check({"output": value})) == faults


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"from": [{"podSelector": {}}], "ports": [{"port": 80}]}, ""),
        ({"from": [{"podSelector": {}}]}, "outputs.p: ingress[1] names no port, so it opens all of its peers"),
        (
            {"from": [{"podSelector": {}}], "ports": []},
            "outputs.p: ingress[1] names no port, so it opens all of its peers",
        ),
        ({"ports": []}, "outputs.p: ingress[1] names no port, so it opens all of everybody"),
    ],
    ids=["a port", "no list of ports", "an empty list", "everybody"],
)
def test_a_rule_of_a_policy_names_its_ports(rule: dict[str, Any], fault: str) -> None:
    closed = policy(LABELS, 9308)
    closed["spec"]["ingress"].append(rule)
    assert "".join(objects.check({"outputs.p": closed})) == fault


def test_a_patch_is_no_object() -> None:
    assert list(objects.check({"patch": {"spec": {}}})) == []


COMPONENT = {**LABELS, "app.kubernetes.io/component": "ui"}


def deployment(port: int = 0, kind: str = "Deployment") -> dict[str, Any]:
    annotations = {"prometheus.io/port": str(port)} if port else {}
    template = {"metadata": {"labels": COMPONENT, "annotations": annotations}, "spec": {}}
    spec = {"jobTemplate": {"spec": {"template": template}}} if kind == "CronJob" else {"template": template}
    return {"apiVersion": "a/v1", "kind": kind, "metadata": {"name": "ui", "labels": LABELS}, "spec": spec}


def policy(labels: dict[str, str], *ports: int, peer: str = "namespaceSelector") -> dict[str, Any]:
    ingress = [{"from": [{peer: {}}], "ports": [{"port": port}]} for port in ports]
    spec = {"podSelector": {"matchLabels": labels}, "ingress": ingress}
    return {"apiVersion": "n/v1", "kind": "NetworkPolicy", "metadata": {"name": "p", "labels": LABELS}, "spec": spec}


def service(port: int) -> dict[str, Any]:
    spec = {"selector": COMPONENT, "ports": [{"name": "metrics", "port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "labels": LABELS}, "spec": spec}


def monitor(labels: dict[str, str]) -> dict[str, Any]:
    spec = {"selector": {"matchLabels": labels}, "endpoints": [{"port": "metrics"}]}
    return {"apiVersion": "m/v1", "kind": "ServiceMonitor", "metadata": {"name": "m", "labels": LABELS}, "spec": spec}


@pytest.mark.parametrize(
    ("rendered", "fault"),
    [
        ({"outputs.ui": deployment()}, ""),  # without policies everything is open
        ({"outputs.ui": deployment(), "outputs.p": policy(COMPONENT)}, ""),
        (
            {"outputs.ui": deployment(), "outputs.p": policy(LABELS)},
            "outputs.ui: no NetworkPolicy is for these pods, so they reach nothing: the part needs a row in #Parts",
        ),
        (
            {"outputs.ui": deployment(kind="CronJob"), "outputs.p": policy({**COMPONENT, "other": "x"})},
            "outputs.ui: no NetworkPolicy is for these pods, so they reach nothing: the part needs a row in #Parts",
        ),
        (
            {"outputs.other": deployment()},
            "outputs.other: health and status do not look at this Deployment: it needs a row in #Parts, with its kind",
        ),
        ({"outputs.other": deployment(kind="CronJob")}, ""),
        ({"outputs.ui": deployment(9308), "outputs.p": policy(COMPONENT, 9308)}, ""),
        (
            {"outputs.ui": deployment(9308), "outputs.p": policy(COMPONENT, 80)},
            "outputs.ui: no NetworkPolicy admits what scrapes port 9308: add an edge from monitoring",
        ),
        (
            {"outputs.ui": deployment(9308), "outputs.p": policy(COMPONENT, 9308, peer="podSelector")},
            "outputs.ui: no NetworkPolicy admits what scrapes port 9308: add an edge from monitoring",
        ),
        ({"outputs.ui": deployment(9308), "outputs.m": monitor(COMPONENT), "outputs.s": service(9308)}, ""),
        (
            {"outputs.ui": deployment(9308), "outputs.m": monitor({"other": "part"}), "outputs.s": service(9308)},
            "outputs.ui: no monitor scrapes port 9308: its row in #Parts needs metrics: port: 9308",
        ),
        (
            {"outputs.ui": deployment(9308), "outputs.m": monitor(COMPONENT), "outputs.s": service(80)},
            "outputs.ui: no monitor scrapes port 9308: its row in #Parts needs metrics: port: 9308",
        ),
    ],
)
def test_pods_that_are_forgotten(rendered: dict[str, Any], fault: str) -> None:
    assert list(objects.check(rendered, parts={"ui"})) == ([fault] if fault else [])


# --- parts ---

KAFKA = """
#Kafka: {
	#enabled: bool
	if #enabled {
		edges: [{from: "a", to: "b"}]
		objects: {#rendered: bool, image: _instance.images.kafka}
		workload: {image: _instance.images["kafka-ui"]}
	}
}
#Images: {kafka: "a", "kafka-ui": "b", idle: "c"}
"""


def parted(text: str) -> tuple[list[Source], list[Piece]]:
    own = parse(Path("p.cue"), f"package realtime\n\n{text}\n")
    library = parse(Path("library.cue"), f"package realtime\n{KAFKA}")
    return [own], [Piece(library, library.declarations)]


@pytest.mark.parametrize(
    ("text", "untaken"),
    [
        ("#kafka: #Kafka & {#enabled: true}", ["edges", "objects", "workload"]),
        ("#kafka: #Kafka & {#enabled: true}\na: #kafka.edges, outputs: {#kafka.objects, #kafka.workload}", []),
        ("#kafka: {if a {#Kafka & {#enabled: true}}}\na: #kafka.edges, output: #kafka.workload", ["objects"]),
        ("#a: {broker: #Kafka & {#enabled: true}}\nb: #a.broker.edges, c: #a.broker.objects", ["workload"]),
        ("#all: {for n in [1] {#Kafka & {#n: n}}}\na: {for one in #all {one.edges, one.objects, one.workload}}", []),
        ("#all: {for n in [1] {#Kafka & {#n: n}}}\na: {for _, one in #all {one.edges, one.objects}}", ["workload"]),
        ("#kafka: #Kafka & {#enabled: true}\na: #other.edges, b: #kafka.objects, c: #kafka.workload", ["edges"]),
    ],
)
def test_what_a_part_gives_and_nobody_takes(text: str, untaken: list[str]) -> None:
    found = list(parts.collected(*parted(text)))
    assert [item.message.split()[3] for item in found] == untaken
    assert {item.file for item in found} <= {"p.cue"}


@pytest.mark.parametrize(
    ("declared", "messages"),
    [
        ('kafka?: string, "kafka-ui"?: string', []),
        ("kafka?: string", ["the image kafka-ui has no parameter images.kafka-ui"]),
        (
            'kafka?: string, "kafka-ui"?: string, idle?: string',
            ["images.idle has no effect: no part runs it"],
        ),
    ],
)
def test_an_image_and_its_parameter(declared: str, messages: list[str]) -> None:
    found = parts.images(*parted(f"#Parameter: {{name: string, images?: {{{declared}}}}}"))
    assert [item.message for item in found] == messages


def _mounting(volume: dict[str, Any], name: str = "ours") -> dict[str, Any]:
    return {
        "output": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "x", "labels": LABELS},
            "spec": {"template": {"spec": {"volumes": [{"name": "v", **volume}]}}},
        },
        "outputs.config": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": LABELS}},
        "outputs.secret": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": LABELS}},
    }


ALL_KEYS = "output: the volume v shows all keys of {} ours: name its items"
ITEMS = [{"key": "a", "path": "a"}]


@pytest.mark.parametrize(
    ("volume", "kind"),
    [
        ({"configMap": {"name": "ours"}}, "ConfigMap"),
        ({"configMap": {"name": "ours", "items": []}}, "ConfigMap"),
        ({"secret": {"secretName": "ours"}}, "Secret"),
        ({"projected": {"sources": [{"secret": {"name": "ours"}}]}}, "Secret"),
        ({"projected": {"sources": [{"configMap": {"name": "ours", "items": ITEMS}}]}}, ""),
        ({"configMap": {"name": "ours", "items": ITEMS}}, ""),
        ({"secret": {"secretName": "ours", "items": ITEMS}}, ""),
        ({"configMap": {"name": "the-users-own"}}, ""),
        ({"emptyDir": {}}, ""),
    ],
)
def test_a_mount_names_its_items(volume: dict[str, Any], kind: str) -> None:
    assert list(objects.check(_mounting(volume))) == ([ALL_KEYS.format(kind)] if kind else [])


def test_what_a_trait_mounts_is_a_platforms() -> None:
    volumes = [{"name": "v", "secret": {"secretName": "demo-mqtt-secret"}}]
    patch = {"patch": {"spec": {"template": {"spec": {"volumes": volumes}}}}}
    assert list(objects.check(patch)) == [
        "patch: the volume v shows all keys of Secret demo-mqtt-secret: name its items"
    ]


def test_kubevelas_own_webservice_may_mount_what_it_wants() -> None:
    assert list(objects.check(_mounting({"configMap": {"name": "ours"}}), takes_place=True)) == []


@pytest.mark.parametrize(
    ("kind", "name", "problem"),
    [
        ("Job", "demo-config", True),
        ("Job", "demo-config-0a1b2c3d", False),
        ("StatefulSet", "demo-config", False),
    ],
)
def test_a_job_waits_for_its_own_files(kind: str, name: str, problem: bool) -> None:
    """KubeVela may make a Job before it has changed a ConfigMap: seen on 1.11.0."""
    case = _mounting({"configMap": {"name": name, "items": ITEMS}}, name)
    case["output"]["kind"] = kind
    message = f"output: ConfigMap {name} keeps its name when its files change, so this Job may run with old ones"
    assert list(objects.check(case)) == ([message] if problem else [])


# --- scripts ---


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('for file in "$USERS_DIR"/*; do', [1]),
        ('  for file in "${SQL_DIR}"/*.sql; do', [1]),
        ("#\nfor file in $A_DIR/$1/*.json; do", [2]),
        ('find "$A_DIR" -name x', [1]),
        ('names=$(ls "$A_DIR")', [1]),
        ('# the user\'s own\nfor file in "$OWN_DIR"/*; do', []),
        ('# the user\'s own\ntrue\nfor file in "$OWN_DIR"/*; do', [3]),
        ("for name in $NAMES; do", []),
        ('for item in "$@"; do', []),
        ('while read -r name; do :; done < "$A_DIR/list"', []),
        ('rm -rf "$PLUGINS_DIR"/.new-*', []),
        ('find "${PLUGINS_DIR:-/opt/plugins}" -name x', []),
    ],
)
def test_a_script_does_not_list_what_is_mounted(tmp_path: Path, text: str, lines: list[int]) -> None:
    (tmp_path / "a.sh").write_text(text + "\n")
    assert [item.line for item in scripts.check(tmp_path / "a.sh")] == lines
