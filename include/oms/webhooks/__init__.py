"""Webhooks of Shopify: which we know, taking deliveries in, looking after the subscriptions."""
