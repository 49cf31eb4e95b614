"""The face for operators: is it alive, is it ready, what does it measure."""
