"""The names of a component's outputs, which KubeVela's webhook wants to be there once: ``validateAuxiliaryNameUnique``
in ``pkg/appfile/validate.go``. ``vela dry-run`` does not ask for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.objects.run import Note
from vela_realtime.findings import Severity
from vela_realtime.kubernetes.objects import table
from vela_realtime.kubevela.vela import REPLICA_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vela_realtime.kubevela.catalog import Found
    from vela_realtime.kubevela.vela import Rendered

RULE = "name-collision"

OUTPUT = "trait.oam.dev/resource"
"""The label in which KubeVela writes the name of an output of a component or a trait."""


def twice(rendered: Sequence[Rendered], sources: Sequence[Found | None]) -> Iterator[Note]:
    """Yield outputs that have the name of an earlier one of their component.

    ``rendered`` has the objects of one Application for one topology, ``sources`` the definition of each. Traits that
    come after the component runs are not among those that the webhook looks at.
    """
    seen: dict[tuple[str, str, str], str] = {}
    for item, source in zip(rendered, sources, strict=True):
        labels = table(item.object, "metadata", "labels")
        name = labels.get(OUTPUT)
        if not isinstance(name, str) or (source is not None and source.after_dispatch):
            continue
        who = item.origin if item.origin.startswith("trait ") else "component"
        key = (item.component, name, str(labels.get(REPLICA_KEY)))
        if (first := seen.get(key)) is not None:
            whose = f"two traits {who.partition(' ')[2]} have" if first == who else f"the {first} and the {who} have"
            message = f"{whose} an output {name}, and KubeVela takes one of a name in a component"
            yield Note(item.component, item.origin, RULE, Severity.ERROR.value, message)
        seen.setdefault(key, who)
