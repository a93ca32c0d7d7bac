"""KubeVela's own Helm chart, read for what it installs: so that the tests run what production runs."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

import yaml

from tests.hermetic.state import ClusterError
from vela_realtime import toolchain
from vela_realtime.kubernetes.requests import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SYSTEM_NAMESPACE = "vela-system"

# Where it listens, what it elects, where other clusters are: that is this cluster's own business.
_OWN_FLAGS = (
    "secure-port",
    "tls-",
    "metrics-addr",
    "health-addr",
    "webhook-",
    "use-webhook",
    "enable-leader-election",
    "enable-cluster-gateway",
    "cluster-gateway-",
)


def folder(version: str) -> Path:
    """Return the chart of a version of KubeVela.

    Raises:
        ClusterError: it is not in the cache yet.
    """
    source = toolchain.kubevela_source(version)
    if source is None:
        raise ClusterError(f"the files of KubeVela {version} are missing", "run scripts/cluster build")
    return source / "charts" / "vela-core"


def definitions(chart: Path) -> str:
    """Return the built-in definitions as one YAML stream."""
    texts = [file.read_text() for file in sorted((chart / "templates" / "defwithtemplate").glob("*.yaml"))]
    return "\n---\n".join(
        text.replace('{{ include "systemDefinitionNamespace" . }}', SYSTEM_NAMESPACE) for text in texts
    )


def controller_flags(chart: Path) -> list[str]:
    """Return the flags that the chart's default values give to the controller, feature gates among them."""
    return _flags(chart, "kubevela-controller.yaml")


def gateway_flags(chart: Path) -> list[str]:
    """Return the flags that the chart's default values give to the cluster gateway."""
    return _flags(chart, "cluster-gateway/cluster-gateway.yaml")


def gateway_identities(chart: Path) -> str:
    """Return as whom the chart lets the cluster gateway speak to other clusters, in YAML."""
    text = (chart / "templates" / "cluster-gateway" / "cluster-gateway.yaml").read_text()
    return textwrap.dedent(text.split("\n  config.yaml: |\n", 1)[1].split("\n---", 1)[0]) + "\n"


def _flags(chart: Path, template: str) -> list[str]:
    text = (chart / "templates" / template).read_text()
    values = yaml.safe_load((chart / "values.yaml").read_text())
    arguments = text.split("\n          args:\n", 1)[1].split("\n          image:", 1)[0]
    flags = []
    for line in _enabled(arguments.splitlines(), values):
        match = re.fullmatch(r'\s*- "--(.*)"', line)
        if match and not match[1].startswith(_OWN_FLAGS):
            flags.append("--" + _fill(match[1], values))
    return flags


def controller_limits(chart: Path) -> tuple[float, int]:
    """Return the processors and the bytes of memory that the chart lets the controller have."""
    limits = yaml.safe_load((chart / "values.yaml").read_text())["resources"]["limits"]
    return quantity(limits["cpu"]), int(quantity(limits["memory"]))


def controller_environment(chart: Path) -> dict[str, str]:
    """Return the environment that the chart gives to the controller."""
    text = (chart / "templates" / "kubevela-controller.yaml").read_text()
    return dict(re.findall(r'- name: (CUE_EXPERIMENT)\n\s+value: "(.*)"', text))


def webhooks(chart: Path, url: str, authority: str) -> Iterator[dict[str, Any]]:
    """Yield the admission webhooks that the chart registers, pointed at a server at ``url``.

    ``authority`` is the certificate that the server is trusted by, in base64.
    """
    for kind in ("Mutating", "Validating"):
        name = f"{kind.lower()}WebhookConfiguration.yaml"
        text = (chart / "templates" / "admission-webhooks" / name).read_text()
        paths = re.findall(r"path: (/\S+-core-oam-dev-v1beta1-(\w+))", text)
        yield {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"{kind}WebhookConfiguration",
            "metadata": {"name": "kubevela-vela-core-admission"},
            "webhooks": [
                {
                    "name": f"{kind.lower()}.core.oam.dev.v1beta1.{resource}",
                    "clientConfig": {"url": url + path, "caBundle": authority},
                    "admissionReviewVersions": ["v1", "v1beta1"],
                    "failurePolicy": "Fail",
                    "sideEffects": "None",
                    "timeoutSeconds": 30,  # three times what production gives: this machine may be busy
                    "rules": [
                        {
                            "apiGroups": ["core.oam.dev"],
                            "apiVersions": ["v1beta1"],
                            "operations": ["CREATE", "UPDATE"],
                            "resources": [resource],
                        }
                    ],
                }
                for path, resource in paths
            ],
        }


def _enabled(lines: list[str], values: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that are not inside an ``if`` whose condition is false."""
    conditions: list[bool] = []
    for line in lines:
        control = re.fullmatch(r"\s*\{\{-? *(if .*?|end) *-?\}\}", line)
        if control is None:
            if all(conditions):
                yield line
        elif control[1] == "end":
            conditions.pop()
        else:
            conditions.append(_holds(control[1].removeprefix("if "), values))


def _holds(condition: str, values: dict[str, Any]) -> bool:
    if match := re.fullmatch(r"not \.Values\.(\S+)", condition):
        return not _value(match[1], values)
    if match := re.fullmatch(r'ne \.Values\.(\S+) ""', condition):
        return bool(_value(match[1], values) != "")
    if match := re.fullmatch(r"\.Values\.(\S+)", condition):
        return bool(_value(match[1], values))
    raise ClusterError(f"KubeVela's chart has a condition that is not understood: {condition}")


def _fill(text: str, values: dict[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        found = _value(match[1], values)
        return str(found).lower() if isinstance(found, bool) else str(found)

    for name in ('include "systemDefinitionNamespace" .', ".Release.Namespace"):
        text = text.replace(f"{{{{ {name} }}}}", SYSTEM_NAMESPACE)
    filled = re.sub(r"\s*\{\{-? *\.Values\.(\S+)(?: \| toString)? *-?\}\}", value, text)
    if "{{" in filled:
        raise ClusterError(f"KubeVela's chart has a flag that is not understood: {text}")
    return filled


def _value(path: str, values: dict[str, Any]) -> Any:
    found: Any = values
    for step in path.split("."):
        found = found[step]
    return found
