"""What a Kubernetes API server asks of objects."""
