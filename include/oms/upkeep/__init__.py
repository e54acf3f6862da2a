"""What keeps the database small and safe: retention, backup, and the way back from a backup."""
