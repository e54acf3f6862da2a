create or replace function oms.counting_entry(of_item bigint, counted_as_of timestamptz) returns bigint
    language sql stable parallel safe as $$
    select entry.entry_id
      from oms.inventory_ledger as entry
      join oms.import_log as log using (log_id)
     where entry.inventory_item_id = of_item
       and entry.effective_at = counted_as_of
       and log.kind = 'reset'
     order by entry.entry_id desc
     limit 1
$$;
comment on function oms.counting_entry is 'The ledger entry of a count; null if the count changed nothing and left none.';
