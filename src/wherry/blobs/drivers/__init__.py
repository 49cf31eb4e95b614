"""Where bytes can live. Chosen by `wherry.blobs.open_store`; nothing else imports a driver by name."""
