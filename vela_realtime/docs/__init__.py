"""The documentation as a site: ``pages`` has what is on it, ``site`` builds it."""
