"""Publishing a set of definitions: as an archive, as a KubeVela addon, to a registry, to a cluster."""
