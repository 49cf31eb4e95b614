"""The agent that joins a cluster: its program, the manifest that runs it, and what is kept of it."""
