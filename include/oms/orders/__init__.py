"""Orders, as far as they move stock."""
