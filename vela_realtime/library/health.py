"""The health policy and the status line of a definition, made from its list of parts.

KubeVela evaluates both against the live objects, and shows them less than a template sees: ``context.output``,
``context.outputs`` and the raw parameters; no namespace, no defaults, no library. A missing status field is an
error there, which counts as unhealthy without a word, so everything is guarded. The text is in the CUE that
every engine since 0.5 reads, and imports nothing.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = ("StatefulSet", "Deployment", "DaemonSet", "Job")


@dataclass(frozen=True)
class Part:
    """Something that must be up: a name for people, a kind of ``KINDS``, and the key in ``outputs``.

    An empty ``output`` means the component's main object.
    """

    name: str
    kind: str
    output: str


_HEAD = """\
_states: [for part in _parts {
	name:   part.name
	object: part.object
"""

# A controller that has not seen the last change yet still reports the state before it: hence the generation. While new
# pods fail, a Deployment keeps an old one that is ready: hence the number of all.
_COUNTED = """\
		wanted: [if object.%(wanted)s != _|_ {object.%(wanted)s}, %(unset)d][0]
		ready: [if object.status.%(ready)s != _|_ {object.status.%(ready)s}, 0][0]
		updated: [if object.status.%(updated)s != _|_ {object.status.%(updated)s}, 0][0]
		all: [if object.status.%(all)s != _|_ {object.status.%(all)s}, 0][0]
		generation: [if object.metadata.generation != _|_ {object.metadata.generation}, 0][0]
		observed: [if object.status.observedGeneration != _|_ {object.status.observedGeneration}, -1][0]
		up:   ready == wanted && updated == wanted && all == wanted && observed >= generation
		text: "\\(ready)/\\(wanted)"
"""

_REPLICAS = _COUNTED % {
    "wanted": "spec.replicas",
    "unset": 1,
    "ready": "readyReplicas",
    "updated": "updatedReplicas",
    "all": "replicas",
}

_BODIES = {
    "StatefulSet": _REPLICAS,
    "Deployment": _REPLICAS,
    "DaemonSet": _COUNTED
    % {
        "wanted": "status.desiredNumberScheduled",
        "unset": 0,
        "ready": "numberReady",
        "updated": "updatedNumberScheduled",
        "all": "currentNumberScheduled",
    },
    "Job": """\
		conditions: [
			if object.status.conditions != _|_ for c in object.status.conditions if c.status == "True" {c.type},
		]
		up: len([for c in conditions if c == "Complete" {c}]) > 0
		failed: len([for c in conditions if c == "Failed" {c}]) > 0
		running: [if object.status.active != _|_ {object.status.active > 0}, false][0]
		text: [if up {"done"}, if failed {"failed"}, if running {"running"}, "pending"][0]
""",
}


def _parts_and_states(parts: Sequence[Part]) -> str:
    # A part that was not asked for has no object, and does not count.
    text = "_parts: [\n"
    for main, group in itertools.groupby(parts, key=lambda part: not part.output):
        rows = "".join(f"\t\t{json.dumps([part.name, part.kind, part.output])},\n" for part in group)
        reference = "context.output" if main else "context.outputs[part[2]]"
        # What the main object is may depend on the parameters.
        kind = " if context.output.kind == part[1]" if main else ""
        text += f"\tfor part in [\n{rows}\t] if {reference} != _|_{kind} {{\n"
        text += f"\t\tname: part[0], kind: part[1], object: {reference}\n\t}},\n"
    text += "]\n\n" + _HEAD
    bodies: dict[str, list[str]] = {}
    for kind in KINDS:
        if any(part.kind == kind for part in parts):
            bodies.setdefault(_BODIES[kind], []).append(kind)
    for body, kinds in bodies.items():
        condition = " || ".join(f'part.kind == "{kind}"' for kind in kinds)
        text += f"\tif {condition} {{\n{body}\t}}\n"
    return text + "}]\n"


# What KubeVela's own definitions look at: whoever sets it wants an Application to go on with a part that is not up.
_WAIVED = """\
_waived: [
	if context.output.metadata.annotations != _|_
	if context.output.metadata.annotations["app.oam.dev/disable-health-check"] != _|_ {true},
]
"""


def health_policy(parts: Sequence[Part]) -> str:
    """Return CUE whose ``isHealth`` is true when all parts are up, and all jobs complete; or when nobody is to ask."""
    if not parts:
        return "isHealth: true\n"
    all_up = "len([for state in _states if !state.up {state}]) == 0"
    return f"{_parts_and_states(parts)}\n{_WAIVED}isHealth: len(_waived) > 0 || {all_up}\n"


def custom_status(parts: Sequence[Part]) -> str:
    """Return CUE whose ``message`` is one line: ``kafka 2/3, connect 1/1, topics pending``."""
    if not parts:
        return 'message: ""\n'
    # Put together one by one: a status may import nothing on some versions.
    texts = '\n_texts: [for i, state in _states {[if i == 0 {""}, ", "][0] + state.name + " " + state.text}]\n'
    places = range(len(parts))
    padded = f'_padded: [for i in {list(places)} {{[if i < len(_texts) {{_texts[i]}}, ""][0]}}]\n'
    message = " + ".join(f"_padded[{place}]" for place in places)
    return f"{_parts_and_states(parts)}{texts}{padded}message: {message}\n"
