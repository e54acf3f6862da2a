"""Stock that comes from Shopify: levels in bulk, in files and by webhook (spec inventory.md 5.14-5.16)."""
