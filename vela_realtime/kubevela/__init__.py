"""Running ``vela``, and what KubeVela knows: definitions, and the Applications that use them."""
