"""Workloads: a typed request becomes plain Kubernetes objects, and back; what runs is watched and changed."""
