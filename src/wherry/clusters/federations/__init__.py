"""Federations are Karmada's: what goes where is said in its own policies, and its status is read back."""
