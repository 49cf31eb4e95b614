"""Who changed what, or tried to: records in a chain that nobody alters unseen. Pulls are not recorded."""
