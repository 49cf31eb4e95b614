"""How deliveries leave: by HTTP, and by mail."""
