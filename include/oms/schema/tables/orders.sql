-- Orders, as far as queue demand, reservations and the books of levels need them.

create table oms.order_header (
    order_id         bigint generated always as identity primary key,
    product_store_id text collate "C" not null references oms.product_store,
    shop_id          text collate "C" references oms.shop,
    external_id      text collate "C",
    order_name       text,
    status           text not null default 'CREATED' check (status in ('CREATED', 'APPROVED', 'HOLD', 'COMPLETED', 'CANCELLED')),
    order_date       timestamptz not null default now(),
    entry_date       timestamptz not null default now(),
    unique (shop_id, external_id)
);
comment on table oms.order_header is 'A sales order of any channel; shop_id null: not from Shopify.';
create unique index order_header_external on oms.order_header ((coalesce(shop_id, '')), external_id)
    where external_id is not null;
comment on index oms.order_header_external is 'An order is taken in once, also where it comes from no shop.';

create table oms.order_ship_group (
    order_id       bigint not null references oms.order_header,
    ship_group_seq integer not null,
    facility_id    text collate "C" not null references oms.facility,
    primary key (order_id, ship_group_seq)
);
comment on table oms.order_ship_group is 'Where the items of an order wait (virtual facility = queue) or are to be shipped from.';

create table oms.order_item (
    order_id                  bigint not null references oms.order_header,
    order_item_seq            integer not null,
    ship_group_seq            integer not null,
    product_id                bigint not null references oms.product,
    external_line_id          text collate "C",
    quantity                  integer not null check (quantity > 0),
    cancel_quantity           integer not null default 0 check (cancel_quantity between 0 and quantity),
    status                    text not null default 'CREATED' check (status in ('CREATED', 'APPROVED', 'COMPLETED', 'CANCELLED')),
    shopify_location_id       bigint,
    committed_quantity        integer not null default 0 check (committed_quantity >= 0),
    fulfilling_since          timestamptz,
    kept_quantity             integer not null default 0 check (kept_quantity between 0 and quantity - cancel_quantity),
    issued_quantity           integer not null default 0 check (issued_quantity between 0 and quantity),
    shopify_inventory_item_id bigint,
    primary key (order_id, order_item_seq),
    foreign key (order_id, ship_group_seq) references oms.order_ship_group
);
comment on table oms.order_item is 'A line of an order, or one unit of it when order items are exploded.';
comment on column oms.order_item.shopify_location_id is 'Location at which Shopify holds the units.';
comment on column oms.order_item.committed_quantity is 'Units Shopify holds committed as far as the OMS was told: the K of inventory.md 6.7.';
comment on column oms.order_item.fulfilling_since is 'A fulfilment of ours was sent and not answered: looks at the level do not count (inventory.md 6.7).';
comment on column oms.order_item.kept_quantity is 'Units that Shopify has cancelled and the OMS delivers all the same, because they are packed (CANCEL_AFTER_PACK, INV-41).';
comment on column oms.order_item.issued_quantity is 'Units of an open item that left QOH when they were packed (deplete_on_pack): neither reserved nor demand.';
comment on column oms.order_item.shopify_inventory_item_id is 'Inventory item from which the units were sold; null: its product was not linked or not tracked then.';
create index order_item_open on oms.order_item (product_id) where status in ('CREATED', 'APPROVED');
create index order_item_committed on oms.order_item (shopify_location_id, product_id) where committed_quantity > 0;
create index order_item_fulfilling on oms.order_item (product_id) where fulfilling_since is not null;

create table oms.order_import (
    import_id bigint generated always as identity primary key,
    shop_id   text collate "C" not null references oms.shop,
    parts     text[] not null check (cardinality(parts) > 0 and parts <@ array['orders', 'changes', 'returns']),
    covers_to timestamptz,
    run_id    text not null,
    began_at  timestamptz not null default clock_timestamp(),
    began_tx  xid8 not null default pg_current_xact_id(),
    ended_at  timestamptz
);
comment on table oms.order_import is 'Imports of orders from a shop: a drift is acted on when one that began after it was seen has ended (inventory.md 6.7).';
comment on column oms.order_import.parts is 'What it takes in: orders: new ones; changes: of quantities, cancellations, fulfilments; returns: refunds of what was delivered.';
comment on column oms.order_import.covers_to is 'It takes in what happened in Shopify until then; null: until it began.';
comment on column oms.order_import.began_tx is 'The transaction in which it began: after a look if its number is higher. No clock is compared.';
create index order_import_shop on oms.order_import (shop_id, began_tx);
create index order_import_returns on oms.order_import (shop_id) where 'returns' = any (parts);

