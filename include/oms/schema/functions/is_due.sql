create or replace function oms.is_due(look oms.sync_look) returns boolean language sql stable as $$
    select not exists (
        select from unnest(array['orders', 'changes', 'returns']) as wanted (part)
         where (wanted.part <> 'returns'
                or exists (select from oms.order_import as known
                            where known.shop_id = look.shop_id and 'returns' = any (known.parts)))
           and not exists (select from oms.order_import as run
                            where run.shop_id = look.shop_id
                              and run.began_tx > look.tx
                              and wanted.part = any (run.parts)
                              and run.ended_at is not null
                              and (run.covers_to is null or run.covers_to >= look.looked_at)))
       and not exists (
        select from oms.pull_reject_level as touched
         where touched.shop_id = look.shop_id
           and touched.shopify_location_id = look.shopify_location_id
           and (touched.shopify_inventory_item_id is null
                or touched.shopify_inventory_item_id = look.shopify_inventory_item_id))
$$;
comment on function oms.is_due is 'Whether imports of orders and of their changes, and of returns where these are ever imported, that began after a look was stored have ended, and no record that touches the level was left out.';
