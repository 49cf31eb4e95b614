"""What agents of clusters ask: their manifest, once, and the tunnel that they hold."""
