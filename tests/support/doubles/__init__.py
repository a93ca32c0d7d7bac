"""Stand-ins for what the product's scripts talk to, and the shells that they run in."""
