"""What a level would show if Shopify and we knew of the same orders (spec inventory.md 6.7)."""
