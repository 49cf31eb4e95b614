"""Triggers: a push of an image updates the workloads that asked for it."""
