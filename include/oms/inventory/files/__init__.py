"""File types about stock: one module and one .sql file each (inventory.md 5)."""
