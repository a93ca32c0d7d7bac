"""Everything that an Application can be told without a cluster, in layers.

1. ``files``: YAML, with its places; 2. ``shape``: the Application's own form, and the types it names;
3. ``properties``: against the schemas exported from CUE; 4. ``links``: between components; 5. ``render``: the real
``vela dry-run``; 6. ``objects``: Kubernetes' schemas and policy. A later layer looks at an Application only where the
earlier ones found no error in it.
"""

from __future__ import annotations

from vela_realtime.check.run import Options, Result, check

__all__ = ["Options", "Result", "check"]
