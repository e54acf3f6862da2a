-- Positions that balances without asOf name. Rules: inventory.md 6.8.

-- name: named
select facility_id, location_seq_id, product_id >> 15, array_send(array_agg((product_id & 32767)::integer))
  from {rows} as row
 where {condition}
 group by 1, 2, 3
