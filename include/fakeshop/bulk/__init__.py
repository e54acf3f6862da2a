"""Bulk operations (shopify.md 2): which documents are allowed, how queries are walked, how operations run."""
