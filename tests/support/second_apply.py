"""What a second apply leaves in a cluster, without one: KubeVela's merge, its garbage collection, and the pods' view.

KubeVela keeps no record of what it applied last for ConfigMaps and Secrets (``pkg/utils/apply`` of its source, pull
request 3939), so it never takes a key out of one. Objects that are no longer rendered are deleted. All other kinds
become what is rendered: KubeVela has a record of them.
"""

from __future__ import annotations

import base64
import copy
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Identity: TypeAlias = "tuple[str, str]"
Live: TypeAlias = "dict[Identity, dict[str, Any]]"

GENERATED = "<generated>"
"""Stands for a value that a Job puts into a Secret."""


def apply(live: Live, desired: Iterable[dict[str, Any]]) -> Live:
    """Return what is in the cluster after an Application's objects become ``desired``. Jobs have not run yet."""
    after: Live = {}
    for item in desired:
        identity = (item["kind"], item["metadata"]["name"])
        made = copy.deepcopy(item)
        if item["kind"] in {"ConfigMap", "Secret"} and identity in live:
            made["data"] = {**live[identity].get("data", {}), **made.get("data", {})}
        after[identity] = made
    return after


def with_credentials(live: Live) -> Live:
    """Return what is in the cluster when the credentials Job has done what ``credentials.sh`` says of itself."""
    after = copy.deepcopy(live)
    for (kind, name), item in live.items():
        if kind == "ConfigMap" and "passwords" in item.get("data", {}) and "-credentials-config-" in name:
            for line in item["data"]["passwords"].splitlines():
                secret, key, *rule = line.split()
                if ("Secret", secret) not in after:
                    continue  # the user's own
                data = after["Secret", secret].setdefault("data", {})
                if rule == ["remove"]:
                    data.pop(key, None)
                elif data.get(key, "") in {"", _base64("admin")}:
                    data[key] = _base64(GENERATED)
    return after


def seen(live: Live) -> dict[str, Any]:
    """Return what each container is given: its variables, and the files of ConfigMaps and Secrets that it mounts.

    Of an object that is not the Application's own, it is said which it is.
    """
    found: dict[str, Any] = {}
    for (kind, name), item in live.items():
        if (pod := pod_spec(item)) is None:
            continue
        volumes = {volume["name"]: list(_files(live, volume)) for volume in pod.get("volumes", [])}
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            files = {
                f"{mount['mountPath']}/{path}": text
                for mount in container.get("volumeMounts", [])
                for path, text in volumes.get(mount["name"], [])
            }
            env = {variable["name"]: _variable(live, variable) for variable in container.get("env", [])}
            found[f"{kind} {name} {container['name']}"] = {"env": env, "files": files}
    return found


def pod_spec(item: dict[str, Any]) -> dict[str, Any] | None:
    """Return the pods' spec of a workload, None of any other object."""
    spec = item.get("spec") or {}
    if item["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    found: dict[str, Any] | None = (spec.get("template") or {}).get("spec") if "template" in spec else None
    return found


def sources(volume: dict[str, Any]) -> Iterator[tuple[str, str, list[dict[str, str]] | None]]:
    """Yield kind, name and items of each ConfigMap and Secret that a volume shows."""
    for source in [volume, *volume.get("projected", {}).get("sources", [])]:
        if "configMap" in source:
            yield "ConfigMap", source["configMap"]["name"], source["configMap"].get("items")
        if "secret" in source:
            secret = source["secret"]
            yield "Secret", secret.get("secretName") or secret["name"], secret.get("items")


def _files(live: Live, volume: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for kind, name, items in sources(volume):
        if (kind, name) not in live:
            for item in items or [{"key": "*", "path": "*"}]:
                yield item["path"], f"{item['key']} of {kind} {name}"
            continue
        data = live[kind, name].get("data", {})
        for key, path in [(item["key"], item["path"]) for item in items] if items else zip(data, data, strict=True):
            yield path, _text(kind, data.get(key))


def _variable(live: Live, variable: dict[str, Any]) -> str:
    source = variable.get("valueFrom", {})
    for reference, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        if reference in source:
            name, key = source[reference]["name"], source[reference]["key"]
            if (kind, name) not in live:
                return f"{key} of {kind} {name}"
            return _text(kind, live[kind, name].get("data", {}).get(key))
    return str(variable.get("value", source))


def _text(kind: str, value: str | None) -> str:
    if value is None:
        return "<missing>"
    return base64.b64decode(value).decode() if kind == "Secret" else value


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
