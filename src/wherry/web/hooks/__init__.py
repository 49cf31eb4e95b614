"""What other registries call to tell of a push there."""
