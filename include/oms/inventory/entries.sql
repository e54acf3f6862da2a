-- The way into the ledger. Rules: inventory.md 1.2, 1.3; architecture.md 8, 1 and 2.

-- name: write
-- The database moves the positions (oms.move_positions) and checks what an entry names (oms.check_entries), in the
-- same statement. The rows come in the order in which positions are locked: facility, product, location.
insert into oms.inventory_ledger ({columns})
{rows}
