"""KubeVela's controller on a cluster: whether it is one that the definitions are tried with, and what it can carry."""

from __future__ import annotations

import json
import re
from typing import Any

from vela_realtime.errors import ToolError
from vela_realtime.kubernetes.objects import dicts, table
from vela_realtime.kubernetes.requests import quantity, size
from vela_realtime.kubevela import kubectl
from vela_realtime.toolchain import pins
from vela_realtime.toolchain.doctor import Check, State

LABELS = "app.kubernetes.io/name=vela-core"
"""How KubeVela's chart labels its controller."""

_MI = 2**20
BASE = 200 * _MI
EACH = 200 * _MI
"""Bytes that the controller takes by itself, and for each platform that it looks at at the same time: ten that were
applied together took it to 1,001 MiB, four at a time; see docs/performance.md."""

ENOUGH = 1024 * _MI
SHARE = 0.7
"""With ``GOMEMLIMIT`` at this share of it, the chart's own limit held ten at once with 400 MiB to spare."""

SLOW = 1.0
"""Processors; with half of one, ten platforms took five minutes until they were healthy."""

ETCD = 1.5 * 2**20
"""Bytes of the largest object that etcd takes, as shipped."""


def examine() -> list[Check]:
    """Ask the cluster that ``kubectl`` is set to, and return what is to say.

    A cluster that does not answer, or has no KubeVela, is a check that failed.
    """
    try:
        listed = _get("deployments", "--selector", LABELS)
        if not listed:
            detail = "there is no KubeVela on the cluster"
            return [Check("KubeVela", State.MISSING, detail, "see https://kubevela.io/docs/installation/kubernetes")]
        return [*_controller(listed[0]), _revisions(_get("applicationrevisions.core.oam.dev"))]
    except ToolError as error:
        return [Check("KubeVela", State.ERROR, error.message, error.hint)]


def _get(resource: str, *arguments: str) -> list[dict[str, Any]]:
    failing = f"kubectl cannot read the cluster's {resource.partition('.')[0]}"
    done = kubectl.run(["get", resource, "--all-namespaces", "--output", "json", *arguments], failing=failing)
    try:
        return dicts(table(json.loads(done.stdout)).get("items"))
    except ValueError as error:
        raise ToolError(f"kubectl get {resource} answered something that is no JSON") from error


def _controller(deployment: dict[str, Any]) -> list[Check]:
    metadata = table(deployment, "metadata")
    where = f"{metadata.get('namespace')}/{metadata.get('name')}"
    containers = dicts(table(deployment, "spec", "template", "spec").get("containers"))
    container = containers[0] if containers else {}
    arguments = [str(item) for item in container.get("args") or []]
    limits = table(container, "resources", "limits")
    return [
        _version(str(container.get("image", "")), where),
        _memory(limits.get("memory"), _reconciles(arguments), _environment(container, "GOMEMLIMIT"), where),
        _processors(limits.get("cpu")),
    ]


def _version(image: str, where: str) -> Check:
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2].removeprefix("v")
    tried = ", ".join(pins.VELA)
    if tag in pins.VELA:
        return Check("KubeVela", State.OK, f"{tag}: {where}", version=tag)
    detail = f"{tag or 'an image without a tag'}: {where}; the definitions are tried with {tried}"
    return Check("KubeVela", State.NOTE, detail, "try them on a test cluster first", version=tag)


def _memory(limit: object, reconciles: int, garbage: str, where: str) -> Check:
    name = "memory"
    needed = BASE + reconciles * EACH
    at_once = f"{reconciles} {'platform' if reconciles == 1 else 'platforms'} at a time"
    if limit is None:
        return Check(name, State.OK, f"no limit; {at_once} take about {size(needed)}")
    allowed = quantity(limit)
    namespace, _, deployment = where.partition("/")
    collected = round(allowed * SHARE / _MI)
    hint = f"kubectl set env deployment/{deployment} --namespace {namespace} GOMEMLIMIT={collected}MiB"
    if garbage and allowed >= ENOUGH:
        return Check(name, State.OK, f"{limit}, GOMEMLIMIT={garbage}, {at_once}")
    if allowed < ENOUGH:
        detail = f"{limit}: the kernel ends it while platforms are applied; {at_once} take about {size(needed)}"
        return Check(name, State.NOTE, detail, "give it 1Gi or more, and seven tenths of that as GOMEMLIMIT")
    if allowed < needed * 1.2:
        detail = f"{limit}: nothing to spare; {at_once} take about {size(needed)}"
        return Check(name, State.NOTE, detail, hint)
    return Check(name, State.OK, f"{limit}; {at_once} take about {size(needed)}")


def _processors(limit: object) -> Check:
    if limit is None:
        return Check("processors", State.OK, "no limit")
    if quantity(limit) < SLOW:
        detail = f"{limit}: ten platforms at once take some five minutes until they are healthy"
        return Check("processors", State.NOTE, detail, "raise the limit where many are applied together")
    return Check("processors", State.OK, str(limit))


def _reconciles(arguments: list[str]) -> int:
    """Return how many Applications are looked at at the same time; the chart's default where nothing is said."""
    for argument in arguments:
        if match := re.fullmatch(r"--concurrent-reconciles=(\d+)", argument):
            return int(match[1])
    return 4


def _environment(container: dict[str, Any], name: str) -> str:
    return next((str(item.get("value", "")) for item in dicts(container.get("env")) if item.get("name") == name), "")


def _revisions(items: list[dict[str, Any]]) -> Check:
    name = "revisions"
    if not items:
        return Check(name, State.OK, "no Application is stored yet")
    sizes = [len(json.dumps(item, separators=(",", ":"), ensure_ascii=False).encode()) for item in items]
    largest = items[sizes.index(max(sizes))]
    metadata = table(largest, "metadata")
    detail = (
        f"{len(items)} of Applications, {size(sum(sizes))}; the largest, {metadata.get('namespace')}/"
        f"{metadata.get('name')}, {size(max(sizes))} of the {size(ETCD)} that etcd takes"
    )
    if max(sizes) <= ETCD / 2:
        return Check(name, State.OK, detail)
    hint = "let KubeVela compress them: the chart's featureGates.zstdApplicationRevision=true"
    return Check(name, State.NOTE, detail, hint)
