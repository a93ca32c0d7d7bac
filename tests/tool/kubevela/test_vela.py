"""What vela prints, on both versions, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.versions import VELA_VERSIONS
from vela_realtime.errors import ToolError
from vela_realtime.kubevela import vela

if TYPE_CHECKING:
    from pathlib import Path

OUTPUT = """\
---
# Application(shop) -- Component(a) 
---

apiVersion: v1
kind: ConfigMap
metadata:
  name: abc
data:
  text: |
    ---
    # Application(no) -- Component(no)

---
## From the auxiliary workload 
kind: Foo
metadata: {name: more}
"n": 2

---
## From the trait expose 
kind: Service

---

---
# Application(shop with topology t1) -- Component(b)
---

kind: Deployment

---

---
# Application(shop only with override policies) -- Component(c)
---

kind: Job

---

---
# Application(shop) -- Policy(p)
---

kind: Secret

---
"""  # noqa: W291 - vela 1.10 ends its headers with a space


def test_objects_and_where_they_come_from() -> None:
    found = vela.parse_dry_run(OUTPUT)
    assert [(item.component, item.origin, item.topology, item.object["kind"]) for item in found] == [
        ("a", "workload", "", "ConfigMap"),
        ("a", "auxiliary", "", "Foo"),
        ("a", "trait expose", "", "Service"),
        ("b", "workload", "t1", "Deployment"),
        ("c", "workload", "", "Job"),
        ("p", "policy", "", "Secret"),
    ]
    assert found[0].object["data"]["text"] == "---\n# Application(no) -- Component(no)\n"
    assert found[1].object["n"] == 2


def test_a_vela_that_says_nothing_is_no_answer() -> None:
    with pytest.raises(ToolError, match="ended well, and printed nothing of the Application"):
        vela.parse_dry_run("\n")


MANIFESTS = "Error: cannot generate manifests from components and traits: "
BASE = MANIFESTS + "evaluate base template app=shop in namespace=default: "
TRAIT = MANIFESTS + "evaluate template trait=scaler app=w: "
OLD = "invalid cue template of workload a after merge parameter and context: "
OLD_TRAIT = "invalid template of trait scaler after merge with parameter and context: "
DUMP = 'ERR  Failed to have the workload/trait unstructured Definition="{\n\tkind: "X"\n}" err="x"\n'


@pytest.mark.parametrize(
    ("stderr", "component", "trait", "texts"),
    [
        pytest.param(
            BASE + "validation failed for workload a:\n\nParameter errors:\n  parameter.siz: field not allowed\n",
            "a",
            "",
            ["parameter.siz: there is no such property"],
            id="1.11 misspelt",
        ),
        pytest.param(
            BASE + OLD + "parameter.siz: field not allowed (and 2 more errors)\n",
            "a",
            "",
            ["parameter.siz: there is no such property"],
            id="1.10 misspelt",
        ),
        pytest.param(
            BASE + "validation failed for workload a:\n\nTemplate errors:\n"
            "  strict.size: 2 errors in empty disjunction:\n  strict.size: conflicting values 1 and 9\n"
            "  strict.size: invalid value 9 (out of bound <=5)\n",
            "a",
            "",
            ["strict.size: invalid value 9 (out of bound <=5)"],
            id="1.11 bound beside a default",
        ),
        pytest.param(
            BASE + "validation failed for workload a:\n\nParameter errors:\n"
            "  parameter.size: 2 errors in empty disjunction:\n"
            '  parameter.size: conflicting values "x" and "small" \n'
            '  parameter.size: conflicting values "x" and "large"\n',
            "a",
            "",
            ['parameter.size: "x" is not one of "small", "large"'],
            id="1.11 enum",
        ),
        pytest.param(
            BASE + "validation failed for workload a:\n\nTemplate errors:\n"
            '  rules."size needs a name": conflicting values false and true\n',
            "a",
            "",
            ["size needs a name"],
            id="1.11 rule",
        ),
        pytest.param(
            BASE + "validation failed for workload a:\n\nUser Errors:\n  container web not found\n",
            "a",
            "",
            ["container web not found"],
            id="1.11 a trait's own errs",
        ),
        pytest.param(
            BASE + OLD + 'rules."size needs a name": conflicting values false and true\n',
            "a",
            "",
            ["size needs a name"],
            id="1.10 rule",
        ),
        pytest.param(
            TRAIT + "validation failed for trait scaler:\n\nParameter errors:\n"
            "  parameter.replicas: 2 errors in empty disjunction:\n"
            '  parameter.replicas: conflicting values "x" and 1 (mismatched types string and int)\n'
            '  parameter.replicas: conflicting values "x" and int (mismatched types string and int)\n',
            "w",
            "scaler",
            ['parameter.replicas: "x" is not one of 1, int'],
            id="1.11 trait",
        ),
        pytest.param(
            TRAIT + OLD_TRAIT + "parameter.replicas: 2 errors in empty disjunction: (and 8 more errors)\n",
            "w",
            "scaler",
            ["parameter.replicas: 2 errors in empty disjunction"],
            id="1.10 trait",
        ),
        pytest.param(
            DUMP + MANIFESTS + "cannot generate manifests from component a:\n\nParameter errors:\n"
            "  parameter.name: incomplete value string\n\n\nTemplate errors:\n"
            "  output.metadata.name: error in call to strings.ToLower: non-concrete value string\n",
            "a",
            "",
            ["parameter.name: is missing"],
            id="1.11 missing",
        ),
        pytest.param(
            DUMP + MANIFESTS + "evaluate base template component=a app=shop: failed to have the workload/trait "
            "unstructured: output.metadata.name: error in call to strings.ToLower: non-concrete value string\n",
            "a",
            "",
            ["output.metadata.name: error in call to strings.ToLower: non-concrete value string"],
            id="1.10 missing",
        ),
        pytest.param(
            TRAIT + 'cue: marshal error: output.spec.image: cannot convert incomplete value "string" to JSON\n',
            "w",
            "scaler",
            ["output.spec.image: is missing"],
            id="missing, found late",
        ),
        pytest.param("", "", "", ["vela failed and said nothing"], id="silence"),
        pytest.param("something\nelse\n", "", "", ["else"], id="no Error: line"),
        pytest.param("Error: no application provided\n", "", "", ["no application provided"], id="other"),
    ],
)
def test_last_words(stderr: str, component: str, trait: str, texts: list[str]) -> None:
    found = vela.failure(stderr)
    assert (found.component, found.trait, [problem.text for problem in found.problems]) == (component, trait, texts)


DEFINITION = """\
"x": {
	type: "component"
	attributes: workload: type: "autodetects.core.oam.dev"
}
template: {
	parameter: {}
	output: {apiVersion: "v1", kind: "ConfigMap"}
}
"""


@pytest.mark.parametrize("version", VELA_VERSIONS)
def test_vela_needs_no_cluster_and_makes_no_noise(
    version: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A kubeconfig of the user's must never be used: a template could reach their cluster.
    monkeypatch.setenv("KUBECONFIG", "/nonexistent/kubeconfig")
    (tmp_path / "x.cue").write_text(DEFINITION)
    done = vela.run(["def", "vet", tmp_path / "x.cue"], version=version)
    assert (done.returncode, done.stderr) == (0, "")
    assert "succeed" in done.stdout


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("incomplete value string", "is missing"),
        ("cannot convert incomplete value int to JSON", "is missing"),
        ("invalid interpolation: cannot reference optional field: opt", "needs opt, which is not given"),
        ("cannot reference optional field: opt", "needs opt, which is not given"),
        (
            "invalid interpolation: output.data.a: non-concrete value string (type string)",
            "is made of a value that is not given",
        ),
        ("conflicting values 3 and string (mismatched types int and string)", "must be a text, not 3"),
        ('conflicting values int and "3" (mismatched types int and string)', 'must be a whole number, not "3"'),
        ('conflicting values "a" and "b"', 'conflicting values "a" and "b"'),
        ('invalid value "x" (out of bound =~"^[0-9]+$")', '"x" has not the form that the definition asks for'),
        ("field not allowed", "there is no such property"),
        (
            'cannot read "/tmp/vela-realtime-a1b2/definitions/component-x.yaml": no',
            'cannot read "component-x.yaml": no',
        ),
    ],
)
def test_what_cue_says_in_plain_words(said: str, plain: str) -> None:
    assert vela.plain(said) == plain
