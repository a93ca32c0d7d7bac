"""Every value of an Application, and of what stands beside it, replaced by every other shape: never an exception."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support import checking
from tests.tool.check.test_fuzz import VALUES, places
from vela_realtime.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: app
  namespace: shop
  labels: {a: b}
  annotations: {vela-realtime.dev/external: platform/x, vela-realtime.dev/optional: webservice}
spec:
  components:
    - name: plant
      type: realtime-platform
      properties: {name: plant, kafkaConfig: {topics: [a, {name: b, config: {retention.ms: "5"}}]}}
    - name: web
      type: webservice@v1
      dependsOn: [plant]
      inputs: [{from: host, parameterKey: cpu}]
      outputs: [{name: host, valueFrom: context.name}]
      externalRevision: v1
      scopes: {x: z}
      properties: {image: "nginx:1.27", env: [{name: A, value: b}]}
      traits: [{type: scaler, properties: {replicas: 2}}, {type: realtime, properties: {platform: plant}}]
  policies:
    - {name: t, type: topology, properties: {clusters: [local], namespace: prod}}
    - name: o
      type: override
      properties:
        components:
          - {name: web, type: webservice, properties: {cpu: "1"}, traits: [{type: scaler, disable: false}]}
        selector: [web]
    - {name: g, type: garbage-collect, properties: {keepLegacyResource: true}}
  workflow:
    ref: w
    mode: {steps: DAG, subSteps: DAG}
    steps:
      - name: go
        type: deploy
        properties: {policies: [t, o], parallelism: 2}
        if: always
        timeout: 5m
        meta: {alias: x}
        inputs: [{from: host, parameterKey: auto}]
        outputs: [{name: z, valueFrom: x}]
        dependsOn: []
      - {name: group, type: step-group, mode: DAG, subSteps: [{name: one, type: suspend}]}
---
apiVersion: core.oam.dev/v1alpha1
kind: Workflow
metadata: {name: w}
mode: {steps: DAG}
steps: [{name: go, type: deploy, properties: {policies: [t]}}]
---
apiVersion: core.oam.dev/v1alpha1
kind: Policy
metadata: {name: p}
type: topology
properties: {clusters: [local]}
---
apiVersion: core.oam.dev/v1beta1
kind: TraitDefinition
metadata: {name: mine}
spec: {schematic: {cue: {template: "parameter: {}"}}}
"""

DOCUMENTS: list[Any] = list(yaml.safe_load_all(TEXT))
CASES = [
    (number, tuple(route), value)
    for number, document in enumerate(DOCUMENTS)
    for route in places(document)
    for value in VALUES
]


@pytest.mark.parametrize(("seed", "rounds", "render"), [("form", 150, False), ("rendered", 12, True)])
def test_no_shape_is_too_much(seed: str, rounds: int, render: bool, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311
    file = tmp_path / "app.yaml"
    for number, (*way, last), value in chance.sample(CASES, rounds):
        documents = copy.deepcopy(DOCUMENTS)
        holder = documents[number]
        for step in way:
            holder = holder[step]
        holder[last] = value
        file.write_text(yaml.dump_all(documents, sort_keys=False, allow_unicode=False))
        try:
            checking.check_files(file, render=render, allow_none=True)
        except InputError as error:
            pytest.fail(f"{(number, *way, last)} = {value!r}: {error}")
