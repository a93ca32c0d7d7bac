"""Platforms proven by use, on a cluster that can pull the vendors' images: that of ``KUBECONFIG``.

Without ``KUBECONFIG`` the same files run on the real node of ``tests/pods`` and its images; what needs a part that can
only be played there is skipped, and the report names it.
"""
