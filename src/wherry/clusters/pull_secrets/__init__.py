"""Pull secrets: what nodes log in to the registry with. Made, kept in every namespace, rotated, listed."""
