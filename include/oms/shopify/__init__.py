"""Talking to Shopify: the client, its documents, bulk operations and levels."""
