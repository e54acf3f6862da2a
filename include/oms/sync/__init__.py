"""Telling Shopify our figures: plan, push, settle (spec inventory.md 6)."""
