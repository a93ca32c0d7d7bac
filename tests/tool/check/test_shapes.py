"""Every value of an Application, and of what stands beside it, replaced by every other shape: never an exception."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support import checking
from tests.tool.check.test_fuzz import VALUES, places
from vela_realtime.check import objects as held
from vela_realtime.check.objects import run as rendered_objects
from vela_realtime.errors import InputError
from vela_realtime.findings import Severity
from vela_realtime.kubernetes import requests
from vela_realtime.kubernetes.schemas import DEFAULT_VERSION, Schemas
from vela_realtime.kubevela.vela import Rendered

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

OBJECTS = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: a, namespace: b}
spec:
  replicas: 1
  serviceName: a
  selector: {matchLabels: {app: a}, matchExpressions: [{key: app, operator: In, values: [a]}]}
  volumeClaimTemplates:
    - metadata: {name: d}
      spec: {accessModes: [ReadWriteOnce], storageClassName: x, resources: {requests: {storage: 1Gi}}}
  template:
    metadata:
      labels: {app: a}
      annotations: {container.apparmor.security.beta.kubernetes.io/x: runtime/default}
    spec:
      serviceAccountName: z
      imagePullSecrets: [{name: y}]
      priorityClassName: x
      nodeSelector: {a: b}
      tolerations: [{key: a, operator: Exists, effect: NoSchedule, tolerationSeconds: 1}]
      securityContext:
        seccompProfile: {type: Localhost, localhostProfile: x}
        sysctls: [{name: a, value: b}]
        seLinuxOptions: {type: a, user: b, role: c}
        appArmorProfile: {type: Localhost, localhostProfile: y}
        windowsOptions: {hostProcess: true}
      initContainers: [{name: i, image: "a:1", restartPolicy: Always}]
      containers:
        - name: x
          image: "a:latest"
          command: [sh, -c, "mysql --password=abc"]
          ports: [{containerPort: 80, hostPort: 80, name: http, protocol: TCP}]
          env: [{name: A, value: b}, {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}]
          envFrom: [{secretRef: {name: t}}, {configMapRef: {name: u}}]
          resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 2}}
          livenessProbe: {httpGet: {path: /, port: http, host: x}, periodSeconds: 1}
          lifecycle: {preStop: {exec: {command: [a]}}, postStart: {httpGet: {port: 80, host: y}}}
          securityContext: {procMount: Default, capabilities: {add: [A], drop: [ALL]}, runAsNonRoot: false}
          volumeMounts: [{name: v, mountPath: /x, subPath: y}]
      volumes:
        - {name: v, secret: {secretName: s, items: [{key: a, path: b}]}}
        - {name: p, persistentVolumeClaim: {claimName: q}}
        - {name: r, projected: {sources: [{configMap: {name: s}}]}}
---
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {selector: {app: a}, type: NodePort, ports: [{port: 80, targetPort: http, name: h}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a}
spec:
  tls: [{hosts: [a], secretName: t}]
  rules: [{host: a.b, http: {paths: [{path: /, backend: {service: {name: a}}}]}}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec: {minReplicas: 1, maxReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: a}}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {z: y}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: u}
data: {"a.conf": "password=abcdef"}
"""

COPIES = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: settings}
spec:
  workload: {definition: {apiVersion: v1, kind: ConfigMap}}
  schematics:
    cue: {template: "output: {metadata: name: context.replicaKey}"}
---
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: app}
spec:
  components:
  - {name: shared, type: settings, properties: {size: 5}}
  policies:
  - {name: copies, type: replication, properties: {keys: [north, south], selector: [shared]}}
  workflow:
    steps:
    - {name: go, type: deploy, properties: {policies: [copies]}}
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


def test_a_definition_has_no_template_where_it_belongs(tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(COPIES)
    found = checking.check_files(file, render=True).findings
    assert [(item.rule, item.line) for item in found] == [("dry-run", 14), ("not-checked", 14)]


RENDERED: list[Any] = list(yaml.safe_load_all(OBJECTS))


def test_no_shape_of_what_is_rendered_is_too_much() -> None:
    chance = random.Random("objects")  # noqa: S311
    # Half a letter is in no text that vela writes.
    values = [value for value in VALUES if value != "\ud800"]
    cases = [
        (number, route, value) for number, item in enumerate(RENDERED) for route in places(item) for value in values
    ]
    schemas = Schemas(DEFAULT_VERSION)
    for number, (*way, last), value in chance.sample(cases, 250):
        items = copy.deepcopy(RENDERED)
        holder = items[number]
        for step in way:
            holder = holder[step]
        holder[last] = value
        objects = held.Objects(items, [], frozenset(), ["restricted"] * len(items))
        rendered = [Rendered("web", "workload", "", item) for item in items]
        rendered_objects.check(rendered, objects, schemas, held.RULES, [Severity.ERROR] * len(items))
        requests.total(items)
