"""Build and check the vela-realtime KubeVela definitions, and Applications that use them."""

__version__ = "1.0.0"
