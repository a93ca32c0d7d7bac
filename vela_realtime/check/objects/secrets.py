"""Secrets that are readable for everyone who may read a pod or a ConfigMap."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vela_realtime.check.objects.model import Objects, Violation, rule
from vela_realtime.findings import Severity
from vela_realtime.findings.suggest import shown
from vela_realtime.kubernetes.objects import dicts, metadata, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.documents.application import Route

_SECRET_NAME = re.compile(r"(?i)(?:^|[_.-])(?:password|passwd|secret|token|api_?key|private_?key|credentials?)$")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^:@/\s]+:(?P<password>[^@/\s]+)@")
_SETTING = re.compile(
    r"^\s*[\w.-]*(?:password|passwd|secret|token)\s*[=:]\s*[\"']?(?P<password>[^\s\"']{4,})",
    re.IGNORECASE | re.MULTILINE,
)
_SETTINGS_FILE = re.compile(r"\.(?:properties|conf|ini|ya?ml|json|toml|env)$")
_ELSEWHERE = re.compile(r"[$<{%/]|file:|true$|false$|none$|null$|[A-Z][A-Z0-9_]*$")
"""What stands for a secret rather than being one: a reference, a path, a PLACEHOLDER."""


@rule("secret-in-clear", severity=Severity.WARNING, hint="put it into a Secret and refer to that")
def in_clear(objects: Objects) -> Iterator[Violation]:
    """Yield passwords that stand in a container's variables or in a ConfigMap."""
    names = {str(metadata(item).get("name")) for item in objects.items if item.get("kind") == "Secret"}
    for pod in objects.pods:
        for path, container in pod.containers():
            for entry in dicts(container.get("env")):
                name, value = str(entry.get("name")), entry.get("value")
                if isinstance(value, str) and value not in names and _is_secret(name, value):
                    yield Violation(pod.object, f"{path}.env[{name}] has a secret in clear", value)
    for index, item in enumerate(objects.items):
        if item.get("kind") != "ConfigMap":
            continue
        for key, text in table(item, "data").items():
            if not isinstance(text, str):
                continue
            found = [text] if _is_secret(key, text) else []
            if _SETTINGS_FILE.search(key):
                found += [match["password"] for match in _SETTING.finditer(text) if is_literal(match["password"])]
            if found:
                yield Violation(index, f"data.{key} has a secret in clear", found[0])


def _is_secret(name: str, value: str) -> bool:
    if password := password_of(value):
        return is_literal(password)
    return bool(_SECRET_NAME.search(name)) and "\n" not in value and is_literal(value)


def password_of(address: str) -> str:
    """Return the password in an address, empty where there is none."""
    match = _ADDRESS.search(address)
    return match["password"] if match else ""


def is_literal(value: str) -> bool:
    """Tell whether a value is a secret itself, rather than where one is to be found."""
    return bool(value.strip()) and _ELSEWHERE.match(value) is None


_SECRET_PROPERTY = re.compile(
    r"(?i)(?:password|passwd|token|licen[cs]e_?key|api_?key|private_?key|connection_?string|webhook)$"
)
_WITHOUT_VALUE = {str: "what is given", bool: "true or false", int: "a number", float: "a number"}


def masked(message: str, data: Any, route: Route) -> str:
    """Return a message without the value that stands at ``route``, where that is a secret by its name."""
    holder, value = None, data
    for step in route:
        if isinstance(value, dict) and step not in value:
            return message
        holder, value = value, value[step]
    name = str(route[-1]) if route else ""
    if name == "value" and isinstance(holder, dict):  # a variable
        name = str(holder.get("name"))
    if type(value) not in _WITHOUT_VALUE or not (_SECRET_PROPERTY.search(name) or _SECRET_NAME.search(name)):
        return message
    return message.replace(shown(value), _WITHOUT_VALUE[type(value)])


RULES = (in_clear,)
