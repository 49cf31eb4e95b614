"""Clusters that were registered, workloads made from images, pull secrets. All calls to them go out here."""
