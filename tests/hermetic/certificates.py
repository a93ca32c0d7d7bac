"""The one key and certificate of a cluster."""

from __future__ import annotations

import base64
import shutil
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.hermetic.state import ClusterError
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class KeyPair:
    """A key and its self-signed certificate.

    One pair serves everything: as the API server's and the webhooks' certificate, as its own authority, and to sign
    the tokens of service accounts.
    """

    key: Path
    certificate: Path

    def authority(self) -> str:
        """Return the certificate as Kubernetes' objects have it: in base64."""
        return base64.b64encode(self.certificate.read_bytes()).decode()

    def trusted(self) -> ssl.SSLContext:
        """Return what trusts the certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))


def make(folder: Path, names: Sequence[str]) -> KeyPair:
    """Make a pair that is valid for these names, written as ``IP:127.0.0.1`` or ``DNS:localhost``.

    Raises:
        ClusterError: there is no openssl, or it fails.
    """
    if shutil.which("openssl") is None:
        raise ClusterError("openssl is missing, which makes the cluster's keys", "on Debian: apt-get install openssl")
    folder.mkdir(parents=True, exist_ok=True)
    pair = KeyPair(folder / "tls.key", folder / "tls.crt")  # the names that vela-core looks for
    done = process.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "30", "-subj", "/CN=hermetic-cluster", "-addext", f"subjectAltName={','.join(names)}"),
            *("-addext", "keyUsage=critical,digitalSignature,keyCertSign"),
            *("-keyout", pair.key, "-out", pair.certificate),
        ]
    )
    if not done.ok:
        raise ClusterError(f"openssl could not make the cluster's keys: {done.stderr.strip()}")
    return pair
