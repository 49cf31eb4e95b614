"""The faces of the server. They do not know each other; what they share stands here beside them."""
