"""A real LDAP directory with the people and groups of a small company."""

from __future__ import annotations

import base64
import contextlib
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hermetic import certificates
from tests.support.doubles.ports import free_port, listens
from tests.support.doubles.scripts import require
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Iterator

READER = "cn=reader,dc=example,dc=com"
READER_PASSWORD = 'it\'s a \\ "secret" # ; $x'  # noqa: S105

# Ada is an operator and an analyst, Bob an analyst. Carol is what Active Directory's people are: no inetOrgPerson.
_ENTRIES = """\
dn: dc=example,dc=com
objectClass: domain
dc: example

dn: cn=reader,dc=example,dc=com
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword:: {reader}

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=ada,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: ada
cn: Ada
sn: Lovelace
givenName: Ada
mail: ada@example.com
userPassword: ada's password

dn: uid=bob,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Bobson
givenName: Bob
mail: bob@example.com
userPassword: bob's password

dn: cn=Carol (Accounts),ou=people,dc=example,dc=com
objectClass: person
objectClass: extensibleObject
uid: carol
cn: Carol (Accounts)
sn: Carolson
givenName: Carol
mail: carol@example.com
userPassword: carol's password

dn: uid=printer,ou=people,dc=example,dc=com
objectClass: account
objectClass: simpleSecurityObject
uid: printer
userPassword: printer's password

dn: ou=groups,dc=example,dc=com
objectClass: organizationalUnit
ou: groups

dn: cn=operators,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: operators
member: uid=ada,ou=people,dc=example,dc=com

dn: cn=analysts,ou=groups,dc=example,dc=com
objectClass: groupOfUniqueNames
cn: analysts
uniqueMember: uid=ada,ou=people,dc=example,dc=com
uniqueMember: uid=bob,ou=people,dc=example,dc=com
"""

# Nobody but the reader may search, and nobody at all read a password.
_CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
TLSCertificateFile {pair.certificate}
TLSCertificateKeyFile {pair.key}
database mdb
suffix dc=example,dc=com
directory {folder}/data
access to attrs=userPassword by anonymous auth
access to * by dn.exact={reader} read by anonymous auth
"""


@dataclass(frozen=True)
class Entry:
    """An entry that was found."""

    dn: str
    attributes: dict[str, list[str]]


@dataclass(frozen=True)
class Directory:
    """A directory that runs. A port speaks plain text and can change to TLS, the other TLS from the start."""

    port: int
    tls_port: int
    authority: Path

    def search(self, dn: str, password: str, security: str, *search: str) -> list[Entry] | None:
        """Log in and search; ``None`` where the directory does not take the password."""
        scheme, port = ("ldaps", self.tls_port) if security == "ssl" else ("ldap", self.port)
        connection = ["-H", f"{scheme}://127.0.0.1:{port}", *(["-ZZ"] if security == "starttls" else [])]
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(password)
            file.flush()
            login = ["-x", "-D", dn, "-y", file.name]
            argv = [require("ldapsearch"), "-LLL", "-o", "ldif-wrap=no", *connection, *login, *search]
            done = process.run(argv, env={"LDAPTLS_CACERT": str(self.authority)})
        if done.returncode == 49:
            return None
        assert done.ok, done.stderr
        return list(_entries(done.stdout))


def _entries(ldif: str) -> Iterator[Entry]:
    for block in ldif.strip().split("\n\n"):
        found: dict[str, list[str]] = {}
        for line in block.splitlines():
            name, _, value = line.partition(":")
            text = base64.b64decode(value[1:]).decode() if value.startswith(":") else value
            found.setdefault(name, []).append(text.strip())
        if found:
            yield Entry(found.pop("dn")[0], found)


@contextlib.contextmanager
def directory() -> Iterator[Directory]:
    """Run slapd."""
    server, add = require("slapd"), require("slapadd")
    folder = Path(tempfile.mkdtemp(prefix="realtime-ldap-", dir="/tmp"))
    try:
        (folder / "data").mkdir()
        pair = certificates.make(folder, ["IP:127.0.0.1"])
        config = folder / "slapd.conf"
        config.write_text(_CONFIGURATION.format(folder=folder, pair=pair, reader=READER))
        (folder / "entries.ldif").write_text(
            _ENTRIES.format(reader=base64.b64encode(READER_PASSWORD.encode()).decode())
        )
        done = process.run([add, "-f", str(config), "-l", str(folder / "entries.ldif")])
        assert done.ok, done.stderr
        found = Directory(free_port(), free_port(), pair.certificate)
        urls = f"ldap://127.0.0.1:{found.port} ldaps://127.0.0.1:{found.tls_port}"
        with (folder / "log").open("w") as log:
            running = subprocess.Popen([server, "-f", str(config), "-h", urls, "-d", "0"], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while not listens(found.tls_port):
                assert running.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.05)
            yield found
        finally:
            running.terminate()
            running.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
