"""Build, check and publish the vela-realtime KubeVela definitions."""

__version__ = "1.0.0"
