"""What speaks to a real cluster: the implementations of the ports that this domain declares."""
