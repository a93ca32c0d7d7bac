"""A release on a cluster: looked at first, applied on the server's side, waited for, and tidied up behind."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vela_realtime.diff import run
from vela_realtime.diff.snapshot import Definition, Snapshot, objects_in
from vela_realtime.errors import InputError, ToolError
from vela_realtime.kubevela import kubectl, uses

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from vela_realtime.diff.kinds import Change
    from vela_realtime.publish.release import Release

MANAGER = "vela-realtime"
_RESOURCES = "componentdefinitions.core.oam.dev,traitdefinitions.core.oam.dev"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_PART_OF = "app.kubernetes.io/part-of"
_VERSION = "app.kubernetes.io/version"

SYSTEM = "vela-system"
"""The namespace whose definitions are for Applications of all namespaces."""

# conflict with "kubectl-edit" using core.oam.dev/v1beta1: .spec.a, or with several fields each on a line of its own.
_CONFLICT = re.compile(r'with "([^"]+)"(?: with subresource "[^"]+")? using \S+((?:[:\s]+-? ?\.\S+)+)')
_FIELD = re.compile(r"\.[^\s:]\S*")

Object = dict[str, Any]
Key = tuple[str, str]
"""Kind and name of a definition."""


@dataclass(frozen=True)
class Step:
    """What happens to one definition: ``create``, ``update``, ``keep`` or ``remove``."""

    action: str
    kind: str
    name: str
    old: str = ""
    new: str = ""
    changes: tuple[Change, ...] = ()
    """What changes for Applications, as far as it is known without rendering any."""

    def __str__(self) -> str:
        versions = (
            f"{self.old} -> {self.new}" if self.old and self.new and self.old != self.new else self.new or self.old
        )
        lines = [f"{self.action} {self.kind} {self.name} {versions}".rstrip()]
        for item in self.changes:
            said = f"{item.where}: {item.message}" if item.where else item.message
            lines.append(f"  {'breaking  ' if item.breaking else 'compatible'} {said}")
        return "\n".join(lines)


@dataclass
class Plan:
    """What a release changes in a namespace of a cluster."""

    namespace: str
    steps: list[Step] = field(default_factory=list)
    wanted: dict[Key, Object] = field(default_factory=dict)
    forced: bool = False
    """Whether fields that others have set are taken over."""

    def chosen(self, *actions: str) -> list[Step]:
        """Return the steps of some actions."""
        return [step for step in self.steps if step.action in actions]


def plan(
    item: Release,
    namespace: str,
    *,
    optional: Collection[str] = (),
    take_over: bool = False,
    overwrite: bool = False,
) -> Plan:
    """Compare a release with what a cluster has. Definitions that are ``optional`` belong to it where they are named.

    Raises:
        InputError: something that is not ours has the name of one of ours, a version is there with another content, or
            what would be removed is in use.
        ToolError: there is no ``kubectl``, or the cluster does not answer.
    """
    if unknown := sorted(set(optional) - {made.name for made in item.definitions if made.optional}):
        raise InputError(f"there is no optional definition {', '.join(unknown)}")
    wanted = {
        (made.object["kind"], made.name): _labelled(made.object, item, namespace)
        for made in item.definitions
        if not made.optional or made.name in optional
    }
    live = {_key(found): found for found in objects_in([kubectl.get(_RESOURCES, namespace)])}
    changes = _changes(live, item)
    found = Plan(namespace, wanted=wanted, forced=take_over or overwrite)
    foreign: list[str] = []
    same: list[str] = []
    for key, made in wanted.items():
        there, new = live.get(key), _version(made)
        if there is None:
            found.steps.append(Step("create", *key, new=new))
            continue
        alike = _alike(there, made)
        if not alike and not _owned(there, item.name):
            foreign.append(key[1])
        if not alike and _version(there) == new:
            same.append(f"{key[1]} {new}")
        settled = alike and _owned(there, item.name) and there["metadata"]["labels"].get(_VERSION) == item.version
        told = () if settled else changes(key)
        found.steps.append(Step("keep" if settled else "update", *key, old=_version(there), new=new, changes=told))
    if foreign and not take_over:
        raise InputError(
            f"not installed by this tool: {', '.join(foreign)} in {namespace}",
            "look at them with vela-realtime diff cluster, then say --take-over",
        )
    if same and not overwrite:
        raise InputError(
            f"there with another content: {', '.join(same)}",
            "KubeVela makes no revision for a version that it knows: raise it, or say --overwrite",
        )
    stale = [key for key, there in live.items() if key not in wanted and _owned(there, item.name)]
    if used := sorted(_used(stale, namespace)):
        raise InputError(
            f"{', '.join(used)}: a definition that this release has no more", "change these Applications first"
        )
    found.steps += [Step("remove", *key, old=_version(live[key])) for key in stale]
    return found


def apply(
    found: Plan, *, dry_run: bool = False, timeout: float = 120, tell: Callable[[str], None] = lambda _: None
) -> None:
    """Carry a plan out: the API server checks everything, then all is applied and waited for, and what is old removed.

    It can be interrupted anywhere and run again. ``timeout`` is in seconds, ``tell`` is given a line for each step.

    Raises:
        ToolError: the cluster does not answer or refuses, or a definition does not become ready.
    """
    steps = found.chosen("create", "update")
    if steps:
        objects = [found.wanted[step.kind, step.name] for step in steps]
        arguments = ["apply", "--server-side", f"--field-manager={MANAGER}", "--filename", "-"]
        arguments += ["--force-conflicts"] if found.forced else []
        # All of it, admission included, before the first of it: nothing is half there because the third was refused.
        _send([*arguments, "--dry-run=server"], objects)
        if not dry_run:
            _send(arguments, objects)
    for step in found.steps:
        tell(str(step))
    if dry_run:
        return
    wait(found, timeout)
    for step in found.chosen("remove"):
        kubectl.run(
            [
                "delete",
                f"{step.kind.lower()}s.core.oam.dev",
                step.name,
                "--namespace",
                found.namespace,
                "--ignore-not-found",
            ]
        )


def _send(arguments: Sequence[str], objects: Sequence[Object]) -> None:
    """Apply objects, and say whose fields are in the way.

    Raises:
        InputError: somebody else has set fields of ours.
        ToolError: the cluster does not answer or refuses.
    """
    done = kubectl.run(arguments, stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), ok=(0, 1))
    if done.ok:
        return
    if not _CONFLICT.search(done.stderr):
        raise kubectl.failed(done, f"kubectl {arguments[0]} failed")
    conflicts = []
    for item in objects:
        # kubectl says which fields, not of which object.
        said = kubectl.run([*arguments, "--dry-run=server"], stdin=json.dumps(item), ok=(0, 1)).stderr
        for manager, fields in _CONFLICT.findall(said):
            conflicts.append(f"{item['metadata']['name']} {', '.join(_FIELD.findall(fields))} by {manager}")
    raise InputError(
        f"changed by others since it was published: {'; '.join(conflicts)}", "to undo what they did, say --take-over"
    )


def wait(found: Plan, timeout: float) -> None:
    """Wait until KubeVela has taken in every definition of a plan: its schema is stored, its revision made.

    Raises:
        ToolError: one is not ready after ``timeout`` seconds, or the cluster does not answer.
    """
    ends = time.monotonic() + timeout
    while True:
        live = {_key(item): item for item in objects_in([kubectl.get(_RESOURCES, found.namespace)])}
        late = {key: why for key, made in found.wanted.items() if (why := _lacks(live.get(key), _version(made)))}
        if any(why == _NO_REVISION for why in late.values()):
            # Going back to a former version makes no new revision: the one of that time is there, if it was kept.
            done = kubectl.run(["get", "definitionrevisions", "--namespace", found.namespace, "--output", "name"])
            there = {line.rpartition("/")[2] for line in done.stdout.split()}
            for key, made in found.wanted.items():
                if late.get(key) == _NO_REVISION and f"{key[1]}-v{_version(made)}" in there:
                    del late[key]
        if not late:
            return
        if time.monotonic() > ends:
            listed = "; ".join(f"{name}: {why}" for (_, name), why in late.items())
            raise ToolError(f"not ready after {timeout:g} s: {listed}", "is KubeVela running? vela system info")
        time.sleep(1)


_NO_REVISION = "KubeVela has made no revision of this version"


def _lacks(item: Object | None, version: str) -> str:
    """Say what a definition lacks to be ready, nothing where it is."""
    if item is None:
        return "is not there"
    status = item.get("status") or {}
    synced = [entry for entry in status.get("conditions") or [] if entry.get("type") == "Synced"]
    if not synced:
        return "KubeVela has not looked at it yet"
    if synced[0].get("status") != "True":
        return str(synced[0].get("message") or "is not Synced")
    latest = str((status.get("latestRevision") or {}).get("name", ""))
    return "" if latest.endswith(f"-v{version}") else _NO_REVISION


def _labelled(item: Object, release: Release, namespace: str) -> Object:
    metadata = item["metadata"]
    labels = {**(metadata.get("labels") or {}), _MANAGED_BY: MANAGER, _PART_OF: release.name, _VERSION: release.version}
    return {**item, "metadata": {**metadata, "namespace": namespace, "labels": labels}}


def _owned(item: Object, name: str) -> bool:
    labels = item["metadata"].get("labels") or {}
    return labels.get(_MANAGED_BY) == MANAGER and labels.get(_PART_OF) == name


def _key(item: Object) -> Key:
    return item["kind"], item["metadata"]["name"]


def _version(item: Object) -> str:
    return str((item.get("spec") or {}).get("version", ""))


def _alike(live: Object, wanted: Object) -> bool:
    """Tell whether a definition is what is wanted: what it says of itself, and its annotations."""
    annotations = live["metadata"].get("annotations") or {}
    told = all(annotations.get(key) == value for key, value in (wanted["metadata"].get("annotations") or {}).items())
    return told and Definition(live).spec == Definition(wanted).spec


def _changes(live: Mapping[Key, Object], item: Release) -> Callable[[Key], tuple[Change, ...]]:
    """Return what tells the changes of a definition from the one that is there."""
    after = {(made.object["kind"], made.name): made for made in item.definitions}

    def of(key: Key) -> tuple[Change, ...]:
        before, made = Definition(live[key]), after[key]
        name = (made.type, made.name)
        return tuple(run.of_definitions(Snapshot("the cluster", {name: before}), Snapshot("", {name: made})))

    return of


def _used(stale: Sequence[Key], namespace: str) -> Iterator[str]:
    """Yield the Applications that use some definitions of a namespace, each with what it uses.

    Those of ``vela-system`` are for all namespaces, others for their own.
    """
    if not stale:
        return
    kinds = {"ComponentDefinition": "component", "TraitDefinition": "trait"}
    names = {(kinds[kind], name) for kind, name in stale}
    where = ["--all-namespaces"] if namespace == SYSTEM else ["--namespace", namespace]
    done = kubectl.run(["get", "applications.core.oam.dev", *where, "--output", "json"])
    for item in json.loads(done.stdout).get("items", []):
        metadata: Mapping[str, str] = item["metadata"]
        for use in dict.fromkeys((use.kind, use.name) for use in uses.in_spec(item.get("spec") or {})):
            if use in names:
                yield f"{metadata.get('namespace', 'default')}/{metadata['name']} uses {use[1]}"
