create or replace function oms.keep_books() returns trigger language plpgsql as $$
begin
    insert into oms.sync_level as kept (shop_id, shopify_location_id, shopify_inventory_item_id, book)
    select shop_id, shopify_location_id, shopify_inventory_item_id, sum(amount)
      from new_entries
     group by shop_id, shopify_location_id, shopify_inventory_item_id
     order by shop_id, shopify_location_id, shopify_inventory_item_id
    on conflict (shop_id, shopify_location_id, shopify_inventory_item_id) do update
       set book = kept.book + excluded.book;
    if exists (select from new_entries where kind in ('act', 'line_left', 'drift')) then
        perform pg_notify('oms_stock_changed', '');
    end if;
    return null;
end $$;
comment on function oms.keep_books is 'Book = sum of its entries, at every commit.';

create or replace trigger keep_books after insert on oms.sync_book
    referencing new table as new_entries for each statement execute function oms.keep_books();
