"""What a failed test's cluster looks like: it is gone when somebody reads of the failure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hermetic.node import policies
from tests.hermetic.state import ClusterError, Folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster

_LONGEST = 4000
"""Characters of each view. What matters is mostly at the end."""

_VIEWS = {
    "pods": ("get", "pods", "--all-namespaces", "--output=wide"),
    "jobs and claims": ("get", "jobs,persistentvolumeclaims", "--all-namespaces"),
    "warnings": ("get", "events", "--all-namespaces", "--field-selector=type=Warning", "--sort-by=.lastTimestamp"),
    "Applications": ("get", "applications.core.oam.dev", "--all-namespaces"),
}

_PROGRAMS = ("kubelet", "containerd", "kube-proxy", "network-policies", "coredns", "vela-core", "supervisor")

# What judges policies tries a rule that our kernel lacks, at every change, and says so each time: see policies.py.
_NOISE = re.compile(r"nftables|netlink receive|conn\.Receive|^ >|level=info|^I\d{4} ")


def of(cluster: Cluster) -> str:
    """Return objects, connections that nobody answers, and the last words of the node's programs."""
    folder = Folder(cluster.kubeconfig.parent)
    views = {name: _shown(cluster, *arguments) for name, arguments in _VIEWS.items()}
    views["connections"] = "\n".join(_connections(folder))
    for program in _PROGRAMS:
        lines = [line for line in folder.tail(program, 2000).splitlines() if not _NOISE.search(line)]
        views[f"{program}.log"] = "\n".join(line[:400] for line in lines[-12:])
    return "\n".join(f"--- {name}\n{text[-_LONGEST:]}" for name, text in views.items() if text)


def _shown(cluster: Cluster, *arguments: str) -> str:
    try:
        done = cluster.kubectl(*arguments, check=False, timeout=30)
    except ClusterError as error:
        return str(error)
    return done.stdout or done.stderr


def _connections(folder: Folder) -> Iterator[str]:
    """Yield the queue of packets that wait for a verdict, and the connections whose first packet had no answer."""
    state = folder.read()
    for inside in _children(state.pid) if state else []:
        netfilter = inside / "net/netfilter/nfnetlink_queue"
        if not netfilter.is_file():
            continue
        # The kernel's nfnetlink_queue.c, seq_show: number, reader, waiting, mode, range, dropped, not read, last, 1.
        for line in netfilter.read_text().splitlines():
            number, _, waiting, _, _, dropped, unread, *_ = line.split()
            if number == str(policies.QUEUE):
                yield f"waiting for a verdict {waiting}, dropped {dropped}, never read {unread}"
        tracked = inside / "net/nf_conntrack"
        if tracked.is_file():
            yield from (line for line in tracked.read_text().splitlines() if "UNREPLIED" in line)


def _children(pid: int) -> Iterator[Path]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == pid:
            yield stat.parent
