"""The file types of this room."""
