"""Files that are expected at a time: who is told when one does not come, and of what was refused."""
