"""How far the shops are from our figures, and why."""
