-- What the second look at a drift needs: which imports of orders ended when, and what was learned meanwhile
-- that moves one side of a guarded comparison alone. And what Shopify does to a level that shows QOH.
-- Source: spec inventory.md 6.7, INV-40 to INV-43, INV-50.

create table oms.order_import (
    import_id           bigint generated always as identity primary key,
    shop_id             text collate "C" not null references oms.shop,
    parts               text[] not null check (cardinality(parts) > 0 and parts <@ array['orders', 'changes', 'returns']),
    covers_to           timestamptz,
    run_id              text not null,
    began_at            timestamptz not null default clock_timestamp(),
    began_tx            xid8 not null default pg_current_xact_id(),
    ended_at            timestamptz
);
comment on table oms.order_import is 'Imports of orders from a shop: a drift is acted on when one that began after it was seen has ended (inventory.md 6.7).';
comment on column oms.order_import.parts is 'What it takes in: orders: new ones; changes: of quantities, cancellations, fulfilments; returns: refunds of what was delivered.';
comment on column oms.order_import.covers_to is 'It takes in what happened in Shopify until then; null: until it began.';
comment on column oms.order_import.began_tx is 'The transaction in which it began: after a look if its number is higher. No clock is compared.';
create index order_import_shop on oms.order_import (shop_id, began_tx);

create table oms.sync_learned (
    fact_id                   bigint generated always as identity primary key,
    shop_id                   text collate "C" not null,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint not null,
    kind                      text not null check (kind in ('fulfilled', 'cancelled', 'sold', 'refunded', 'fulfilling')),
    order_id                  bigint not null,
    order_item_seq            integer not null,
    recorded_at               timestamptz not null default now(),
    tx                        xid8 not null default pg_current_xact_id(),
    foreign key (order_id, order_item_seq) references oms.order_item
);
comment on table oms.sync_learned is 'What the OMS learned of a level that moves one side of a guarded comparison alone, append-only (inventory.md 6.7).';
comment on column oms.sync_learned.kind is 'fulfilled: by somebody else; cancelled: and not restocked; sold: handed over at once; refunded: what was delivered came back; fulfilling: we are about to tell Shopify of a fulfilment.';
create index sync_learned_level on oms.sync_learned (shop_id, shopify_location_id, shopify_inventory_item_id, tx);
create index sync_learned_tx on oms.sync_learned (tx);
create trigger append_only before update or delete or truncate on oms.sync_learned
    for each statement execute function oms.refuse_change();

alter table oms.sync_look add column tx xid8 not null default pg_current_xact_id();
comment on column oms.sync_look.tx is 'The transaction that stored the look, after the reading: an import that began in a later one has seen all of it.';

create function oms.is_due(look oms.sync_look) returns boolean language sql stable as $$
    select not exists (
        select from (select unnest(array['orders', 'changes']) as part
                     union
                     select unnest(known.parts) from oms.order_import as known where known.shop_id = look.shop_id) as wanted
         where not exists (select from oms.order_import as run
                            where run.shop_id = look.shop_id
                              and wanted.part = any (run.parts)
                              and run.ended_at is not null
                              and run.began_tx > look.tx
                              and (run.covers_to is null or run.covers_to >= look.looked_at)))
$$;
comment on function oms.is_due is 'Whether imports of orders and of their changes, and of whatever else is ever imported from the shop, that began after a look was stored have ended.';

create table oms.sync_untaken (
    shop_id                   text collate "C" not null,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint not null,
    units                     integer not null check (units > 0),
    since                     timestamptz not null default now(),
    primary key (shop_id, shopify_location_id, shopify_inventory_item_id)
);
comment on table oms.sync_untaken is 'Units that Shopify holds committed and the OMS does not know, at every guarded look since then (inventory.md 6.8).';
comment on column oms.sync_untaken.units is 'The smallest number that a look has found.';

alter table oms.order_item
    add column fulfilling_since  timestamptz,
    add column kept_quantity     integer not null default 0,
    add check (kept_quantity between 0 and quantity - cancel_quantity);
comment on column oms.order_item.fulfilling_since is 'A fulfilment of ours was sent and not answered: looks at the level do not count (inventory.md 6.7).';
comment on column oms.order_item.kept_quantity is 'Units that Shopify has cancelled and the OMS delivers all the same, because they are packed (CANCEL_AFTER_PACK, INV-41).';
create index order_item_fulfilling on oms.order_item (product_id) where fulfilling_since is not null;

create view oms.order_item_level as
select item.order_id, item.order_item_seq, header.shop_id, item.shopify_location_id,
       coalesce(sold.shopify_inventory_item_id, variant.shopify_inventory_item_id) as shopify_inventory_item_id
  from oms.order_item as item
  join oms.order_header as header using (order_id)
  left join oms.sync_book as sold
    on sold.cause_key = format('order:%s:%s:sold', item.order_id, item.order_item_seq)
  left join oms.shop_product as variant
    on variant.shop_id = header.shop_id and variant.product_id = item.product_id
   and variant.thru_date is null and variant.tracked
 where header.shop_id is not null
   and item.shopify_location_id is not null
   and coalesce(sold.shopify_inventory_item_id, variant.shopify_inventory_item_id) is not null;
comment on view oms.order_item_level is 'The level whose units an order item is about: the inventory item from which it was sold or, where its product was not linked then, the one of now, at the location where Shopify holds the units.';

create view oms.level_by_on_hand as
select shop_id, shopify_location_id
  from oms.shop_location
 where facility_group_id is null
   and physical_basis = 'QOH';
comment on view oms.level_by_on_hand is 'Locations whose books count on_hand: fulfilment and restock move it, an order does not (inventory.md 6.3, INV-50).';

create function oms.note_other_basis() returns trigger language plpgsql as $$
begin
    update oms.sync_level
       set opened_at = null
     where shop_id = new.shop_id
       and shopify_location_id = new.shopify_location_id;
    new.compared = null;
    new.compared_at = null;
    return new;
end $$;
comment on function oms.note_other_basis is 'Books that counted available count on_hand from now on, or the reverse: they are opened anew by the next comparison.';
create trigger note_other_basis before update on oms.shop_location
    for each row
    when ((old.facility_group_id is null and old.physical_basis = 'QOH')
          <> (new.facility_group_id is null and new.physical_basis = 'QOH'))
    execute function oms.note_other_basis();
