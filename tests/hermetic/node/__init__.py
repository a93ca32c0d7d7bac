"""A node that really runs pods, beside the ones that are played.

Everything of it lives in namespaces of its own (processes, mounts, network), which the kernel takes away with their
first process: nothing is installed, and nothing stays.
"""
