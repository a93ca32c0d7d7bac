"""A picture of what an Application creates, and who may talk to whom: see ``model`` first."""
