"""May they: actions as data, decisions with their reason, registry tokens."""
