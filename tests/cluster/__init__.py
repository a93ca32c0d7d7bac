"""Tests of the definitions on a real Kubernetes API server with a real KubeVela."""
