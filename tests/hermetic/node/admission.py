"""Sends a pod to the real node when that has all its images; other pods are played.

A namespace's annotation ``PLAYED_PARTS`` names parts whose pods are played all the same: a Job whose server is played
has nobody to talk to. A pod that is really run asks for next to no CPU and memory, since the node is small; its limits
stay as they are.
"""

from __future__ import annotations

import base64
import json
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from tests.hermetic.api import Api
from tests.hermetic.node import containerd
from tests.hermetic.node.kubernetes import NODE
from tests.hermetic.nodes import PLAYED_LABEL

if TYPE_CHECKING:
    from tests.hermetic.control_plane import ControlPlane
    from tests.hermetic.state import Folder

PLAYED_PARTS = "hermetic.vela-realtime.dev/played-parts"
"""The annotation of a namespace: values of the label app.kubernetes.io/name, separated by blanks."""

_REQUESTS = {"cpu": "1m", "memory": "1Mi"}


def serve(folder: Folder, plane: ControlPlane) -> dict[str, Any]:
    """Start to answer, and return the webhook that has the API server ask."""
    api = Api.of(plane)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(_answer(review, _played_parts(api, review), containerd.images(folder))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is overridden
            """Say nothing: the API server's log has it."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(plane.keys.certificate, plane.keys.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    return _webhook(server.server_address[1], base64.b64encode(plane.keys.certificate.read_bytes()).decode())


def _played_parts(api: Api, review: dict[str, Any]) -> set[str]:
    namespace = api.get(f"/api/v1/namespaces/{review['request']['namespace']}")
    return set(namespace["metadata"].get("annotations", {}).get(PLAYED_PARTS, "").split())


def _answer(review: dict[str, Any], played: set[str], images: set[str]) -> dict[str, Any]:
    request = review["request"]
    pod = request["object"]
    spec = pod["spec"]
    kinds = [kind for kind in ("containers", "initContainers") if spec.get(kind)]
    wanted = [item["image"] for kind in kinds for item in spec[kind]]
    part = pod["metadata"].get("labels", {}).get("app.kubernetes.io/name", "")
    real = part not in played and all(containerd.full_name(image) in images for image in wanted)
    selector = {"kubernetes.io/hostname": NODE} if real else {PLAYED_LABEL: "true"}
    patch: list[dict[str, Any]] = [
        {"op": "add", "path": "/spec/nodeSelector", "value": {**spec.get("nodeSelector", {}), **selector}}
    ]
    if real:
        patch += [
            {"op": "add", "path": f"/spec/{kind}/{index}/resources/requests", "value": _REQUESTS}
            for kind in kinds
            for index, item in enumerate(spec[kind])
            if item.get("resources", {}).get("requests")
        ]
    response = {
        "uid": request["uid"],
        "allowed": True,
        "patchType": "JSONPatch",
        "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
    }
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}


def _webhook(port: int, authority: str) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "hermetic-node"},
        "webhooks": [
            {
                "name": "node.hermetic.vela-realtime.dev",
                "clientConfig": {"url": f"https://127.0.0.1:{port}/pods", "caBundle": authority},
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            }
        ],
    }
