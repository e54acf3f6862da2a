"""Restocks that are prepared now, then received and shown in the shop at their time (inventory.md 5.13)."""
