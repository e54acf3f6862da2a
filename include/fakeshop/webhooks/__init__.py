"""Webhooks out: what is told, in which words, and how it gets there (shopify.md 4)."""
