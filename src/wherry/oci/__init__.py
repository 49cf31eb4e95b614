"""The OCI vocabulary as pure values: parsed once at the edge, trusted below it. No I/O."""
