"""Products: taken from the shops."""