create table oms.state_move (
    subject            text collate "C" not null check (subject in ('ORDER', 'ITEM', 'SHIPMENT')),
    old_state          text collate "C" not null,
    new_state          text collate "C" not null,
    happens            text not null,
    primary key (subject, old_state, new_state),
    check (old_state <> new_state)
);
comment on table oms.state_move is 'Moves between states that are allowed, and when they happen; an event of any other is refused (orders.md 1.2).';
insert into oms.state_move (subject, old_state, new_state, happens) values
    ('ORDER',    'CREATED',   'APPROVED',  'approved'),
    ('ORDER',    'APPROVED',  'HOLD',      'a person holds it'),
    ('ORDER',    'HOLD',      'APPROVED',  'a person lets it go on'),
    ('ORDER',    'CREATED',   'COMPLETED', 'its last open item is finished, and one was handed over'),
    ('ORDER',    'APPROVED',  'COMPLETED', 'its last open item is finished, and one was handed over'),
    ('ORDER',    'HOLD',      'COMPLETED', 'its last open item is finished, and one was handed over'),
    ('ORDER',    'CANCELLED', 'COMPLETED', 'emptied, and an item that was handed over is added'),
    ('ORDER',    'CREATED',   'CANCELLED', 'its last item is cancelled'),
    ('ORDER',    'APPROVED',  'CANCELLED', 'its last item is cancelled'),
    ('ORDER',    'HOLD',      'CANCELLED', 'its last item is cancelled'),
    ('ORDER',    'CANCELLED', 'APPROVED',  'emptied, not cancelled, and it gets open items (C)'),
    ('ORDER',    'COMPLETED', 'APPROVED',  'it gets open items (C)'),
    ('ITEM',     'CREATED',   'APPROVED',  'with its order'),
    ('ITEM',     'CREATED',   'COMPLETED', 'handed over'),
    ('ITEM',     'APPROVED',  'COMPLETED', 'handed over'),
    ('ITEM',     'CREATED',   'CANCELLED', 'nothing of it is left'),
    ('ITEM',     'APPROVED',  'CANCELLED', 'nothing of it is left'),
    ('SHIPMENT', 'INPUT',     'APPROVED',  'picked'),
    ('SHIPMENT', 'APPROVED',  'PACKED',    'packed'),
    ('SHIPMENT', 'PACKED',    'SHIPPED',   'handed to the carrier'),
    ('SHIPMENT', 'INPUT',     'CANCELLED', 'given up'),
    ('SHIPMENT', 'APPROVED',  'CANCELLED', 'given up'),
    ('SHIPMENT', 'PACKED',    'CANCELLED', 'unpacked where the store allows it, or by force (orders.md 13)');

create table oms.order_event (
    event_id           bigint generated always as identity primary key,
    order_id           bigint not null references oms.order_header,
    order_item_seq     integer,
    shipment_id        bigint,
    kind               text collate "C" not null check (kind in ('STATE', 'QUANTITY', 'ADDRESS', 'FACILITY')),
    old                text,
    new                text,
    cause              text not null,
    run_id             text default nullif(current_setting('oms.run_id', true), ''),
    tx                 xid8 not null default pg_current_xact_id(),
    at                 timestamptz not null default now(),
    moved              text collate "C" generated always as (case when kind = 'STATE' then case
                           when shipment_id is not null then 'SHIPMENT'
                           when order_item_seq is not null then 'ITEM'
                           else 'ORDER' end end) stored,
    check (kind <> 'STATE' or (old is not null and new is not null)),
    check (old is distinct from new),
    foreign key (moved, old, new) references oms.state_move (subject, old_state, new_state)
);
comment on table oms.order_event is 'What has happened to an order, append-only: its states, units, addresses and facilities (orders.md 1.3).';
comment on column oms.order_event.order_item_seq is 'The item; null: the order itself, or a shipment of it.';
comment on column oms.order_event.old is 'STATE: the state; QUANTITY: the units not cancelled; FACILITY: where the item stood; ADDRESS: the number of the address.';
comment on column oms.order_event.cause is 'What was done, in a word or two.';
comment on column oms.order_event.run_id is 'The run of the job, where one was at work.';
comment on column oms.order_event.moved is 'Of kind STATE: whose state, to be checked against the allowed moves.';
create index order_event_order on oms.order_event (order_id, event_id);
