"""Persistent volumes for the claims of a cluster: folders below the cluster's own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hermetic.api import Api

PROVISIONER = "hermetic.vela-realtime.dev/folder"
DEFAULT_CLASS = "standard"


class Volumes:
    """Gives each claim of our storage classes a volume, and takes it away again."""

    def __init__(self, api: Api, folder: Path) -> None:
        """Keep the volumes in ``folder``."""
        self._api = api
        self._folder = folder

    def serve(self) -> None:
        """Do what is to be done now.

        Raises:
            ClusterError: the API server cannot be asked.
        """
        classes = {
            item["metadata"]["name"]: item
            for item in self._api.get("/apis/storage.k8s.io/v1/storageclasses")["items"]
            if item["provisioner"] == PROVISIONER
        }
        for claim in self._api.get("/api/v1/persistentvolumeclaims")["items"]:
            storage_class = classes.get(claim["spec"].get("storageClassName", ""))
            node = claim["metadata"].get("annotations", {}).get("volume.kubernetes.io/selected-node", "")
            if storage_class and node and not claim["spec"].get("volumeName"):
                self._provide(claim, storage_class, node)
        for volume in self._api.get("/api/v1/persistentvolumes")["items"]:
            ours = volume["metadata"].get("annotations", {}).get("pv.kubernetes.io/provisioned-by") == PROVISIONER
            unused = volume["status"].get("phase") == "Released"
            if ours and unused and volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
                self._api.delete(f"/api/v1/persistentvolumes/{volume['metadata']['name']}")
                shutil.rmtree(self._folder / volume["metadata"]["name"], ignore_errors=True)

    def _provide(self, claim: dict[str, Any], storage_class: dict[str, Any], node: str) -> None:
        metadata = claim["metadata"]
        name = f"pvc-{metadata['uid']}"
        path = self._folder / name
        path.mkdir(parents=True, exist_ok=True)
        here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
        spec: dict[str, Any] = {
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"],
            "storageClassName": storage_class["metadata"]["name"],
            "persistentVolumeReclaimPolicy": storage_class["reclaimPolicy"],
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            # Unlike a host path, a local volume is given to the pod's fsGroup, as a cloud's disk is.
            "local": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        }
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
            "spec": spec,
        }
        self._api.post("/api/v1/persistentvolumes", volume)


def storage_class(name: str = DEFAULT_CLASS, *, default: bool = False) -> dict[str, Any]:
    """Return a storage class that ``Volumes`` serves."""
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": annotations},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",  # as the disks of clouds: where the pod is
        "allowVolumeExpansion": True,
    }
