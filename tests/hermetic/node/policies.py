"""NetworkPolicies in force on the real node.

What judges is the package of ``sigs.k8s.io/kube-network-policies``. It hands the first packet of each connection to
itself by nftables' ``queue``, which not every kernel has; the same is done here by iptables' target ``NFQUEUE``.
Beside what pods send to one another, what they send to the node is judged too, the API server and DNS among it.

A pod that is just starting is not known to it yet, and would pass. Its connections are held back until it is: TCP sends
the first packet again after a second.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.hermetic import processes, programs
from tests.hermetic.node import containerd, kubernetes, packages
from tests.hermetic.state import ClusterError
from vela_realtime import process
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from tests.hermetic.processes import Child
    from tests.hermetic.state import Folder

QUEUE = 100
TABLE, KNOWN = "pods", "known"

# UDP is let through: a name that is asked for would be asked for again after five seconds only.
_HELD_BACK = f"ip saddr {containerd.POD_NETWORK} ip saddr != @{KNOWN} meta l4proto tcp ct state new drop"

_UNKNOWN_PODS = f"""\
table inet {TABLE} {{
  set {KNOWN} {{ type ipv4_addr; }}
  chain forwarded {{ type filter hook forward priority -10; {_HELD_BACK}; }}
  chain received {{ type filter hook input priority -10; {_HELD_BACK}; }}
}}
"""

_BEGUN = ("-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT")
_JUDGED = ("-j", "NFQUEUE", "--queue-num", str(QUEUE))

_RULES = (
    ("FORWARD", *_BEGUN),
    ("FORWARD", "-s", containerd.POD_NETWORK, *_JUDGED),
    ("FORWARD", "-d", containerd.POD_NETWORK, *_JUDGED),
    ("INPUT", *_BEGUN),
    ("INPUT", "-s", containerd.POD_NETWORK, *_JUDGED),
)
"""Without anybody who listens, NFQUEUE drops. The kubelet's probes come from the node itself, and pass by neither."""


def start(folder: Folder) -> Child:
    """Put the policies in force, and wait until they are.

    Raises:
        ClusterError: the kernel does not have what it takes, or the program ends.
    """
    _run("nft", "--file", "-", stdin=_UNKNOWN_PODS)
    for chain, *rule in _RULES:
        _run("iptables-nft", "--append", chain, *rule)
    child = processes.start(
        folder,
        "network-policies",
        [
            gobuild.path(programs.NETWORK_POLICIES),
            f"--kubeconfig={folder.kubeconfig}",
            f"--node={kubernetes.NODE}",
            f"--queue={QUEUE}",
            f"--table={TABLE}",
            f"--set={KNOWN}",
        ],
    )
    child.wait_until(_somebody_listens)
    return child


def _somebody_listens() -> bool:
    """Tell whether the kernel knows a reader of the queue: the first column has the numbers of those with one."""
    with open("/proc/net/netfilter/nfnetlink_queue", encoding="ascii") as queues:  # noqa: PTH123 - no ordinary file
        return any(line.split()[0] == str(QUEUE) for line in queues)


def _run(program: str, *arguments: str, stdin: str | None = None) -> None:
    root = packages.path()
    (plugins,) = root.glob("usr/lib/*-linux-gnu/xtables")
    env = {**packages.environment(root), "XTABLES_LIBDIR": str(plugins)}
    found = shutil.which(program, path=env["PATH"])
    done = process.run([found or program, *arguments], env=env, stdin=stdin)
    if not done.ok:
        raise ClusterError(
            f"{program} {' '.join(arguments)}: {done.stderr.strip()}",
            "the kernel needs nfnetlink_queue and xt_NFQUEUE: modprobe xt_NFQUEUE",
        )
