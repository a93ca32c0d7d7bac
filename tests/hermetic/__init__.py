"""A real Kubernetes control plane with KubeVela on one machine, with no container and nothing to install.

``Cluster`` is what tests use, ``scripts/cluster`` what people use. Only the nodes are played.
"""

from tests.hermetic.cluster import Cluster

__all__ = ["Cluster"]
