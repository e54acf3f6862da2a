"""Stock: figures for people, and the check of what must always hold."""
